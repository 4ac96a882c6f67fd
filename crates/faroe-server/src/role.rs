//! The roles of storages and user store, each with the adapter that fills it.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    error::AdapterError,
    random,
    storage::{AddOutcome, Cache, DeleteOutcome, MainStorage, RateLimitStorage},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use tokio::time::timeout;

use crate::open::users::Users;

/// The time within which a role has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest time that the entry of a try stays if it cannot be deleted.
const LIFETIME: Duration = Duration::from_secs(60);

/// A role, with the adapter that fills it.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    MainStorage(Arc<dyn MainStorage>),
    RateLimitStorage(Arc<dyn RateLimitStorage>),
    Cache(Arc<dyn Cache>),
    UserStore(Users),
}

impl Role {
    /// Returns the name, as `/ready` and `check-config` show it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::MainStorage(_) => "storage",
            Self::RateLimitStorage(_) => "rate limit storage",
            Self::Cache(_) => "cache",
            Self::UserStore(_) => "user store",
        }
    }

    /// Checks whether actions succeed without it.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Cache(_))
    }

    /// Asks for something that only its database can answer, and tries to write where that changes nothing of the
    /// application's: an entry of its own in a storage, no row of a users table. A user server is only asked.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written, or does not answer within two seconds.
    pub(crate) async fn try_out(&self) -> Result<(), AdapterError> {
        let late = || AdapterError::message(format!("no answer within {PATIENCE:?}"));
        let tried = timeout(PATIENCE, self.try_patiently());
        tried.await.unwrap_or_else(|_| Err(late()))
    }

    async fn try_patiently(&self) -> Result<(), AdapterError> {
        // Nobody has written this key, so nothing is answered from memory or without a write.
        let key = format!("ready.{}", random::id());
        let expires_at = SystemClock.now().saturating_add(LIFETIME);
        match self {
            Self::MainStorage(storage) => try_main_storage(&**storage, &key, expires_at).await,
            Self::RateLimitStorage(storage) => {
                try_rate_limit_storage(&**storage, &key, expires_at).await
            }
            Self::Cache(cache) => {
                cache.set(&key, b"", LIFETIME).await?;
                cache.get(&key).await?;
                cache.delete(&key).await
            }
            Self::UserStore(users) => users.check().await,
        }
    }
}

async fn try_main_storage(
    storage: &dyn MainStorage,
    key: &str,
    expires_at: UnixTime,
) -> Result<(), AdapterError> {
    storage.set(key, b"", expires_at).await?;
    let is_there = storage.get(key).await?.is_some();
    let _: DeleteOutcome = storage.delete(key).await?;
    if is_there { Ok(()) } else { Err(lost()) }
}

async fn try_rate_limit_storage(
    storage: &dyn RateLimitStorage,
    key: &str,
    expires_at: UnixTime,
) -> Result<(), AdapterError> {
    let entry_id = random::id();
    let _: AddOutcome = storage.add(key, b"", &entry_id, expires_at).await?;
    let is_there = storage.get(key).await?.is_some();
    let _: DeleteOutcome = storage.delete(key, &entry_id, Counter::ZERO).await?;
    if is_there { Ok(()) } else { Err(lost()) }
}

fn lost() -> AdapterError {
    AdapterError::message("read an entry that was just written: it is missing")
}
