use std::time::Duration;

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{
        AddOutcome, Cache, DeleteOutcome, Entry, MainStorage, RateLimitEntry, RateLimitStorage,
        Storage, UpdateOutcome,
    },
    time::UnixTime,
    user_store::Counter,
};

use super::{Call, Intercepted, Port, pass};

#[async_trait]
impl<P: Storage + ?Sized> Storage for Intercepted<P> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        pass!(self, Storage, key, [key], get(&key))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        pass!(
            self,
            Storage,
            key,
            [key, value],
            add(&key, &value, expires_at)
        )
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        pass!(
            self,
            Storage,
            key,
            [key, value],
            update(&key, &value, expires_at, counter)
        )
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        pass!(self, Storage, key, [key], delete(&key))
    }
}

#[async_trait]
impl<P: MainStorage + ?Sized> MainStorage for Intercepted<P> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        pass!(self, MainStorage, key, [key], get(&key))
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError> {
        pass!(
            self,
            MainStorage,
            key,
            [key, value],
            set(&key, &value, expires_at)
        )
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        pass!(
            self,
            MainStorage,
            key,
            [key, value],
            update(&key, &value, expires_at, counter)
        )
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        pass!(self, MainStorage, key, [key], delete(&key))
    }
}

#[async_trait]
impl<P: RateLimitStorage + ?Sized> RateLimitStorage for Intercepted<P> {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        pass!(self, RateLimitStorage, key, [key], get(&key))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        pass!(
            self,
            RateLimitStorage,
            key,
            [key, value, entry_id],
            add(&key, &value, &entry_id, expires_at)
        )
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        pass!(
            self,
            RateLimitStorage,
            key,
            [key, value, entry_id],
            update(&key, &value, expires_at, &entry_id, counter)
        )
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        pass!(
            self,
            RateLimitStorage,
            key,
            [key, entry_id],
            delete(&key, &entry_id, counter)
        )
    }
}

#[async_trait]
impl<P: Cache + ?Sized> Cache for Intercepted<P> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        pass!(self, Cache, key, [key], get(&key))
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        pass!(
            self,
            Cache,
            key,
            [key, value],
            set(&key, &value, time_to_live)
        )
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        pass!(self, Cache, key, [key], delete(&key))
    }
}
