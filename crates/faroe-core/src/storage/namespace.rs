//! One [`Storage`] for all roles, with a key namespace for each role.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_protocol::types::Counter;
use sha2::{Digest, Sha256};

use super::{
    AddOutcome, Cache, DeleteOutcome, Entry, MAX_KEY_SIZE, MainStorage, RateLimitEntry,
    RateLimitStorage, Storage, UpdateOutcome,
};
use crate::{
    error::AdapterError,
    random::hex,
    time::{Clock, UnixTime},
};

/// The number of attempts at an operation of several steps. Only a concurrent call with the same key causes another
/// attempt, and each time such a call has succeeded.
const ATTEMPTS: usize = 16;

fn too_many_attempts(operation: &'static str) -> AdapterError {
    AdapterError::conflict(
        operation,
        "other calls with the same key came between, again and again",
    )
}

/// Uses the storage as a main storage, under keys that start with `main.`.
///
/// Replacing an entry with `set` increments its counter.
pub fn main(storage: Arc<dyn Storage>) -> impl MainStorage {
    Main(storage)
}

/// Uses the storage as a rate limit storage, under keys that start with `rate_limit.`.
///
/// Entries are emptied instead of deleted, until they expire. The storage's counter therefore distinguishes an entry
/// from one that was added later, and every operation is one compare-and-swap.
pub fn rate_limit(storage: Arc<dyn Storage>) -> impl RateLimitStorage {
    RateLimit(storage)
}

/// Uses the storage as a cache, under keys that start with `cache.`. The given clock decides when the time to live of
/// an entry has passed, so a storage that keeps expired entries works as well.
pub fn cache(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>) -> impl Cache {
    StorageCache { storage, clock }
}

/// Returns the storage's key for a role's key. A key that would be too long is hashed.
fn namespaced(namespace: &str, key: &str) -> String {
    if namespace.len() + 1 + key.len() <= MAX_KEY_SIZE {
        [namespace, ".", key].concat()
    } else {
        format!("{namespace}.sha256.{}", hex(&Sha256::digest(key)))
    }
}

#[derive(Debug)]
struct Main(Arc<dyn Storage>);

impl Main {
    fn key(key: &str) -> String {
        namespaced("main", key)
    }
}

#[async_trait]
impl MainStorage for Main {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.0.get(&Self::key(key)).await
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError> {
        set(&*self.0, &Self::key(key), value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0
            .update(&Self::key(key), value, expires_at, counter)
            .await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.0.delete(&Self::key(key)).await
    }
}

/// Creates the entry, or replaces an existing one in one compare-and-swap, so that no observer sees it missing.
///
/// A new key takes one call of the storage.
async fn set(
    storage: &dyn Storage,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
) -> Result<(), AdapterError> {
    for _ in 0..ATTEMPTS {
        match storage.add(key, value, expires_at).await? {
            AddOutcome::Added => return Ok(()),
            AddOutcome::AlreadyExists => {}
        }
        let Some(Entry { counter, .. }) = storage.get(key).await? else {
            continue;
        };
        match storage.update(key, value, expires_at, counter).await? {
            UpdateOutcome::Updated => return Ok(()),
            UpdateOutcome::Conflict => {}
        }
    }
    Err(too_many_attempts("set an entry"))
}

#[derive(Debug)]
struct RateLimit(Arc<dyn Storage>);

/// The stored format of a rate limit entry: the storage's counter when the entry was added, the expiry, the length of
/// the entry ID (0 for a deleted entry), the entry ID, and the value.
#[derive(Debug)]
struct StoredEntry {
    added_at: Counter,
    expires_at: UnixTime,
    entry_id: String,
    value: Vec<u8>,
}

impl StoredEntry {
    fn encode(&self) -> Vec<u8> {
        let id_length =
            u8::try_from(self.entry_id.len()).expect("an entry ID has at most 64 bytes");
        let added_at = self.added_at.get().to_be_bytes();
        let expires_at = self.expires_at.as_milliseconds().to_be_bytes();
        [
            &added_at[..],
            &expires_at,
            &[id_length],
            self.entry_id.as_bytes(),
            &self.value,
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (added_at, rest) = bytes.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (&id_length, rest) = rest.split_first()?;
        let (entry_id, value) = rest.split_at_checked(usize::from(id_length))?;
        Some(Self {
            added_at: Counter::new(i32::from_be_bytes(*added_at))?,
            expires_at: UnixTime::from_milliseconds(i64::from_be_bytes(*expires_at)),
            entry_id: String::from_utf8(entry_id.to_vec()).ok()?,
            value: value.to_vec(),
        })
    }

    /// Wraps bytes that are not a stored entry as the value of one, so that a caller that cannot read it can replace
    /// it.
    fn broken(value: Vec<u8>) -> Self {
        Self {
            added_at: Counter::ZERO,
            expires_at: UnixTime::from_milliseconds(0),
            entry_id: "broken".to_owned(),
            value,
        }
    }

    fn is_deleted(&self) -> bool {
        self.entry_id.is_empty()
    }

    /// Returns the role's counter, which counts from the time when the entry was added.
    fn counter(&self, storage_counter: Counter) -> Counter {
        Counter::new(storage_counter.get().saturating_sub(self.added_at.get())).unwrap_or_default()
    }
}

impl RateLimit {
    fn key(key: &str) -> String {
        namespaced("rate_limit", key)
    }

