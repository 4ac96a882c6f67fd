//! Promises beyond the contract: a bound, exact expiry, and that no live entry is lost to either.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use faroe_core::{
    storage::{
        AddOutcome, Cache, DeleteOutcome, MainStorage, RateLimitStorage, Storage, UpdateOutcome,
    },
    time::{Clock, UnixTime},
    user_store::Counter,
};
use faroe_storage_memory::{
    MemoryCache, MemoryMainStorage, MemoryOptions, MemoryRateLimitStorage, MemoryStorage,
};
use faroe_testkit::{clock::ManualClock, promise};

const MINUTE: Duration = Duration::from_secs(60);

fn options(maximum_entries: usize) -> (Arc<ManualClock>, MemoryOptions) {
    let clock = Arc::new(ManualClock::default());
    let mut options = MemoryOptions::default();
    options.maximum_entries = maximum_entries;
    options.clock = clock.clone();
    (clock, options)
}

fn after(clock: &ManualClock, duration: Duration) -> UnixTime {
    clock.now().saturating_add(duration)
}

async fn is_there(storage: &MemoryStorage, key: &str) -> bool {
    storage.get(key).await.unwrap().is_some()
}

#[tokio::test]
async fn a_full_storage_refuses_another_entry_and_keeps_every_live_one() {
    let (clock, options) = options(3);
    let storage = MemoryStorage::new(options);
    let end = after(&clock, MINUTE);
    for key in ["a", "b", "c"] {
        assert_eq!(storage.add(key, b"", end).await.unwrap(), AddOutcome::Added);
    }
    let error = storage.add("secret", b"", end).await.unwrap_err();
    assert!(!error.to_string().contains("secret"));
    for key in ["a", "b", "c"] {
        assert!(is_there(&storage, key).await);
    }
    assert!(!is_there(&storage, "secret").await);
    let again = storage.add("a", b"", end).await.unwrap();
    assert_eq!(again, AddOutcome::AlreadyExists);
    let update = storage.update("a", b"new", end, Counter::ZERO).await;
    assert_eq!(update.unwrap(), UpdateOutcome::Updated);

    assert_eq!(storage.delete("b").await.unwrap(), DeleteOutcome::Deleted);
    let add = storage.add("d", b"", end).await.unwrap();
    assert_eq!(add, AddOutcome::Added);
    assert!(storage.add("e", b"", end).await.is_err());
}

#[tokio::test]
async fn a_full_main_storage_refuses_a_new_entry_and_still_overwrites() {
    let (clock, options) = options(2);
    let storage = MemoryMainStorage::new(options);
    let end = after(&clock, MINUTE);
    for key in ["a", "b", "a"] {
        storage.set(key, key.as_bytes(), end).await.unwrap();
    }
    let error = storage.set("secret", b"", end).await.unwrap_err();
    assert!(!error.to_string().contains("secret"));
    storage.set("b", b"new", end).await.unwrap();
    assert_eq!(storage.get("b").await.unwrap().unwrap().value, b"new");
    clock.advance(MINUTE);
    let later = after(&clock, MINUTE);
    storage.set("c", b"", later).await.unwrap();
    assert!(storage.get("a").await.unwrap().is_none());
}

#[tokio::test]
async fn an_entry_lives_until_its_expiry_to_the_millisecond_and_stays_gone() {
    let (clock, options) = options(10);
    let storage = MemoryStorage::new(options);
    let start = clock.now();
    for key in ["read", "updated", "deleted", "added"] {
        let _ = storage.add(key, b"", after(&clock, MINUTE)).await.unwrap();
    }
    clock.advance(MINUTE - Duration::from_millis(1));
    for key in ["read", "updated", "deleted", "added"] {
        assert!(is_there(&storage, key).await);
    }
    clock.advance(Duration::from_millis(1));
    assert!(!is_there(&storage, "read").await);
    let update = storage.update("updated", b"", after(&clock, MINUTE), Counter::ZERO);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Conflict);
    let delete = storage.delete("deleted").await.unwrap();
    assert_eq!(delete, DeleteOutcome::NotFound);
    let add = storage.add("added", b"new", after(&clock, MINUTE)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);

    clock.set(start);
    for key in ["read", "updated", "deleted"] {
        assert!(!is_there(&storage, key).await, "{key} came back");
    }
    let added = storage.get("added").await.unwrap().unwrap();
    assert_eq!(added.value, b"new");
}

