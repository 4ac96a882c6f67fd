use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, RateLimitEntry, RateLimitStorage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};

use crate::{
    MemoryOptions,
    entries::{Entries, StoredEntry},
};

/// A [`RateLimitStorage`] in memory. Limits are exact on one server, and reset by a restart.
///
/// # Errors
///
/// Adding an entry fails when there are as many live entries as the options allow.
#[derive(Debug)]
pub struct MemoryRateLimitStorage(Entries);

impl MemoryRateLimitStorage {
    /// An empty storage.
    pub fn new(options: MemoryOptions) -> Self {
        Self(Entries::new(options))
    }

    /// Returns the number of entries, including expired ones that have not been dropped.
    pub fn entries(&self) -> usize {
        self.0.len()
    }
}

impl Default for MemoryRateLimitStorage {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

#[async_trait]
impl RateLimitStorage for MemoryRateLimitStorage {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        Ok(self.0.get(key, |entry| RateLimitEntry {
            value: entry.value.clone(),
            entry_id: entry.entry_id.to_string(),
            counter: entry.counter,
        }))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let entry = StoredEntry::new(value, entry_id, expires_at);
        self.0.add(key, entry)
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0.update(key, value, expires_at, entry_id, counter)
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        let matches =
            |entry: &StoredEntry| *entry.entry_id == *entry_id && entry.counter == counter;
        Ok(self.0.delete(key, matches))
    }
}