    /// Reads the stored entry with this key and the storage's counter.
    async fn stored(&self, key: &str) -> Result<Option<(StoredEntry, Counter)>, AdapterError> {
        let Some(entry) = self.0.get(key).await? else {
            return Ok(None);
        };
        let stored = StoredEntry::decode(&entry.value);
        let stored = stored.unwrap_or_else(|| StoredEntry::broken(entry.value));
        Ok(Some((stored, entry.counter)))
    }

    /// Reads the stored entry and the storage's counter, if entry ID and counter equal the given ones.
    async fn matching(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<Option<(StoredEntry, Counter)>, AdapterError> {
        let stored = self.stored(key).await?;
        Ok(stored.filter(|(stored, storage_counter)| {
            !stored.is_deleted()
                && stored.entry_id == entry_id
                && stored.counter(*storage_counter) == counter
        }))
    }

    async fn write(
        &self,
        key: &str,
        stored: &StoredEntry,
        storage_counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0
            .update(key, &stored.encode(), stored.expires_at, storage_counter)
            .await
    }
}

#[async_trait]
impl RateLimitStorage for RateLimit {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        let Some((stored, storage_counter)) = self.stored(&Self::key(key)).await? else {
            return Ok(None);
        };
        let counter = stored.counter(storage_counter);
        let StoredEntry {
            entry_id, value, ..
        } = stored;
        Ok((!entry_id.is_empty()).then_some(RateLimitEntry {
            value,
            entry_id,
            counter,
        }))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let key = Self::key(key);
        let (entry_id, value) = (entry_id.to_owned(), value.to_owned());
        let mut stored = StoredEntry {
            added_at: Counter::ZERO,
            expires_at,
            entry_id,
            value,
        };
        for _ in 0..ATTEMPTS {
            let Some((previous, storage_counter)) = self.stored(&key).await? else {
                stored.added_at = Counter::ZERO;
                match self.0.add(&key, &stored.encode(), expires_at).await? {
                    AddOutcome::Added => return Ok(AddOutcome::Added),
                    AddOutcome::AlreadyExists => continue,
                }
            };
            if !previous.is_deleted() {
                return Ok(AddOutcome::AlreadyExists);
            }
            stored.added_at = storage_counter.next().ok_or_else(|| {
                AdapterError::message("add a rate limit entry: the counter is at its maximum")
            })?;
            if self.write(&key, &stored, storage_counter).await? == UpdateOutcome::Updated {
                return Ok(AddOutcome::Added);
            }
        }
        Err(too_many_attempts("add a rate limit entry"))
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let key = Self::key(key);
        let Some((mut stored, storage_counter)) = self.matching(&key, entry_id, counter).await?
        else {
            return Ok(UpdateOutcome::Conflict);
        };
        stored.value = value.to_owned();
        stored.expires_at = expires_at;
        self.write(&key, &stored, storage_counter).await
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        let key = Self::key(key);
        let Some((mut stored, storage_counter)) = self.matching(&key, entry_id, counter).await?
        else {
            return Ok(DeleteOutcome::NotFound);
        };
        stored.entry_id.clear();
        Ok(match self.write(&key, &stored, storage_counter).await? {
            UpdateOutcome::Updated => DeleteOutcome::Deleted,
            UpdateOutcome::Conflict => DeleteOutcome::NotFound,
        })
    }
}

#[derive(Debug)]
struct StorageCache {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
}

impl StorageCache {
    fn key(key: &str) -> String {
        namespaced("cache", key)
    }
}

#[async_trait]
impl Cache for StorageCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        let Some(entry) = self.storage.get(&Self::key(key)).await? else {
            return Ok(None);
        };
        let Some((expiry, value)) = entry.value.split_first_chunk() else {
            return Ok(None);
        };
        let is_current = self.clock.now().as_milliseconds() < i64::from_be_bytes(*expiry);
        Ok(is_current.then(|| value.to_vec()))
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        let expires_at = self.clock.now().saturating_add(time_to_live);
        let value = [&expires_at.as_milliseconds().to_be_bytes(), value].concat();
        set(&*self.storage, &Self::key(key), &value, expires_at).await
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        let _: DeleteOutcome = self.storage.delete(&Self::key(key)).await?;
        Ok(())
    }
}
