//! The three storages pass the suites.

use std::process::ExitCode;

use faroe_storage_memory::{MemoryCache, MemoryRateLimitStorage, MemoryStorage};
use faroe_testkit::conformance::{self, cache, rate_limit_storage, storage};

fn main() -> ExitCode {
    conformance::run([
        storage("storage", async || MemoryStorage::default()),
        rate_limit_storage("rate_limit_storage", async || {
            MemoryRateLimitStorage::default()
        }),
        cache("cache", async || MemoryCache::default()),
    ])
}
