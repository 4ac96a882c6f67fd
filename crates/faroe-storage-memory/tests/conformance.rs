//! The storages pass the suites.

use std::process::ExitCode;

use faroe_storage_memory::{MemoryCache, MemoryMainStorage, MemoryRateLimitStorage, MemoryStorage};
use faroe_testkit::conformance::{self, cache, main_storage, rate_limit_storage, storage};

fn main() -> ExitCode {
    conformance::run([
        storage("storage", async || MemoryStorage::default()),
        main_storage("main_storage", async || MemoryMainStorage::default()),
        rate_limit_storage("rate_limit_storage", async || {
            MemoryRateLimitStorage::default()
        }),
        cache("cache", async || MemoryCache::default()),
    ])
}
