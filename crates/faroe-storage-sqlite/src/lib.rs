#![doc = include_str!("../README.md")]

mod statements;
mod sweeper;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_sqlite::{Database, Synchronous};

use crate::{
    statements::{Got, Updated},
    sweeper::Sweeper,
};

const SCHEMA: &[&str] = &[include_str!("../schema.sql")];

/// A [`Storage`] in a SQLite database.
///
/// An entry is absent for every operation from its expiry on, by the clock. Every call is a single transaction. Dropping
/// the storage ends its background task, and closes the file unless there is another handle of the database.
#[derive(Debug)]
pub struct SqliteStorage {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    _sweeper: Sweeper,
}

impl SqliteStorage {
    /// Opens the file, and creates file and table if they are missing.
    ///
    /// # Errors
    ///
    /// When the folder is missing, the file cannot be opened or is not a SQLite database, or its table is of a newer version.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(path: impl AsRef<Path> + Send) -> Result<Self, AdapterError> {
        let database = Database::open(path, Synchronous::Normal)?;
        Self::new(database, Arc::new(SystemClock)).await
    }

    /// Uses an open database, and creates the table if it is missing.
    ///
    /// # Errors
    ///
    /// When the table cannot be created or is of a newer version.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn new(database: Database, clock: Arc<dyn Clock>) -> Result<Self, AdapterError> {
        database.upgrade("faroe-storage-sqlite", SCHEMA).await?;
        let database = Arc::new(database);
        Ok(Self {
            _sweeper: Sweeper::start(Arc::downgrade(&database), Arc::clone(&clock)),
            database,
            clock,
        })
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        const OPERATION: &str = "get an entry from SQLite";
        let now = self.clock.now();
        let get = {
            let key = key.to_owned();
            move |connection: &_| statements::get(connection, &key, now)
        };
        match self.database.read(OPERATION, get).await? {
            Got::Entry(entry) => Ok(Some(entry)),
            Got::Nothing => Ok(None),
            // An entry reported as gone must stay gone, even if the clock is set back.
            Got::Expired => {
                let key = key.to_owned();
                let remove =
                    move |connection: &_| statements::remove_expired(connection, &key, now);
                self.database.write(OPERATION, remove).await?;
                Ok(None)
            }
        }
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let (key, value, now) = (key.to_owned(), value.to_vec(), self.clock.now());
        let add = move |connection: &_| statements::add(connection, &key, &value, expires_at, now);
        self.database.write("add an entry to SQLite", add).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        const OPERATION: &str = "update an entry in SQLite";
        let (key, value, now) = (key.to_owned(), value.to_vec(), self.clock.now());
        let update = move |connection: &_| {
            statements::update(connection, &key, &value, expires_at, counter, now)
        };
        match self.database.write(OPERATION, update).await? {
            Updated::Yes => Ok(UpdateOutcome::Updated),
            Updated::No => Ok(UpdateOutcome::Conflict),
            Updated::CounterExhausted => Err(AdapterError::new(
                OPERATION,
                "its counter is at the maximum",
            )),
        }
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        let (key, now) = (key.to_owned(), self.clock.now());
        let delete = move |connection: &_| statements::delete(connection, &key, now);
        self.database
            .write("delete an entry from SQLite", delete)
            .await
    }
}
