//! The maximum of the counters, and keys with other content.

use std::time::Duration;

use faroe_core::{
    storage::{AddOutcome, Cache, DeleteOutcome, Entry, RateLimitStorage, Storage, UpdateOutcome},
    user_store::Counter,
};
use faroe_storage_redis::{Redis, RedisCache, RedisRateLimitStorage, RedisStorage};

use crate::server::Server;

const MINUTE: Duration = Duration::from_secs(60);

/// 2³¹ − 2, the last counter that can be updated.
const LAST_BUT_ONE: i32 = i32::MAX - 1;

pub(crate) async fn an_update_beyond_the_highest_counter_is_an_error_that_changes_nothing(
    server: Server,
) {
    let storage = RedisStorage::new(server.connect().await);
    let mut content = LAST_BUT_ONE.to_be_bytes().to_vec();
    content.extend(b"value");
    server.set_content("storage:key", &content);

    let last_but_one = Counter::new(LAST_BUT_ONE).unwrap();
    let expires_at = server.after(MINUTE);
    let stale = storage
        .update("key", b"stale", expires_at, Counter::MAX)
        .await;
    assert_eq!(stale.unwrap(), UpdateOutcome::Conflict);
    let update = storage
        .update("key", b"last", expires_at, last_but_one)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);

    let beyond = storage
        .update("key", b"beyond", expires_at, Counter::MAX)
        .await;
    assert!(beyond.is_err_and(|error| !error.is_conflict()));
    let entry = Entry {
        value: b"last".to_vec(),
        counter: Counter::MAX,
    };
    assert_eq!(storage.get("key").await.unwrap(), Some(entry));
    assert_eq!(storage.delete("key").await.unwrap(), DeleteOutcome::Deleted);
    let gone = storage
        .update("key", b"gone", expires_at, Counter::MAX)
        .await;
    assert_eq!(gone.unwrap(), UpdateOutcome::Conflict);
}

pub(crate) async fn a_rate_limit_update_beyond_the_highest_counter_is_an_error_that_changes_nothing(
    server: Server,
) {
    let storage = RedisRateLimitStorage::new(server.connect().await);
    let mut content = LAST_BUT_ONE.to_be_bytes().to_vec();
    content.extend(b"\x02idvalue");
    server.set_content("rate_limit:key", &content);

    let last_but_one = Counter::new(LAST_BUT_ONE).unwrap();
    let expires_at = server.after(MINUTE);
    let update = storage
        .update("key", b"last", expires_at, "id", last_but_one)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);
    let beyond = storage
        .update("key", b"beyond", expires_at, "id", Counter::MAX)
        .await;
    assert!(beyond.is_err_and(|error| !error.is_conflict()));
    let other = storage
        .update("key", b"other", expires_at, "di", Counter::MAX)
        .await;
    assert_eq!(other.unwrap(), UpdateOutcome::Conflict);

    let entry = storage.get("key").await.unwrap().unwrap();
    assert_eq!(
        (entry.value, entry.counter),
        (b"last".to_vec(), Counter::MAX)
    );
    let delete = storage.delete("key", "id", Counter::MAX).await;
    assert_eq!(delete.unwrap(), DeleteOutcome::Deleted);
}

pub(crate) async fn an_entry_that_is_not_ours_is_an_error(server: Server) {
    let redis = server.connect().await;
    let storage = RedisStorage::new(redis.clone());
    let rate_limit_storage = RedisRateLimitStorage::new(redis);
    for content in [&b"abc"[..], b"\xff\xff\xff\xffnegative"] {
        server.set_content("storage:key", content);
        assert!(storage.get("key").await.is_err());
        server.set_content("rate_limit:key", content);
        assert!(rate_limit_storage.get("key").await.is_err());
    }
    server.set_content("rate_limit:key", b"\0\0\0\0\x09short");
    assert!(rate_limit_storage.get("key").await.is_err());
}

pub(crate) async fn storages_with_different_prefixes_do_not_see_each_other(server: Server) {
    let one = RedisStorage::new(server.connect().await);
    let mut options = server.options();
    options.key_prefix = format!("{}other:", server.prefix);
    let other = Redis::connect_with(&server.url, options).await.unwrap();
    let other = RedisStorage::new(other);
    let expires_at = server.after(MINUTE);
    for storage in [&one, &other] {
        let add = storage.add("key", b"value", expires_at).await;
        assert_eq!(add.unwrap(), AddOutcome::Added);
    }
    assert_eq!(one.delete("key").await.unwrap(), DeleteOutcome::Deleted);
    assert!(other.get("key").await.unwrap().is_some());
    assert!(server.content("other:storage:key").is_some());
}

pub(crate) async fn storage_and_rate_limit_storage_and_cache_do_not_see_each_other(server: Server) {
    let redis = server.connect().await;
    let storage = RedisStorage::new(redis.clone());
    let rate_limit_storage = RedisRateLimitStorage::new(redis.clone());
    let cache = RedisCache::new(redis);
    let expires_at = server.after(MINUTE);
    let add = storage.add("key", b"stored", expires_at).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    let add = rate_limit_storage
        .add("key", b"limited", "id", expires_at)
        .await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    cache.set("key", b"cached", MINUTE).await.unwrap();
    assert_eq!(storage.get("key").await.unwrap().unwrap().value, b"stored");
    let limited = rate_limit_storage.get("key").await.unwrap().unwrap();
    assert_eq!(limited.value, b"limited");
    assert_eq!(cache.get("key").await.unwrap().unwrap(), b"cached");
}
