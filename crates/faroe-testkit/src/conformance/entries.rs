//! Cases for all storages with counters: [`Storage`], [`MainStorage`] and [`RateLimitStorage`].

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{
        AddOutcome, DeleteOutcome, Entry, MainStorage, RateLimitStorage, Storage, UpdateOutcome,
    },
    time::UnixTime,
    user_store::Counter,
};

use super::case::Failure;

pub(super) mod counters;
pub(super) mod expiry;
pub(super) mod keys_and_values;
pub(super) mod races;

/// One look for the three traits.
#[async_trait]
pub(super) trait Entries: Send + Sync {
    /// Makes an entry with a key that is not used yet, and tells whether that worked.
    async fn make(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<bool, AdapterError>;

    /// The entry.
    async fn read(&self, key: &str) -> Result<Option<Entry>, AdapterError>;

    /// Updates the entry by compare-and-swap.
    async fn swap(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError>;

    /// Deletes the entry, whose counter is this one.
    async fn remove(&self, key: &str, counter: Counter) -> Result<DeleteOutcome, AdapterError>;
}

/// Makes an entry, which must work.
#[track_caller]
pub(super) fn made(made: Result<bool, AdapterError>) -> Result<(), Failure> {
    if made? {
        Ok(())
    } else {
        Err(Failure::new("an entry could not be made with a fresh key"))
    }
}

/// The counter of this value.
pub(super) fn counter(value: usize) -> Counter {
    let value = i32::try_from(value).ok().and_then(Counter::new);
    value.expect("cases count to a hundred")
}

/// The entry as it should be.
pub(super) fn entry(value: impl AsRef<[u8]>, updates: usize) -> Option<Entry> {
    Some(Entry {
        value: value.as_ref().to_vec(),
        counter: counter(updates),
    })
}

/// A [`Storage`] as entries.
pub(super) struct OfStorage<S>(pub(super) S);

#[async_trait]
impl<S: Storage> Entries for OfStorage<S> {
    async fn make(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<bool, AdapterError> {
        let outcome = self.0.add(key, value, expires_at).await?;
        Ok(outcome == AddOutcome::Added)
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.0.get(key).await
    }

    async fn swap(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0.update(key, value, expires_at, counter).await
    }

    async fn remove(&self, key: &str, _counter: Counter) -> Result<DeleteOutcome, AdapterError> {
        self.0.delete(key).await
    }
}

/// A [`MainStorage`] as entries.
pub(super) struct OfMainStorage<S>(pub(super) S);

#[async_trait]
impl<S: MainStorage> Entries for OfMainStorage<S> {
    async fn make(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<bool, AdapterError> {
        self.0.set(key, value, expires_at).await?;
        Ok(true)
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.0.get(key).await
    }

    async fn swap(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.0.update(key, value, expires_at, counter).await
    }

    async fn remove(&self, key: &str, _counter: Counter) -> Result<DeleteOutcome, AdapterError> {
        self.0.delete(key).await
    }
}

/// A [`RateLimitStorage`] as entries that all have the same entry ID.
pub(super) struct OfRateLimitStorage<S>(pub(super) S);

const ENTRY_ID: &str = "entry-id";

#[async_trait]
impl<S: RateLimitStorage> Entries for OfRateLimitStorage<S> {
    async fn make(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<bool, AdapterError> {
        let outcome = self.0.add(key, value, ENTRY_ID, expires_at).await?;
        Ok(outcome == AddOutcome::Added)
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        let entry = self.0.get(key).await?;
        Ok(entry.map(|entry| Entry {
            value: entry.value,
            counter: entry.counter,
        }))
    }

    async fn swap(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let outcome = self.0.update(key, value, expires_at, ENTRY_ID, counter);
        outcome.await
    }

    async fn remove(&self, key: &str, counter: Counter) -> Result<DeleteOutcome, AdapterError> {
        self.0.delete(key, ENTRY_ID, counter).await
    }
}
