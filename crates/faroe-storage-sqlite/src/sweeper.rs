//! The removal of expired entries in the background.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use faroe_core::{
    error::{AdapterError, ErrorChain},
    time::Clock,
};
use faroe_sqlite::Database;
use tokio::{
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};

use crate::statements;

const INTERVAL: Duration = Duration::from_secs(60);

/// Entries that are removed in one transaction. A hundred take less than a millisecond.
const BATCH: usize = 100;

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sweeper {
    task: JoinHandle<()>,
}

impl Sweeper {
    /// Between sweeps it does not keep the file open.
    pub(crate) fn start(database: Weak<Database>, clock: Arc<dyn Clock>) -> Self {
        let task = tokio::spawn(async move {
            let mut interval = time::interval(INTERVAL);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                let Some(database) = database.upgrade() else {
                    return;
                };
                if let Err(error) = sweep(&database, &*clock).await {
                    tracing::warn!(error = %ErrorChain(&error), "sweep of expired entries failed");
                }
            }
        });
        Self { task }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Removes all expired entries in batches, between which other writes run.
pub(crate) async fn sweep(database: &Database, clock: &dyn Clock) -> Result<(), AdapterError> {
    loop {
        let now = clock.now();
        let sweep = move |connection: &_| statements::sweep(connection, BATCH, now);
        if database
            .write("remove expired entries from SQLite", sweep)
            .await?
            < BATCH
        {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use faroe_core::{
        storage::{AddOutcome, Storage},
        time::UnixTime,
    };
    use faroe_sqlite::{
        Synchronous,
        rusqlite::{self, Connection},
    };
    use faroe_testkit::{clock::ManualClock, promise};

    use super::*;
    use crate::{SCHEMA, SqliteStorage};

    /// A table with this many expired entries and one that has a millisecond to live.
    async fn database(expired: usize, now: UnixTime) -> Database {
        let database = Database::in_memory().unwrap();
        database
            .upgrade("faroe-storage-sqlite", SCHEMA)
            .await
            .unwrap();
        for entry in 0..expired {
            add(&database, format!("expired {entry}"), now, now).await;
        }
        let later = now.saturating_add(Duration::from_millis(1));
        add(&database, "live".to_owned(), later, now).await;
        database
    }

    async fn add(database: &Database, key: String, expires_at: UnixTime, now: UnixTime) {
        let add = move |connection: &_| statements::add(connection, &key, b"", expires_at, now);
        let _ = database.write("add an entry", add).await.unwrap();
    }

    async fn keys(database: &Database) -> Vec<String> {
        let keys = |connection: &Connection| -> rusqlite::Result<_> {
            let mut statement = connection.prepare("SELECT key FROM faroe_storage ORDER BY key")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        database.read("list the keys", keys).await.unwrap()
    }

    /// Lets an hour pass on a paused clock, and the database's thread take part in it.
    async fn an_hour(database: &Database) {
        for _ in 0..60 {
            time::sleep(INTERVAL).await;
            keys(database).await;
        }
    }

    #[tokio::test]
    async fn a_sweep_removes_what_has_expired_and_nothing_else() {
        let clock = ManualClock::default();
        for expired in [0, 1, BATCH, 2 * BATCH + 50] {
            let database = database(expired, clock.now()).await;
            sweep(&database, &clock).await.unwrap();
            assert_eq!(keys(&database).await, ["live"]);
        }
    }

    #[tokio::test]
    async fn one_transaction_removes_only_some_entries() {
        let now = ManualClock::default().now();
        let database = database(BATCH + 1, now).await;
        let once = move |connection: &_| statements::sweep(connection, BATCH, now);
        assert_eq!(database.write("sweep once", once).await.unwrap(), BATCH);
        assert_eq!(keys(&database).await.len(), 2);
    }

    /// Returns the size of a database's file and its write-ahead log, in bytes.
    fn size(folder: &Path) -> u64 {
        let files = fs::read_dir(folder).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    }

    #[tokio::test]
    async fn p78_a_flood_after_another_needs_no_more_room_on_disk() {
        const ENTRIES: usize = 4_000;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let clock = Arc::new(ManualClock::default());
        let database = Database::open(&path, Synchronous::Normal).unwrap();
        let storage = SqliteStorage::new(database.clone(), clock.clone()).await;
        let storage = storage.unwrap();
        let mut sizes = vec![];
        for flood in 0..5 {
            let expires_at = clock.now().saturating_add(Duration::from_secs(600));
            for entry in 0..ENTRIES {
                // Keys are random, as are those of records.
                let key = format!(
                    "{:016x}",
                    (entry as u64 ^ flood << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                );
                let added = storage.add(&key, &[7; 400], expires_at).await.unwrap();
                assert_eq!(added, AddOutcome::Added);
            }
            sizes.push(size(folder.path()));
            clock.advance(Duration::from_secs(600));
            sweep(&database, &*clock).await.unwrap();
        }
        let (first, largest) = (sizes[0], *sizes.iter().max().unwrap());
        // Pages are filled a little differently each time.
        assert!(largest <= first + first / 2, "{sizes:?}");
        promise::report(
            "P78",
            format!(
                "5 floods of {ENTRIES} entries in a file of SQLite, {first} bytes and at most {largest}"
            ),
        );
    }

    #[tokio::test(start_paused = true)]
    async fn entries_are_swept_as_time_passes_and_until_the_storage_is_dropped() {
        let clock = Arc::new(ManualClock::default());
        let database = database(250, clock.now()).await;
        let storage = SqliteStorage::new(database.clone(), clock.clone())
            .await
            .unwrap();
        an_hour(&database).await;
        assert_eq!(keys(&database).await, ["live"]);

        clock.advance(Duration::from_millis(1));
        an_hour(&database).await;
        assert!(keys(&database).await.is_empty());

        drop(storage);
        add(&database, "left".to_owned(), clock.now(), clock.now()).await;
        an_hour(&database).await;
        assert_eq!(keys(&database).await, ["left"]);
    }
}
