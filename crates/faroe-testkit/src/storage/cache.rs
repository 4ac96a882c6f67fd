use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::Cache,
    time::{Clock, UnixTime},
};

use super::StorageCall;
use crate::locked;

/// The [`Cache`] that remembers everything for exactly its time to live.
pub struct ReferenceCache {
    values: Mutex<BTreeMap<String, (Vec<u8>, UnixTime)>>,
    clock: Arc<dyn Clock>,
    calls: Mutex<Vec<StorageCall>>,
}

impl ReferenceCache {
    /// An empty cache that forgets by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            values: Mutex::default(),
            clock,
            calls: Mutex::default(),
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        locked(&self.values).clear();
    }

    /// The calls since the last time that this was asked, in order.
    pub fn take_calls(&self) -> Vec<StorageCall> {
        std::mem::take(&mut *locked(&self.calls))
    }

    fn called(&self, call: StorageCall) {
        locked(&self.calls).push(call);
    }
}

#[async_trait]
impl Cache for ReferenceCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        self.called(StorageCall::Get);
        let now = self.clock.now();
        let values = locked(&self.values);
        let live = values.get(key).filter(|(_, end)| now < *end);
        Ok(live.map(|(value, _)| value.clone()))
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        self.called(StorageCall::Set);
        let end = self.clock.now().saturating_add(time_to_live);
        locked(&self.values).insert(key.to_owned(), (value.to_vec(), end));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        self.called(StorageCall::Delete);
        locked(&self.values).remove(key);
        Ok(())
    }
}

impl fmt::Debug for ReferenceCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceCache").finish_non_exhaustive()
    }
}
