//! Promises of this storage alone: expiry by its clock, and one file for several processes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, path::Path, process::Command, sync::Arc, time::Duration};

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_sqlite::{Database, Synchronous, rusqlite::Connection};
use faroe_storage_sqlite::SqliteStorage;
use faroe_testkit::clock::ManualClock;
use tempfile::TempDir;

const MILLISECOND: Duration = Duration::from_millis(1);

async fn in_memory() -> (SqliteStorage, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let storage = SqliteStorage::new(Database::in_memory().unwrap(), clock.clone()).await;
    (storage.unwrap(), clock)
}

fn later(clock: &dyn Clock) -> UnixTime {
    clock.now().saturating_add(Duration::from_secs(3600))
}

/// A storage with an entry that has just expired.
async fn with_expired() -> (SqliteStorage, Arc<ManualClock>) {
    let (storage, clock) = in_memory().await;
    let expires_at = clock.now().saturating_add(MILLISECOND);
    assert_eq!(
        storage.add("key", b"old", expires_at).await.unwrap(),
        AddOutcome::Added
    );
    assert!(storage.get("key").await.unwrap().is_some());
    clock.advance(MILLISECOND);
    (storage, clock)
}

async fn get(storage: &SqliteStorage) -> Option<Entry> {
    storage.get("key").await.unwrap()
}

#[tokio::test]
async fn an_entry_is_absent_for_every_operation_from_its_expiry_on() {
    let (storage, _) = with_expired().await;
    assert_eq!(get(&storage).await, None);

    let (storage, clock) = with_expired().await;
    let update = storage
        .update("key", b"new", later(&*clock), Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(get(&storage).await, None);

    let (storage, _) = with_expired().await;
    assert_eq!(
        storage.delete("key").await.unwrap(),
        DeleteOutcome::NotFound
    );

    let (storage, clock) = with_expired().await;
    assert_eq!(
        storage.add("key", b"new", later(&*clock)).await.unwrap(),
        AddOutcome::Added
    );
    let entry = Entry {
        value: b"new".to_vec(),
        counter: Counter::ZERO,
    };
    assert_eq!(get(&storage).await, Some(entry));
}

#[tokio::test]
async fn what_was_seen_to_be_gone_stays_gone_when_the_clock_is_set_back() {
    for operation in 0..3 {
        let (storage, clock) = with_expired().await;
        match operation {
            0 => assert_eq!(get(&storage).await, None),
            1 => {
                let update = storage
                    .update("key", b"new", later(&*clock), Counter::ZERO)
                    .await;
                assert_eq!(update.unwrap(), UpdateOutcome::Conflict);
            }
            _ => assert_eq!(
                storage.delete("key").await.unwrap(),
                DeleteOutcome::NotFound
            ),
        }
        clock.set(UnixTime::from_milliseconds(0));
        assert_eq!(get(&storage).await, None, "{operation}");
    }
}

#[tokio::test]
async fn a_counter_never_wraps() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let storage = SqliteStorage::connect(&path).await.unwrap();
    let expires_at = later(&SystemClock);
    assert_eq!(
        storage.add("key", b"old", expires_at).await.unwrap(),
        AddOutcome::Added
    );
    let almost = i32::MAX - 1;
    let other = Connection::open(&path).unwrap();
    other
        .execute("UPDATE faroe_storage SET counter = ?1", [almost])
        .unwrap();

    let almost = Counter::new(almost).unwrap();
    let update = storage.update("key", b"new", expires_at, almost).await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);
    storage
        .update("key", b"newer", expires_at, Counter::MAX)
        .await
        .unwrap_err();
    let entry = Entry {
        value: b"new".to_vec(),
        counter: Counter::MAX,
    };
    assert_eq!(get(&storage).await, Some(entry));
    let absent = storage
        .update("absent", b"new", expires_at, Counter::MAX)
        .await;
    assert_eq!(absent.unwrap(), UpdateOutcome::Conflict);
}

#[tokio::test]
async fn entries_survive_a_restart_and_share_the_file_with_an_application() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("application.sqlite");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE notes (text); PRAGMA user_version = 7")
        .unwrap();
    for expected in [AddOutcome::Added, AddOutcome::AlreadyExists] {
        let storage = SqliteStorage::connect(&path).await.unwrap();
        assert_eq!(
            storage
                .add("key", b"value", later(&SystemClock))
                .await
                .unwrap(),
            expected
        );
    }
    let version: i64 = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 7);
}

#[tokio::test]
async fn errors_hold_neither_key_nor_value() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let database = Database::open(&path, Synchronous::Normal).unwrap();
    let storage = SqliteStorage::new(database, Arc::new(SystemClock))
        .await
        .unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE faroe_storage")
        .unwrap();
    let expires_at = later(&SystemClock);
    for error in [
        storage.get("canary").await.unwrap_err(),
        storage
            .add("canary", b"canary", expires_at)
            .await
            .unwrap_err(),
        storage
            .update("canary", b"canary", expires_at, Counter::ZERO)
            .await
            .unwrap_err(),
        storage.delete("canary").await.unwrap_err(),
    ] {
        assert!(format!("{error:?}").contains("faroe_storage"), "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

const PROCESSES: i32 = 3;
const INCREMENTS: i32 = 200;
const CHILD: &str = "FAROE_STORAGE_SQLITE_TEST_FILE";

/// This test runs itself in other processes.
#[tokio::test]
async fn no_increment_of_several_processes_is_lost() {
    if let Some(path) = env::var_os(CHILD) {
        return increment(path.as_ref()).await;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(env::current_exe().unwrap())
                .args(["--exact", "no_increment_of_several_processes_is_lost"])
                .env(CHILD, &path)
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let storage = SqliteStorage::connect(&path).await.unwrap();
    // The first increment is the `add`.
    let sum = get(&storage).await.unwrap().counter.get() + 1;
    assert_eq!(sum, PROCESSES * INCREMENTS);
}

async fn increment(path: &Path) {
    let storage = SqliteStorage::connect(path).await.unwrap();
    let expires_at = later(&SystemClock);
    let mut increments = 0;
    while increments < INCREMENTS {
        increments += match get(&storage).await {
            None => {
                i32::from(storage.add("key", b"", expires_at).await.unwrap() == AddOutcome::Added)
            }
            Some(entry) => {
                let update = storage.update("key", b"", expires_at, entry.counter).await;
                i32::from(update.unwrap() == UpdateOutcome::Updated)
            }
        };
    }
}
