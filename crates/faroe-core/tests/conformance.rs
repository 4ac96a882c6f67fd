//! One storage in every role: the namespaces keep the contracts of the roles that they play.

use std::{process::ExitCode, sync::Arc};

use faroe_core::{
    storage::{Storage, namespace},
    time::SystemClock,
};
use faroe_testkit::{
    conformance::{self, cache, main_storage, rate_limit_storage},
    storage::ReferenceStorage,
};

fn keeping() -> Arc<dyn Storage> {
    Arc::new(ReferenceStorage::keeping_expired())
}

fn dropping() -> Arc<dyn Storage> {
    Arc::new(ReferenceStorage::dropping_expired(Arc::new(SystemClock)))
}

fn main() -> ExitCode {
    let clock = || Arc::new(SystemClock);
    conformance::run([
        main_storage("main_of_a_storage_that_keeps", async || {
            namespace::main(keeping())
        }),
        main_storage("main_of_a_storage_that_drops", async || {
            namespace::main(dropping())
        }),
        rate_limit_storage("rate_limit_of_a_storage_that_keeps", async || {
            namespace::rate_limit(keeping())
        }),
        rate_limit_storage("rate_limit_of_a_storage_that_drops", async || {
            namespace::rate_limit(dropping())
        }),
        cache("cache_of_a_storage_that_keeps", async move || {
            namespace::cache(keeping(), clock())
        }),
        cache("cache_of_a_storage_that_drops", async move || {
            namespace::cache(dropping(), clock())
        }),
    ])
}
