//! A custom storage. `cargo test -p example-custom-storage` proves that it fulfils the contract.
//!
//! It is a map behind a lock, so every operation is atomic. In a database, use a conditional statement such as
//! `UPDATE … WHERE key = ? AND counter = ?`.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};

type Entries = HashMap<String, (Entry, UnixTime)>;

/// Entries with their expiry.
#[derive(Debug, Default)]
pub struct MapStorage(Mutex<Entries>);

impl MapStorage {
    /// Returns the entries that have not expired. A database would delete the others from time to time, by an index.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now();
        entries.retain(|_, (_, expires_at)| now < *expires_at);
        entries
    }
}

#[async_trait]
impl Storage for MapStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        Ok(self.entries().get(key).map(|(entry, _)| entry.clone()))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let mut entries = self.entries();
        if entries.contains_key(key) {
            return Ok(AddOutcome::AlreadyExists);
        }
        let entry = Entry {
            value: value.to_vec(),
            counter: Counter::ZERO,
        };
        entries.insert(key.to_owned(), (entry, expires_at));
        Ok(AddOutcome::Added)
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        match self.entries().get_mut(key) {
            Some((entry, expiry)) if entry.counter == counter => {
                let next = counter.next();
                entry.counter = next.ok_or_else(|| AdapterError::message("count any further"))?;
                entry.value = value.to_vec();
                *expiry = expires_at;
                Ok(UpdateOutcome::Updated)
            }
            _ => Ok(UpdateOutcome::Conflict),
        }
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        Ok(match self.entries().remove(key) {
            Some(_) => DeleteOutcome::Deleted,
            None => DeleteOutcome::NotFound,
        })
    }
}
