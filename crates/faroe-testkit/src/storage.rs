//! Storages as simple as their contracts: one map behind one lock.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, UpdateOutcome},
    time::{Clock, UnixTime},
    user_store::Counter,
};

pub use self::cache::ReferenceCache;
use crate::locked;

mod cache;
mod traits;

/// The [`Storage`](faroe_core::storage::Storage) that is correct beyond doubt. It also serves as a
/// [`MainStorage`](faroe_core::storage::MainStorage) or as a
/// [`RateLimitStorage`](faroe_core::storage::RateLimitStorage).
///
/// A storage is free in what it does with an expired entry, so there is one for each extreme:
/// [`keeping_expired`](Self::keeping_expired), and [`dropping_expired`](Self::dropping_expired) at the very
/// millisecond. [`sweep`](Self::sweep) is for those in between, that drop when they get to it.
pub struct ReferenceStorage {
    entries: Mutex<BTreeMap<String, StoredEntry>>,
    clock: Option<Arc<dyn Clock>>,
    calls: Mutex<Vec<StorageCall>>,
}

/// An entry as a [`ReferenceStorage`] holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The value last written.
    pub value: Vec<u8>,
    /// The entry ID; empty unless it is a rate limit entry.
    pub entry_id: String,
    /// The number of updates since the entry was created.
    pub counter: Counter,
    /// The expiry last written.
    pub expires_at: UnixTime,
}

/// A call of one of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageCall {
    /// `get`
    Get,
    /// `add`
    Add,
    /// `set`
    Set,
    /// `update`
    Update,
    /// `delete`
    Delete,
}

impl ReferenceStorage {
    /// A storage that never drops an entry by itself.
    pub fn keeping_expired() -> Self {
        Self {
            entries: Mutex::default(),
            clock: None,
            calls: Mutex::default(),
        }
    }

    /// A storage that drops every entry as soon as this clock reaches its expiry.
    pub fn dropping_expired(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..Self::keeping_expired()
        }
    }

    /// Drops the entries that have expired at this time.
    pub fn sweep(&self, now: UnixTime) {
        locked(&self.entries).retain(|_, entry| now < entry.expires_at);
    }

    /// Loses everything.
    pub fn clear(&self) {
        locked(&self.entries).clear();
    }

    /// Returns all entries, as a thief of the storage would find them.
    pub fn entries(&self) -> BTreeMap<String, StoredEntry> {
        self.lock().clone()
    }

    /// Makes this everything that is in it.
    pub fn set_entries(&self, entries: BTreeMap<String, StoredEntry>) {
        *locked(&self.entries) = entries;
    }

    /// The calls since the last time that this was asked, in order.
    pub fn take_calls(&self) -> Vec<StorageCall> {
        std::mem::take(&mut *locked(&self.calls))
    }

    /// The entries that are there now.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StoredEntry>> {
        let mut entries = locked(&self.entries);
        if let Some(clock) = &self.clock {
            let now = clock.now();
            entries.retain(|_, entry| now < entry.expires_at);
        }
        entries
    }

    fn called(&self, call: StorageCall) -> MutexGuard<'_, BTreeMap<String, StoredEntry>> {
        locked(&self.calls).push(call);
        self.lock()
    }

    fn read(&self, key: &str) -> Option<StoredEntry> {
        self.called(StorageCall::Get).get(key).cloned()
    }

    fn add_entry(&self, key: &str, entry: StoredEntry) -> AddOutcome {
        let mut entries = self.called(StorageCall::Add);
        if entries.contains_key(key) {
            return AddOutcome::AlreadyExists;
        }
        entries.insert(key.to_owned(), entry);
        AddOutcome::Added
    }

    fn set_entry(&self, key: &str, entry: StoredEntry) {
        self.called(StorageCall::Set).insert(key.to_owned(), entry);
    }

    fn update_entry(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let mut entries = self.called(StorageCall::Update);
        let Some(entry) = entries.get_mut(key) else {
            return Ok(UpdateOutcome::Conflict);
        };
        if entry.entry_id != entry_id || entry.counter != counter {
            return Ok(UpdateOutcome::Conflict);
        }
        let Some(counter) = counter.next() else {
            return Err(AdapterError::message("increment a counter at its maximum"));
        };
        entry.value = value.to_vec();
        entry.expires_at = expires_at;
        entry.counter = counter;
        Ok(UpdateOutcome::Updated)
    }

    fn delete_entry(&self, key: &str, matches: impl Fn(&StoredEntry) -> bool) -> DeleteOutcome {
        let mut entries = self.called(StorageCall::Delete);
        if entries.get(key).is_some_and(matches) {
            entries.remove(key);
            return DeleteOutcome::Deleted;
        }
        DeleteOutcome::NotFound
    }
}

impl fmt::Debug for ReferenceStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceStorage").finish_non_exhaustive()
    }
}
