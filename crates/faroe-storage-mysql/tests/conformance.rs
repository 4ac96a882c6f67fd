//! The contract of a storage, through one pool and three pools, and properties of MySQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::{
    error::ErrorChain,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_mysql::{
    Database,
    sqlx::{Row, query},
};
use faroe_storage_mysql::MysqlStorage;
use faroe_testkit::{
    clock::ManualClock,
    conformance::{Suite, storage},
    round_robin::RoundRobin,
};
use tokio::{sync::OnceCell, task::JoinSet};

use crate::server::{Case, Schema, cases, random};

#[path = "../../faroe-mysql/tests/support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    let schema = Schema::create();
    let suites = match schema.clone() {
        Ok(schema) => suites(schema),
        Err(reason) => vec![Suite::unavailable("storage", reason)],
    };
    let trials = suites.into_iter().flat_map(Suite::into_trials).collect();
    server::run(&schema, trials, CASES)
}

fn suites(schema: &'static Schema) -> Vec<Suite> {
    let one = Arc::new(OnceCell::new());
    let three = Arc::new(OnceCell::new());
    vec![
        storage("one_pool", async move || {
            let open = async || Arc::new(connect(schema.url()).await);
            Arc::clone(one.get_or_init(open).await)
        }),
        storage("three_pools", async move || {
            let open = async || {
                let mut pools = Vec::new();
                for _ in 0..3 {
                    pools.push(Arc::new(connect(schema.url()).await));
                }
                Arc::new(RoundRobin::new(pools))
            };
            Arc::clone(three.get_or_init(open).await)
        }),
    ]
}

async fn connect(url: String) -> MysqlStorage {
    MysqlStorage::connect(&url).await.unwrap()
}

const CASES: &[Case] = cases![
    servers_that_start_at_once_all_start,
    an_entry_lives_five_minutes_longer_than_its_expiry,
    what_is_gone_stays_gone_when_the_clock_is_set_back,
    of_racing_adds_over_an_expired_entry_one_wins,
    a_counter_at_its_end_is_an_error_that_changes_nothing,
    the_largest_keys_and_values_are_kept,
    a_write_sweeps_what_has_expired,
    losing_the_connections_is_recovered_from,
    errors_hold_neither_key_nor_value,
    a_key_that_is_too_long_is_not_cut_off,
];

const LIFETIME: Duration = Duration::from_secs(60);
const EXTRA_LIFE: Duration = Duration::from_secs(5 * 60);

async fn with_clock(schema: &Schema) -> (MysqlStorage, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let database = Database::connect(&schema.url()).await.unwrap();
    let storage = MysqlStorage::new(database, Arc::clone(&clock) as Arc<dyn Clock>);
    (storage.await.unwrap(), clock)
}

fn entry(value: &[u8], counter: i32) -> Entry {
    Entry {
        value: value.into(),
        counter: Counter::new(counter).unwrap(),
    }
}

async fn servers_that_start_at_once_all_start(schema: &'static Schema) {
    let schema = schema.another().await;
    let mut servers = JoinSet::new();
    for _ in 0..8 {
        servers.spawn(connect(schema.url()));
    }
    for storage in servers.join_all().await {
        assert_eq!(storage.get("key").await.unwrap(), None);
    }
}

async fn an_entry_lives_five_minutes_longer_than_its_expiry(schema: &'static Schema) {
    let (storage, clock) = with_clock(schema).await;
    let [key, updated, deleted] = [random(), random(), random()];
    let expires_at = clock.now().saturating_add(LIFETIME);
    for key in [&key, &updated, &deleted] {
        let added = storage.add(key, b"value", expires_at).await.unwrap();
        assert_eq!(added, AddOutcome::Added);
    }
    clock.advance(LIFETIME + EXTRA_LIFE - Duration::from_millis(1));
    assert_eq!(storage.get(&key).await.unwrap(), Some(entry(b"value", 0)));
    let again = storage.add(&key, b"new", expires_at).await.unwrap();
    assert_eq!(again, AddOutcome::AlreadyExists);

    clock.advance(Duration::from_millis(1));
    assert_eq!(storage.get(&key).await.unwrap(), None);
    let later = clock.now().saturating_add(LIFETIME);
    let update = storage.update(&updated, b"new", later, Counter::ZERO);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Conflict);
    let delete = storage.delete(&deleted).await.unwrap();
    assert_eq!(delete, DeleteOutcome::NotFound);
}

async fn what_is_gone_stays_gone_when_the_clock_is_set_back(schema: &'static Schema) {
    let (storage, clock) = with_clock(schema).await;
    let keys = [random(), random(), random()];
    let (before, expires_at) = (clock.now(), clock.now().saturating_add(LIFETIME));
    for key in &keys {
        let _ = storage.add(key, b"value", expires_at).await.unwrap();
    }
    clock.advance(LIFETIME + EXTRA_LIFE);
    assert_eq!(storage.get(&keys[0]).await.unwrap(), None);
    let update = storage.update(&keys[1], b"new", expires_at, Counter::ZERO);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Conflict);
    let delete = storage.delete(&keys[2]).await.unwrap();
    assert_eq!(delete, DeleteOutcome::NotFound);
    clock.set(before);
    for key in &keys {
        assert_eq!(storage.get(key).await.unwrap(), None);
    }
}

