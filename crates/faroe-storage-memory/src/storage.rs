use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};

use crate::{
    MemoryOptions,
    entries::{Entries, NO_ENTRY_ID, StoredEntry},
};

/// A [`Storage`] in memory, for one server.
///
/// # Errors
///
/// Adding an entry fails when there are as many live entries as the options allow.
#[derive(Debug)]
pub struct MemoryStorage(Entries);

impl MemoryStorage {
    /// An empty storage.
    pub fn new(options: MemoryOptions) -> Self {
        Self(Entries::new(options))
    }

    /// Returns the number of entries, including expired ones that have not been dropped.
    pub fn entries(&self) -> usize {
        self.0.len()
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        Ok(self.0.get(key, StoredEntry::to_entry))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let entry = StoredEntry::new(value, NO_ENTRY_ID, expires_at);
        self.0.add(key, entry)
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0.update(key, value, expires_at, NO_ENTRY_ID, counter)
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        Ok(self.0.delete(key, |_| true))
    }
}
