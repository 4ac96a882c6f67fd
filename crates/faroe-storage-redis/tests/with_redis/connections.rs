//! Calls while the connection breaks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::{
    storage::{AddOutcome, Entry, Storage, UpdateOutcome},
    user_store::Counter,
};
use faroe_storage_redis::RedisStorage;
use tokio::task::JoinSet;

use crate::{
    proxy::{Mode, Proxy},
    server::Server,
};

const HOUR: Duration = Duration::from_secs(3600);

/// The longest time of a call, and a margin for a busy machine.
const IN_TIME: Duration = Duration::from_secs(3);

/// A storage behind a proxy, with an entry that has the key `key`.
async fn storage_behind_proxy(server: &Server) -> (Proxy, RedisStorage) {
    let rest = server.url.strip_prefix("redis://").unwrap();
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (format!("{credentials}@"), address),
        None => (String::new(), authority),
    };
    let port = if address.contains(':') { "" } else { ":6379" };
    let proxy = Proxy::start(format!("{address}{port}")).await;
    let url = format!("redis://{credentials}127.0.0.1:{}/{database}", proxy.port);
    let storage = RedisStorage::new(server.connect_to(&url).await);
    let add = storage.add("key", b"value", server.after(HOUR)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    (proxy, storage)
}

fn entry(value: &str, updates: i32) -> Option<Entry> {
    Some(Entry {
        value: value.into(),
        counter: Counter::new(updates).unwrap(),
    })
}

pub(crate) async fn a_connection_that_was_lost_in_silence_costs_no_read(server: Server) {
    let (proxy, storage) = storage_behind_proxy(&server).await;
    for _ in 0..3 {
        proxy.cut().await;
        assert_eq!(storage.get("key").await.unwrap(), entry("value", 0));
    }
}

pub(crate) async fn calls_fail_at_once_while_the_server_is_down_and_work_when_it_is_back(
    server: Server,
) {
    let (proxy, storage) = storage_behind_proxy(&server).await;
    proxy.set(Mode::Down);
    proxy.cut().await;
    let begun = Instant::now();
    for _ in 0..10 {
        assert!(storage.get("key").await.is_err());
        let update = storage.update("key", b"new", server.after(HOUR), Counter::ZERO);
        assert!(update.await.is_err());
    }
    assert!(begun.elapsed() < IN_TIME);
    proxy.set(Mode::Open);
    assert_eq!(storage.get("key").await.unwrap(), entry("value", 0));
    let update = storage.update("key", b"new", server.after(HOUR), Counter::ZERO);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
}

pub(crate) async fn a_server_that_stops_answering_fails_in_time_and_works_when_it_answers_again(
    server: Server,
) {
    let (proxy, storage) = storage_behind_proxy(&server).await;
    proxy.set(Mode::BlackHole);
    for _ in 0..2 {
        let begun = Instant::now();
        assert!(storage.get("key").await.is_err());
        assert!(begun.elapsed() < IN_TIME);
    }
    // The answers that were swallowed stay lost, so a new connection is needed.
    proxy.set(Mode::Open);
    assert_eq!(storage.get("key").await.unwrap(), entry("value", 0));
}

pub(crate) async fn an_update_whose_answer_was_lost_is_an_error_and_applied_once(server: Server) {
    let (proxy, storage) = storage_behind_proxy(&server).await;
    proxy.set(Mode::LoseAnswers);
    let update = storage.update("key", b"new", server.after(HOUR), Counter::ZERO);
    assert!(update.await.is_err_and(|error| !error.is_conflict()));
    proxy.set(Mode::Open);
    assert_eq!(storage.get("key").await.unwrap(), entry("new", 1));
}

pub(crate) async fn an_update_that_was_lost_on_its_way_is_an_error_and_not_applied(server: Server) {
    let (proxy, storage) = storage_behind_proxy(&server).await;
    proxy.set(Mode::LoseRequests);
    let update = storage.update("key", b"new", server.after(HOUR), Counter::ZERO);
    assert!(update.await.is_err_and(|error| !error.is_conflict()));
    proxy.set(Mode::Open);
    assert_eq!(storage.get("key").await.unwrap(), entry("value", 0));
}

pub(crate) async fn many_callers_during_an_outage_all_end_in_time(server: Server) {
    const CALLERS: usize = 2_000;
    let (proxy, storage) = storage_behind_proxy(&server).await;
    proxy.set(Mode::BlackHole);
    let (storage, begun) = (Arc::new(storage), Instant::now());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let storage = Arc::clone(&storage);
        callers.spawn(async move { storage.get("key").await.is_err() });
    }
    let failed = callers.join_all().await;
    assert_eq!(failed, [true; CALLERS]);
    assert!(begun.elapsed() < 2 * IN_TIME);
    proxy.set(Mode::Open);
    assert_eq!(storage.get("key").await.unwrap(), entry("value", 0));
}
