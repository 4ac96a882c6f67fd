//! Lifetimes of entries, as Redis reports them. The servers' clock is far from that of Redis.

use std::time::Duration;

use faroe_core::{
    storage::{AddOutcome, Cache, RateLimitStorage, Storage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};
use faroe_storage_redis::{RedisCache, RedisRateLimitStorage, RedisStorage};

use crate::server::{SLACK, Server};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn an_entry_is_kept_for_its_lifetime_and_the_slack_whatever_the_time_is(
    server: Server,
) {
    let storage = RedisStorage::new(server.connect().await);
    for (key, now) in [
        ("past", 1_000),
        ("now", 1_780_000_000_000),
        ("future", 1 << 50),
    ] {
        server.clock.set(UnixTime::from_milliseconds(now));
        let add = storage.add(key, b"value", server.after(HOUR)).await;
        assert_eq!(add.unwrap(), AddOutcome::Added);
        server.assert_lifetime(&format!("storage:{key}"), HOUR + SLACK);
    }
}

pub(crate) async fn an_update_moves_the_lifetime(server: Server) {
    let storage = RedisStorage::new(server.connect().await);
    let add = storage.add("key", b"value", server.after(HOUR)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    for (counter, lifetime) in [(0, 3 * HOUR), (1, HOUR / 2)] {
        let counter = Counter::new(counter).unwrap();
        let update = storage
            .update("key", b"value", server.after(lifetime), counter)
            .await;
        assert_eq!(update.unwrap(), UpdateOutcome::Updated);
        server.assert_lifetime("storage:key", lifetime + SLACK);
    }
    // An update that conflicts does not.
    let update = storage
        .update("key", b"value", server.after(5 * HOUR), Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Conflict);
    server.assert_lifetime("storage:key", HOUR / 2 + SLACK);
}

pub(crate) async fn an_entry_that_has_expired_is_kept_for_the_slack(server: Server) {
    let storage = RedisStorage::new(server.connect().await);
    let expired = [
        UnixTime::from_milliseconds(i64::MIN),
        server.after(Duration::ZERO),
    ];
    for (key, expires_at) in ["long ago", "now"].into_iter().zip(expired) {
        let add = storage.add(key, b"value", expires_at).await;
        assert_eq!(add.unwrap(), AddOutcome::Added);
        server.assert_lifetime(&format!("storage:{key}"), SLACK);
        let again = storage.add(key, b"again", expires_at).await;
        assert_eq!(again.unwrap(), AddOutcome::AlreadyExists);
        let update = storage
            .update(key, b"updated", expires_at, Counter::ZERO)
            .await;
        assert_eq!(update.unwrap(), UpdateOutcome::Updated);
        server.assert_lifetime(&format!("storage:{key}"), SLACK);
    }
}

pub(crate) async fn a_clock_that_steps_by_the_slack_costs_no_live_entry(server: Server) {
    let storage = RedisStorage::new(server.connect().await);
    let expires_at = server.after(HOUR);
    let add = storage.add("key", b"value", expires_at).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    // To another server, whose clock is ahead, the same expiry is nearer.
    server.clock.advance(SLACK);
    let update = storage
        .update("key", b"value", expires_at, Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);
    server.assert_lifetime("storage:key", HOUR);
}

pub(crate) async fn a_rate_limit_entry_has_a_lifetime(server: Server) {
    let storage = RedisRateLimitStorage::new(server.connect().await);
    let add = storage.add("key", b"value", "id", server.after(HOUR)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    server.assert_lifetime("rate_limit:key", HOUR + SLACK);
    let expires_at = server.after(2 * HOUR);
    let update = storage
        .update("key", b"value", expires_at, "id", Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);
    server.assert_lifetime("rate_limit:key", 2 * HOUR + SLACK);
}

pub(crate) async fn a_cached_value_is_kept_for_its_time_to_live_only(server: Server) {
    let cache = RedisCache::new(server.connect().await);
    cache.set("key", b"value", HOUR).await.unwrap();
    // A clock that steps back does not make it live longer.
    server.clock.set(UnixTime::from_milliseconds(0));
    server.assert_lifetime("cache:key", HOUR);
    cache.set("key", b"value", HOUR / 2).await.unwrap();
    server.assert_lifetime("cache:key", HOUR / 2);
}

pub(crate) async fn a_cached_value_is_forgotten_at_its_deadline_by_the_clock(server: Server) {
    let cache = RedisCache::new(server.connect().await);
    cache.set("key", b"value", HOUR).await.unwrap();
    server.clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(cache.get("key").await.unwrap().unwrap(), b"value");
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get("key").await.unwrap(), None);
    assert!(server.content("cache:key").is_some(), "Redis has it yet");
}

pub(crate) async fn a_cached_value_is_seen_by_another_server(server: Server) {
    let cache = RedisCache::new(server.connect().await);
    let another = RedisCache::new(server.connect().await);
    cache.set("key", b"value", HOUR).await.unwrap();
    assert_eq!(another.get("key").await.unwrap().unwrap(), b"value");
    another.delete("key").await.unwrap();
    assert_eq!(cache.get("key").await.unwrap(), None);
    cache.set("forever", b"value", Duration::MAX).await.unwrap();
    assert_eq!(cache.get("forever").await.unwrap().unwrap(), b"value");
}
