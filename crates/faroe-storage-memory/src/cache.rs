use std::time::Duration;

use async_trait::async_trait;
use faroe_core::{error::AdapterError, storage::Cache};

use crate::{
    MemoryOptions,
    entries::{Entries, NO_ENTRY_ID, StoredEntry},
};

/// A [`Cache`] in memory. A value is kept until its time to live has passed. A full cache ignores new values.
#[derive(Debug)]
pub struct MemoryCache(Entries);

impl MemoryCache {
    /// An empty cache.
    pub fn new(options: MemoryOptions) -> Self {
        Self(Entries::of_cache(options))
    }

    /// Returns the number of entries, including expired ones that have not been dropped.
    pub fn entries(&self) -> usize {
        self.0.len()
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(self.0.get(key, |entry| entry.value.clone()))
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        let entry = StoredEntry::new(value, NO_ENTRY_ID, self.0.expires_at(time_to_live));
        // A full cache ignores new values.
        let _full = self.0.set(key, entry);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        let _ = self.0.delete(key, |_| true);
        Ok(())
    }
}
