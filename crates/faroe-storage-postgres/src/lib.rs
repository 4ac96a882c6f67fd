#![doc = include_str!("../README.md")]

mod statements;

use std::sync::Arc;

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_postgres::{Database, postgres_error};
use faroe_sql::{Cutoff, Sweeper};

const SCHEMA: &[&str] = &[include_str!("../schema.sql")];

/// A [`Storage`] in a PostgreSQL database.
///
/// An entry is absent for every operation from five minutes after its expiry on, by the clock. Every operation is decided
/// by a single statement. Dropping the storage ends its background task.
#[derive(Debug)]
pub struct PostgresStorage {
    database: Database,
    clock: Arc<dyn Clock>,
    sweeper: Sweeper,
}

impl PostgresStorage {
    /// Connects by a URL (see [`Options::from_url`](faroe_postgres::Options::from_url)), and creates the table if it is
    /// missing.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached or refuses the user, and as for [`PostgresStorage::new`].
    pub async fn connect(url: &str) -> Result<Self, AdapterError> {
        let database = Database::connect(url).await?;
        Self::new(database, Arc::new(SystemClock)).await
    }

    /// Uses a database, and creates the table if it is missing.
    ///
    /// # Errors
    ///
    /// When the table cannot be created or is of a newer version.
    pub async fn new(database: Database, clock: Arc<dyn Clock>) -> Result<Self, AdapterError> {
        database.upgrade("faroe-storage-postgres", SCHEMA).await?;
        let sweeper = {
            let (database, clock) = (database.clone(), Arc::clone(&clock));
            Sweeper::new(move |most| {
                let (database, cutoff) = (database.clone(), Cutoff::at(clock.now()));
                async move {
                    let removed = statements::sweep(&database, most, cutoff).await;
                    removed.map_err(|error| {
                        postgres_error("remove expired entries from PostgreSQL", &error)
                    })
                }
            })
        };
        Ok(Self {
            database,
            clock,
            sweeper,
        })
    }

    fn cutoff(&self) -> Cutoff {
        Cutoff::at(self.clock.now())
    }
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        let entry = statements::get(&self.database, key, self.cutoff()).await;
        entry.map_err(|error| postgres_error("get an entry from PostgreSQL", &error))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        self.sweeper.wrote();
        let outcome = statements::add(&self.database, key, value, expires_at, self.cutoff()).await;
        outcome.map_err(|error| postgres_error("add an entry to PostgreSQL", &error))
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        const OPERATION: &str = "update an entry in PostgreSQL";
        self.sweeper.wrote();
        let (database, cutoff) = (&self.database, self.cutoff());
        let outcome = statements::update(database, key, value, expires_at, counter, cutoff).await;
        outcome
            .map_err(|error| postgres_error(OPERATION, &error))?
            .ok_or_else(|| AdapterError::new(OPERATION, "its counter is at the maximum"))
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.sweeper.wrote();
        let outcome = statements::delete(&self.database, key, self.cutoff()).await;
        outcome.map_err(|error| postgres_error("delete an entry from PostgreSQL", &error))
    }
}
