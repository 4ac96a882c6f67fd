//! Where the server keeps what it knows for a while: the traits of both generations of storages.
//!
//! A [`Storage`] is enough for everything: [`Storages::single`](crate::Storages::single) gives each role a namespace
//! of it. Each role can have its own instead: [`MainStorage`], [`RateLimitStorage`] and [`Cache`].
//!
//! What all of them have in common:
//!
//! - A **key** is 1 to 255 bytes of printable ASCII, compared byte by byte: letter case and trailing spaces matter.
//! - A **value** is any bytes, NUL and none at all included, at least up to 64 KiB.
//! - An **expiry** is a hint: from then on the storage may drop the entry, and should before long. The core looks at the
//!   time itself. An expired entry is there for all operations or for none, and once gone it stays gone. An entry must
//!   not be dropped before its expiry; where the clock of the storage differs from the servers', keep it longer.

pub mod namespace;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_protocol::types::Counter;

use crate::{error::AdapterError, time::UnixTime};

/// The longest key, in bytes.
pub const MAX_KEY_SIZE: usize = 255;

/// A value and the number of times it was updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value last written.
    pub value: Vec<u8>,
    /// How often the entry was updated since it was created.
    pub counter: Counter,
}

/// What came of creating an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum AddOutcome {
    /// The entry is there now, with counter 0.
    Added,
    /// There is an entry with this key; it was not touched.
    AlreadyExists,
}

/// What came of updating an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum UpdateOutcome {
    /// The value and the expiry are the given ones, and the counter has grown by one.
    Updated,
    /// There is no such entry, or its counter (or entry ID) is another; nothing was changed.
    Conflict,
}

/// What came of deleting an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum DeleteOutcome {
    /// There was an entry, and this call removed it. Of any number of racing calls at most one is told so.
    Deleted,
    /// There was no such entry (or, where they are given, its entry ID or counter is another); nothing was changed.
    NotFound,
}

/// A key-value store with a counter for each entry: one storage for everything.
///
/// # Contract
///
/// Every operation takes effect at one moment between its call and its return, and every later read on any server sees
/// it (the storage is linearizable for each key). See the [module](self) for keys, values and expiry.
///
/// # Errors
///
/// `Err` means that the storage failed. Then a write may have happened or not; the core never repeats it blindly.
/// A counter never wraps: the update of an entry whose counter is [`Counter::MAX`] is an error that changes nothing.
///
/// # Concurrency
///
/// Called from many tasks and many servers at once. Calls should end within two seconds; the core stops waiting then.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::storage`.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// The entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError>;

    /// Creates an entry with counter 0, unless there is one.
    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError>;

    /// Replaces value and expiry and increments the counter, if the stored counter equals `counter`.
    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError>;

    /// Removes the entry with this key, and tells whether there was one.
    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError>;
}

#[async_trait]
impl<S: Storage + ?Sized> Storage for Arc<S> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        (**self).get(key).await
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        (**self).add(key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        (**self).update(key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        (**self).delete(key).await
    }
}

/// Where records live: signups, signins, sessions and the rest.
///
/// # Contract
///
/// As for [`Storage`], but an entry is created by `set`, which overwrites.
///
/// # Errors
///
/// As for [`Storage`].
///
/// # Concurrency
///
/// As for [`Storage`].
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::main_storage`. A [`Storage`] needs no implementation of its own: see
/// [`Storages::single`](crate::Storages::single).
#[async_trait]
pub trait MainStorage: Debug + Send + Sync + 'static {
    /// The entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError>;

    /// Creates or replaces the entry with this key, in one step for every observer.
    ///
    /// A new entry has counter 0. The counter of a replaced entry is 0 or grows.
    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError>;

    /// Replaces value and expiry and increments the counter, if the stored counter equals `counter`.
    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError>;

    /// Removes the entry with this key, and tells whether there was one.
    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError>;
}

/// A value, the ID of its entry, and the number of times it was updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitEntry {
    /// The value last written.
    pub value: Vec<u8>,
    /// The ID that was given when the entry was added.
    pub entry_id: String,
    /// How often the entry was updated since it was added.
    pub counter: Counter,
}

/// Where token buckets live.
///
/// # Contract
///
/// As for [`Storage`], and each entry has an entry ID as well: `add` sets it, `update` and `delete` must match it
/// together with the counter. So an entry that was deleted and added again is never mistaken for the old one. An entry
/// ID is 1 to 64 bytes of printable ASCII.
///
/// # Errors
///
/// As for [`Storage`].
///
/// # Concurrency
///
/// As for [`Storage`]. Limits are exact because of this trait's compare-and-swap and nothing else.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::rate_limit_storage`. A [`Storage`] needs no implementation of its own: see
/// [`Storages::single`](crate::Storages::single).
#[async_trait]
pub trait RateLimitStorage: Debug + Send + Sync + 'static {
    /// The entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError>;

    /// Creates an entry with this entry ID and counter 0, unless there is one with this key.
    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError>;

    /// Replaces value and expiry and increments the counter, if the stored entry ID and counter equal the given ones.
    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError>;

    /// Removes the entry if its entry ID and counter equal the given ones, and tells whether it did.
    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError>;
}

/// Where validated sessions are remembered for a short while.
///
/// # Contract
///
/// It may forget anything at any time, and may answer with a value that was replaced or deleted elsewhere, but never
/// with one whose time to live has passed, and, on the server that deleted it, never with a value deleted before.
///
/// # Errors
///
/// `Err` means that the cache failed; the core then goes on as if it were empty.
///
/// # Concurrency
///
/// Called from many tasks at once.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::cache`.
#[async_trait]
pub trait Cache: Debug + Send + Sync + 'static {
    /// The value with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError>;

    /// Remembers the value for at most `time_to_live` (whole milliseconds count).
    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError>;

    /// Forgets the value with this key, if there is one.
    async fn delete(&self, key: &str) -> Result<(), AdapterError>;
}

/// The cache of those who want none: it remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyCache;

#[async_trait]
impl Cache for EmptyCache {
    async fn get(&self, _key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(None)
    }

    async fn set(
        &self,
        _key: &str,
        _value: &[u8],
        _time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        Ok(())
    }

    async fn delete(&self, _key: &str) -> Result<(), AdapterError> {
        Ok(())
    }
}

const _OBJECT_SAFE: Option<&dyn Storage> = None;
const _OBJECT_SAFE_ROLES: Option<(&dyn MainStorage, &dyn RateLimitStorage, &dyn Cache)> = None;