#[tokio::test]
async fn expired_entries_make_room_and_updated_ones_stay() {
    let (clock, options) = options(500);
    let storage = MemoryStorage::new(options);
    let soon = after(&clock, MINUTE);
    for number in 0..500 {
        let key = number.to_string();
        let add = storage.add(&key, b"", soon).await.unwrap();
        assert_eq!(add, AddOutcome::Added);
    }
    // All but the last are given a longer life, in a place of the queue that is still the old one.
    for number in 0..499 {
        let key = number.to_string();
        let update = storage.update(&key, b"", after(&clock, 3 * MINUTE), Counter::ZERO);
        assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
    }
    assert!(storage.add("new", b"", soon).await.is_err());
    clock.advance(MINUTE);
    let add = storage.add("new", b"", after(&clock, MINUTE)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    for number in 0..499 {
        assert!(is_there(&storage, &number.to_string()).await);
    }
    assert!(!is_there(&storage, "499").await);
    assert!(storage.add("newer", b"", soon).await.is_err());

    clock.advance(2 * MINUTE);
    for number in 0..500 {
        let key = format!("next {number}");
        let add = storage.add(&key, b"", after(&clock, MINUTE)).await;
        assert_eq!(add.unwrap(), AddOutcome::Added, "{number}");
    }
    for number in 0..500 {
        assert!(is_there(&storage, &format!("next {number}")).await);
    }
}

#[tokio::test]
async fn an_entry_whose_life_is_cut_short_makes_room_when_it_ends() {
    let (clock, options) = options(1);
    let storage = MemoryStorage::new(options);
    let _ = storage
        .add("a", b"", after(&clock, 9 * MINUTE))
        .await
        .unwrap();
    let update = storage.update("a", b"", after(&clock, MINUTE), Counter::ZERO);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
    let end = after(&clock, 9 * MINUTE);
    assert!(storage.add("b", b"", end).await.is_err());
    clock.advance(MINUTE);
    let add = storage.add("b", b"", end).await.unwrap();
    assert_eq!(add, AddOutcome::Added);
}

#[tokio::test]
async fn entries_that_come_and_go_leave_nothing_behind() {
    let (clock, options) = options(2);
    let storage = MemoryStorage::new(options);
    let end = after(&clock, MINUTE);
    for _ in 0..1000 {
        let _ = storage.add("a", b"", end).await.unwrap();
        let delete = storage.delete("a").await.unwrap();
        assert_eq!(delete, DeleteOutcome::Deleted);
    }
    for key in ["a", "b"] {
        assert_eq!(storage.add(key, b"", end).await.unwrap(), AddOutcome::Added);
    }
    assert!(storage.add("c", b"", end).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_adds_fill_a_storage_exactly() {
    let (clock, options) = options(100);
    let storage = Arc::new(MemoryStorage::new(options));
    let end = after(&clock, MINUTE);
    let adds: Vec<_> = (0..400)
        .map(|number| {
            let storage = Arc::clone(&storage);
            let add = async move { storage.add(&number.to_string(), b"", end).await.is_ok() };
            tokio::spawn(add)
        })
        .collect();
    let mut added = 0;
    for add in adds {
        added += usize::from(add.await.unwrap());
    }
    assert_eq!(added, 100);
    let mut there = 0;
    for number in 0..400 {
        there += usize::from(is_there(&storage, &number.to_string()).await);
    }
    assert_eq!(there, 100);
}

#[tokio::test]
async fn a_rate_limit_storage_is_bounded_too() {
    let (clock, options) = options(1);
    let storage = MemoryRateLimitStorage::new(options);
    let add = storage.add("a", b"", "id", after(&clock, MINUTE)).await;
    assert_eq!(add.unwrap(), AddOutcome::Added);
    let end = after(&clock, 2 * MINUTE);
    assert!(storage.add("b", b"", "id", end).await.is_err());
    clock.advance(MINUTE);
    let add = storage.add("b", b"", "id", end).await.unwrap();
    assert_eq!(add, AddOutcome::Added);
}

#[tokio::test]
async fn a_cache_remembers_for_exactly_the_time_to_live_and_no_more_than_fits() {
    let (clock, options) = options(2);
    let cache = MemoryCache::new(options);
    cache.set("a", b"a", MINUTE).await.unwrap();
    cache.set("b", b"b", 2 * MINUTE).await.unwrap();
    cache.set("c", b"c", MINUTE).await.unwrap();
    assert_eq!(cache.get("a").await.unwrap().unwrap(), b"a");
    assert_eq!(cache.get("b").await.unwrap().unwrap(), b"b");
    assert_eq!(cache.get("c").await.unwrap(), None);
    cache.set("b", b"new", MINUTE).await.unwrap();
    assert_eq!(cache.get("b").await.unwrap().unwrap(), b"new");

    clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(cache.get("a").await.unwrap().unwrap(), b"a");
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get("a").await.unwrap(), None);
    assert_eq!(cache.get("b").await.unwrap(), None);
    cache.set("c", b"c", MINUTE).await.unwrap();
    assert_eq!(cache.get("c").await.unwrap().unwrap(), b"c");
}

/// A log that a test reads.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn warnings(&self) -> usize {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.matches("memory storage nearly full").count()
    }
}

#[tokio::test]
async fn p78_a_storage_warns_once_in_a_while_before_it_is_full() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let (clock, options) = options(100);
    let storage = MemoryStorage::new(options);
    let end = after(&clock, 90 * MINUTE);
    for number in 0..79 {
        let _ = storage.add(&number.to_string(), b"", end).await.unwrap();
    }
    assert_eq!((storage.entries(), log.warnings()), (79, 0));
    for number in 79..90 {
        let _ = storage.add(&number.to_string(), b"", end).await.unwrap();
    }
    assert_eq!((storage.entries(), log.warnings()), (90, 1));
    clock.advance(10 * MINUTE - Duration::from_millis(1));
    let _ = storage.add("90", b"", end).await.unwrap();
    assert_eq!(log.warnings(), 1);
    clock.advance(Duration::from_millis(1));
    let _ = storage.add("91", b"", end).await.unwrap();
    assert_eq!(log.warnings(), 2);
    clock.set(UnixTime::from_milliseconds(0));
    let _ = storage.add("92", b"", end).await.unwrap();
    assert_eq!(log.warnings(), 3);

    let (_, options) = self::options(1);
    let cache = MemoryCache::new(options);
    cache.set("a", b"", MINUTE).await.unwrap();
    assert_eq!((cache.entries(), log.warnings()), (1, 3));
    promise::report("P78", "4 storages in memory, a warning at four fifths");
}
