//! The storage traits, for the server's own, ephemeral data.
//!
//! One [`Storage`] is enough: [`Storages::single`](crate::Storages::single) gives each role a namespace in it. Each
//! role can have a storage of its own instead: a [`MainStorage`], a [`RateLimitStorage`] and a [`Cache`].
//!
//! Common to all of them:
//!
//! - A **key** is 1 to 255 bytes of printable ASCII, compared byte by byte: letter case and trailing spaces matter.
//! - A **value** is any sequence of bytes, including NUL and the empty one. Values of up to 64 KiB must be accepted.
//! - An **expiry** is a hint: from then on the storage may drop the entry, and should do so soon. The core checks the
//!   time itself. An expired entry exists for all operations or for none, and a dropped entry does not come back. An
//!   entry must not be dropped before its expiry. If the storage's clock may differ from the servers', it keeps entries
//!   longer.

pub mod namespace;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_protocol::types::Counter;

use crate::{error::AdapterError, time::UnixTime};

/// The maximum size of a key, in bytes.
pub const MAX_KEY_SIZE: usize = 255;

/// A value and the number of its updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last written value.
    pub value: Vec<u8>,
    /// The number of updates since the entry was created.
    pub counter: Counter,
}

/// The outcome of creating an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum AddOutcome {
    /// The entry was created with counter 0.
    Added,
    /// An entry with this key exists; it was not changed.
    AlreadyExists,
}

/// The outcome of updating an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum UpdateOutcome {
    /// Value and expiry were replaced, and the counter was incremented.
    Updated,
    /// The entry is missing, or its counter or entry ID differs; nothing was changed.
    Conflict,
}

/// The outcome of deleting an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum DeleteOutcome {
    /// This call removed the entry. At most one of any concurrent calls returns this.
    Deleted,
    /// The entry is missing, or a given entry ID or counter differs; nothing was changed.
    NotFound,
}

/// A key-value store with a counter for each entry. One storage is enough for all roles.
///
/// # Contract
///
/// The storage is linearizable for each key: every operation takes effect at one moment between its call and its
/// return, and every later read on any server sees it. See the [module](self) for keys, values and expiry.
///
/// # Errors
///
/// `Err` means that the storage failed. The outcome of a write is then unknown; the core never retries it blindly. A
/// counter never wraps: updating an entry whose counter is [`Counter::MAX`] is an error and changes nothing.
///
/// # Concurrency
///
/// Called from many tasks and many servers at once. Calls time out after two seconds by default.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::storage`.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// Returns the entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError>;

    /// Creates an entry with counter 0, unless one exists.
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

    /// Removes the entry with this key, if it exists.
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

/// The storage for records: signups, signins, sessions and other flows.
///
/// # Contract
///
/// As for [`Storage`], but entries are created by `set`, which also replaces.
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
    /// Returns the entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError>;

    /// Creates or replaces the entry with this key, in one step for every observer.
    ///
    /// A new entry has counter 0. The counter of a replaced entry is 0 or larger than before.
    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError>;

    /// Replaces value and expiry and increments the counter, if the stored counter equals `counter`.
    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError>;

    /// Removes the entry with this key, if it exists.
    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError>;
}

/// A value, the ID of its entry, and the number of its updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitEntry {
    /// The last written value.
    pub value: Vec<u8>,
    /// The entry ID given when the entry was added.
    pub entry_id: String,
    /// The number of updates since the entry was added.
    pub counter: Counter,
}

/// The storage for token buckets.
///
/// # Contract
///
/// As for [`Storage`], and each entry also has an entry ID. `add` sets it; `update` and `delete` must match it together
/// with the counter, so an entry that was deleted and added again is never mistaken for the old one. An entry ID is 1
/// to 64 bytes of printable ASCII.
///
/// # Errors
///
/// As for [`Storage`].
///
/// # Concurrency
///
/// As for [`Storage`]. Rate limits are exact because of this trait's compare-and-swap and nothing else.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::rate_limit_storage`. A [`Storage`] needs no implementation of its own:
/// see [`Storages::single`](crate::Storages::single).
#[async_trait]
pub trait RateLimitStorage: Debug + Send + Sync + 'static {
    /// Returns the entry with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError>;

    /// Creates an entry with this entry ID and counter 0, unless one with this key exists.
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

    /// Removes the entry if its entry ID and counter equal the given ones.
    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError>;
}

/// The cache for validated sessions.
///
/// # Contract
///
/// A cache may forget any value at any time, and may return a value that another server has replaced or deleted. It
/// never returns a value whose time to live has passed, nor, on the server that deleted it, a deleted value.
///
/// # Errors
///
/// `Err` means that the cache failed; the core then continues as if the cache were empty.
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
    /// Returns the value with this key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError>;

    /// Stores the value for at most `time_to_live`, in whole milliseconds.
    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError>;

    /// Removes the value with this key, if it exists.
    async fn delete(&self, key: &str) -> Result<(), AdapterError>;
}

/// A cache that stores nothing.
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
