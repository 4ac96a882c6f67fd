//! The contracts of storage, rate limit storage and cache, on real servers: with one connection, and with several.
//!
//! `FAROE_TEST_REDIS_URL` and `FAROE_TEST_REDIS_CLUSTER_URL` name them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    process::ExitCode,
    sync::{Arc, LazyLock},
};

use faroe_storage_redis::{Redis, RedisCache, RedisOptions, RedisRateLimitStorage, RedisStorage};
use faroe_testkit::{
    conformance::{self, Suite, cache, rate_limit_storage, storage},
    round_robin::RoundRobin,
};

const CONNECTIONS: usize = 4;

fn main() -> ExitCode {
    let server = suites("redis", "FAROE_TEST_REDIS_URL");
    let cluster = suites("redis_cluster", "FAROE_TEST_REDIS_CLUSTER_URL");
    conformance::run(server.into_iter().chain(cluster))
}

fn suites(name: &str, variable: &str) -> Vec<Suite> {
    let Ok(url) = env::var(variable) else {
        return vec![Suite::unavailable(name, format!("{variable} is not set"))];
    };
    let url: Arc<str> = if variable.contains("CLUSTER") {
        url.replacen("redis://", "redis+cluster://", 1).into()
    } else {
        url.into()
    };
    let [one, two, three, four, five] = [(); 5].map(|()| Arc::clone(&url));
    vec![
        storage(format!("{name}_storage"), async move || {
            RedisStorage::new(connect(&one).await)
        }),
        storage(format!("{name}_storage_of_several"), async move || {
            let mut handles = Vec::new();
            for _ in 0..CONNECTIONS {
                handles.push(Arc::new(RedisStorage::new(connect(&two).await)));
            }
            RoundRobin::new(handles)
        }),
        rate_limit_storage(format!("{name}_rate_limit_storage"), async move || {
            RedisRateLimitStorage::new(connect(&three).await)
        }),
        rate_limit_storage(
            format!("{name}_rate_limit_storage_of_several"),
            async move || {
                let mut handles = Vec::new();
                for _ in 0..CONNECTIONS {
                    handles.push(Arc::new(RedisRateLimitStorage::new(connect(&four).await)));
                }
                RoundRobin::new(handles)
            },
        ),
        cache(format!("{name}_cache"), async move || {
            RedisCache::new(connect(&five).await)
        }),
    ]
}

/// Connects with a key prefix of this run, so that nothing else on the server is touched.
async fn connect(url: &str) -> Redis {
    static PREFIX: LazyLock<String> = LazyLock::new(|| {
        let random = RandomState::new().build_hasher().finish();
        format!("faroe-test-{random:016x}:")
    });
    let mut options = RedisOptions::default();
    options.key_prefix = PREFIX.clone();
    Redis::connect_with(url, options).await.unwrap()
}
