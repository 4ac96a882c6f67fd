//! Several handles of one store, used as one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    storage::{
        AddOutcome, DeleteOutcome, Entry, MainStorage, RateLimitEntry, RateLimitStorage, Storage,
        UpdateOutcome,
    },
    time::UnixTime,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};

/// Every call goes to the next handle. What holds for one connection must hold for several servers as well: given to a
/// suite, this makes each operation read what another handle has written.
///
/// It is not for caches, which are allowed to differ from server to server.
#[derive(Debug)]
pub struct RoundRobin<S: ?Sized> {
    handles: Vec<Arc<S>>,
    calls: AtomicUsize,
}

impl<S: ?Sized> RoundRobin<S> {
    /// One store out of its handles.
    ///
    /// # Panics
    ///
    /// When there is no handle.
    pub fn new(handles: impl IntoIterator<Item = Arc<S>>) -> Self {
        let handles = Vec::from_iter(handles);
        assert!(!handles.is_empty(), "a store has at least one handle");
        Self {
            handles,
            calls: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> &S {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        &self.handles[call % self.handles.len()]
    }
}

#[async_trait]
impl<S: Storage + ?Sized> Storage for RoundRobin<S> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.next().get(key).await
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        self.next().add(key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.next().update(key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.next().delete(key).await
    }
}

#[async_trait]
impl<S: MainStorage + ?Sized> MainStorage for RoundRobin<S> {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        self.next().get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Result<(), AdapterError> {
        self.next().set(key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.next().update(key, value, expires_at, counter).await
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        self.next().delete(key).await
    }
}

#[async_trait]
impl<S: RateLimitStorage + ?Sized> RateLimitStorage for RoundRobin<S> {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
        self.next().get(key).await
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        self.next().add(key, value, entry_id, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.next()
            .update(key, value, expires_at, entry_id, counter)
            .await
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        self.next().delete(key, entry_id, counter).await
    }
}

#[async_trait]
impl<S: UserStore + ?Sized> UserStore for RoundRobin<S> {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        self.next().create_user(new_user).await
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.next().get_user(user_id).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        self.next().get_user_by_email_address(email_address).await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        self.next()
            .update_user_email_address(user_id, email_address, email_address_counter)
            .await
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.next()
            .update_user_password_hash(user_id, password_hash, password_hash_counter)
            .await
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        self.next()
            .increment_user_sessions_counter(user_id, sessions_counter)
            .await
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        self.next().delete_user(user_id).await
    }
}
