//! The reference implementations and every way to hold them pass the suites.

use std::{process::ExitCode, sync::Arc};

use faroe_core::{storage::EmptyCache, time::SystemClock};
use faroe_testkit::{
    conformance::{
        self, Suite, cache, main_storage, rate_limit_storage, storage, user_store,
        user_store_ignoring_case, user_store_with_fields,
    },
    round_robin::RoundRobin,
    storage::{ReferenceCache, ReferenceStorage},
    user_store::ReferenceUserStore,
};

fn keeping() -> ReferenceStorage {
    ReferenceStorage::keeping_expired()
}

fn dropping() -> ReferenceStorage {
    ReferenceStorage::dropping_expired(Arc::new(SystemClock))
}

fn main() -> ExitCode {
    let shared = Arc::new(keeping());
    let handles = async move || RoundRobin::new([Arc::clone(&shared), Arc::clone(&shared)]);
    conformance::run([
        storage("storage_that_keeps", async || keeping()),
        storage("storage_that_drops", async || dropping()),
        storage("storage_with_two_handles", handles),
        main_storage("main_storage_that_keeps", async || keeping()),
        main_storage("main_storage_that_drops", async || dropping()),
        rate_limit_storage("rate_limit_storage_that_keeps", async || keeping()),
        rate_limit_storage("rate_limit_storage_that_drops", async || dropping()),
        cache("cache", async || ReferenceCache::new(Arc::new(SystemClock))),
        cache("empty_cache", async || EmptyCache),
        user_store("user_store", async || ReferenceUserStore::default()),
        user_store_ignoring_case("user_store_ignoring_case", async || {
            ReferenceUserStore::ignoring_email_address_case()
        }),
        user_store_with_fields("user_store_with_fields", async || {
            ReferenceUserStore::with_fields()
        }),
        Suite::unavailable("absent", "this one shows how a missing service looks"),
    ])
}