async fn of_racing_adds_over_an_expired_entry_one_wins(schema: &'static Schema) {
    let mut servers = Vec::new();
    for _ in 0..4 {
        servers.push(Arc::new(connect(schema.url()).await));
    }
    for _ in 0..10 {
        let key = random();
        let long_ago = UnixTime::from_milliseconds(0);
        let added = servers[0].add(&key, b"expired", long_ago).await.unwrap();
        assert_eq!(added, AddOutcome::Added);
        let later = SystemClock.now().saturating_add(LIFETIME);
        let mut adds = JoinSet::new();
        for racer in 0..16 {
            let (storage, key) = (Arc::clone(&servers[racer % 4]), key.clone());
            adds.spawn(async move {
                let value = racer.to_string().into_bytes();
                let added = storage.add(&key, &value, later).await.unwrap();
                (added == AddOutcome::Added).then_some(value)
            });
        }
        let winners: Vec<_> = adds.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        let left = servers[1].get(&key).await.unwrap();
        assert_eq!(left, Some(entry(&winners[0], 0)));
    }
}

async fn a_counter_at_its_end_is_an_error_that_changes_nothing(schema: &'static Schema) {
    let storage = connect(schema.url()).await;
    let (key, later) = (random(), SystemClock.now().saturating_add(LIFETIME));
    let _ = storage.add(&key, b"value", later).await.unwrap();
    let last = i32::MAX - 1;
    schema
        .execute(format!(
            "UPDATE faroe_storage SET counter = {last} WHERE entry_key = '{key}'"
        ))
        .await;
    let update = storage.update(&key, b"last", later, Counter::new(last).unwrap());
    assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
    let error = storage.update(&key, b"beyond", later, Counter::MAX).await;
    assert!(!error.unwrap_err().is_conflict());
    let left = storage.get(&key).await.unwrap();
    assert_eq!(left, Some(entry(b"last", i32::MAX)));
}

async fn the_largest_keys_and_values_are_kept(schema: &'static Schema) {
    let storage = connect(schema.url()).await;
    let key = format!("{:~<255}", random());
    let value: Vec<u8> = (0..=u8::MAX).cycle().take(65 * 1024).collect();
    let later = SystemClock.now().saturating_add(LIFETIME);
    let _ = storage.add(&key, &value, later).await.unwrap();
    assert_eq!(storage.get(&key).await.unwrap(), Some(entry(&value, 0)));
}

async fn a_write_sweeps_what_has_expired(schema: &'static Schema) {
    let schema = schema.another().await;
    let (storage, clock) = with_clock(&schema).await;
    let expired = clock.now().as_milliseconds() - i64::try_from(EXTRA_LIFE.as_millis()).unwrap();
    let rows: Vec<String> = (0..450)
        .map(|n| format!("('expired {n}', '', 0, {})", expired - n))
        .chain((1..=50).map(|n| format!("('alive {n}', '', 0, {})", expired + n)))
        .collect();
    schema
        .execute(format!(
            "INSERT INTO faroe_storage VALUES {}",
            rows.join(", ")
        ))
        .await;

    let later = clock.now().saturating_add(LIFETIME);
    let _ = storage.add("alive 0", b"", later).await.unwrap();
    let (deadline, mut left) = (Instant::now() + Duration::from_secs(20), 0);
    while left != 51 {
        assert!(Instant::now() < deadline, "{left} entries were left");
        left = count(&schema).await;
        assert!(left >= 51, "only {left} entries were left");
    }

    // Within the same minute there is no second sweep.
    schema
        .execute(format!(
            "INSERT INTO faroe_storage VALUES ('expired', '', 0, {expired})"
        ))
        .await;
    let _ = storage.add("alive 51", b"", later).await.unwrap();
    assert_eq!(count(&schema).await, 53);
}

async fn count(schema: &Schema) -> i64 {
    let mut connection = schema.connection().await;
    let count = query("SELECT count(*) FROM faroe_storage");
    count.fetch_one(&mut connection).await.unwrap().get(0)
}

async fn losing_the_connections_is_recovered_from(schema: &'static Schema) {
    let schema = schema.another().await;
    let storage = connect(schema.url_with("max_connections=2")).await;
    let (key, later) = (random(), SystemClock.now().saturating_add(LIFETIME));
    let _ = storage.add(&key, b"value", later).await.unwrap();
    schema.kill_connections().await;
    // Each broken connection may fail one call.
    let mut failures = 0;
    while let Err(error) = storage.get(&key).await {
        assert!(!error.is_conflict());
        failures += 1;
        assert!(failures <= 2, "{error:?}");
    }
    assert_eq!(storage.get(&key).await.unwrap(), Some(entry(b"value", 0)));
}

async fn errors_hold_neither_key_nor_value(schema: &'static Schema) {
    let schema = schema.another().await;
    let storage = connect(schema.url()).await;
    let later = SystemClock.now().saturating_add(LIFETIME);
    schema
        .execute("ALTER TABLE faroe_storage ADD CONSTRAINT no_birds CHECK (entry_key <> 'canary')")
        .await;
    let too_long = "canary".repeat(50);
    for key in ["canary", &too_long] {
        let error = storage.add(key, b"canary", later).await.unwrap_err();
        let text = format!("{error:?} {}", ErrorChain(&error));
        assert!(!text.contains("canary"), "{text}");
    }
    schema.execute("DROP TABLE faroe_storage").await;
    let error = storage.get("canary").await.unwrap_err();
    let text = ErrorChain(&error).to_string();
    assert!(text.contains("faroe_storage' doesn't exist"), "{text}");
}

async fn a_key_that_is_too_long_is_not_cut_off(schema: &'static Schema) {
    let storage = connect(schema.url()).await;
    let (key, later) = (random(), SystemClock.now().saturating_add(LIFETIME));
    let too_long = format!("{key:~<256}");
    let error = storage.add(&too_long, b"value", later).await.unwrap_err();
    assert!(!error.is_conflict());
    assert_eq!(storage.get(&too_long[..255]).await.unwrap(), None);
}
