use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{
        AddOutcome, DeleteOutcome, Entry, MainStorage, RateLimitEntry, RateLimitStorage, Storage,
        UpdateOutcome,
    },
    time::UnixTime,
    user_store::Counter,
};

use super::{ReferenceStorage, StoredEntry};

/// The entry ID of entries that have none.
const NO_ENTRY_ID: &str = "";

impl StoredEntry {
    fn new(value: &[u8], entry_id: &str, expires_at: UnixTime) -> Self {
        Self {
            value: value.to_vec(),
            entry_id: entry_id.to_owned(),
            counter: Counter::ZERO,
            expires_at,
        }
    }
}

impl From<StoredEntry> for Entry {
    fn from(entry: StoredEntry) -> Self {
        Self {
            value: entry.value,
            counter: entry.counter,
        }
    }
}

#[async_trait]
impl Storage for ReferenceStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        Ok(self.read(key).map(Entry::from))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        Ok(self.add_entry(key, StoredEntry::new(value, NO_ENTRY_ID, expires_at)))
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.update_entry(key, value, expires_at, NO_ENTRY_ID, counter)
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        Ok(self.delete_entry(key, |_| true))
    }
}

#[async_trait]
impl MainStorage for ReferenceStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        Ok(self.read(key).map(Entry::from))
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError> {
        self.set_entry(key, StoredEntry::new(value, NO_ENTRY_ID, expires_at));
        Ok(())
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.update_entry(key, value, expires_at, NO_ENTRY_ID, counter)
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        Ok(self.delete_entry(key, |_| true))
    }
}

#[async_trait]
impl RateLimitStorage for ReferenceStorage {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        let entry = self.read(key);
        Ok(entry.map(|entry| RateLimitEntry {
            value: entry.value,
            entry_id: entry.entry_id,
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
        Ok(self.add_entry(key, StoredEntry::new(value, entry_id, expires_at)))
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.update_entry(key, value, expires_at, entry_id, counter)
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        let matches = |entry: &StoredEntry| entry.entry_id == entry_id && entry.counter == counter;
        Ok(self.delete_entry(key, matches))
    }
}
