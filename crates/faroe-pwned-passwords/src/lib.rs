#![doc = include_str!("../README.md")]

mod base_url;
mod cache;
mod hash;
mod range;
mod service;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordStrengthChecker,
    protocol::secret::Password,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

pub use self::base_url::{BaseUrl, InvalidBaseUrl};
use self::{cache::RangeCache, hash::PasswordDigest, range::Range, service::RangeService};

const OPERATION: &str = "look up a password in known breaches";

/// The maximum number of concurrent requests. Further look-ups wait for a place within the same deadline.
const MAX_REQUESTS: usize = 16;

/// The policy for passwords whose look-up failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnknown {
    /// Accepts the password and logs a warning. An outage of the service affects no user. The default.
    #[default]
    AllowPassword,
    /// Fails the check, so that the action returns `internal_error`. No password is set without a look-up.
    Fail,
}

/// The settings of [`PwnedPasswords`]. Start from [`PwnedPasswordsOptions::default`] and change fields.
#[derive(Clone, Debug)]
pub struct PwnedPasswordsOptions {
    /// The service to query. Default: `https://api.pwnedpasswords.com`.
    pub base_url: BaseUrl,
    /// The policy for passwords whose look-up failed. Default: accept them.
    pub when_unknown: WhenUnknown,
    /// The time limit for one look-up, from the wait for a place to the last byte of the answer. Default: 3 seconds. It must
    /// be shorter than [`Timeouts::checker`](faroe_core::Timeouts), after which the core cancels any checker.
    pub timeout: Duration,
}

impl Default for PwnedPasswordsOptions {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::default(),
            when_unknown: WhenUnknown::default(),
            timeout: Duration::from_secs(3),
        }
    }
}

/// Rejects passwords that appear in known breaches.
///
/// Requires a Tokio runtime with time and I/O enabled. A check only fails with [`WhenUnknown::Fail`].
#[derive(Debug)]
pub struct PwnedPasswords {
    service: RangeService,
    when_unknown: WhenUnknown,
    timeout: Duration,
    places: Semaphore,
    cache: Mutex<RangeCache>,
}

impl PwnedPasswords {
    /// Creates a checker without connecting to the service.
    pub fn new(options: PwnedPasswordsOptions) -> Self {
        Self {
            service: RangeService::new(options.base_url),
            when_unknown: options.when_unknown,
            timeout: options.timeout,
            places: Semaphore::new(MAX_REQUESTS),
            cache: Mutex::default(),
        }
    }

    /// Requests a fixed range to check that the service works.
    ///
    /// # Errors
    ///
    /// Fails if there is no valid answer in time.
    pub async fn reach(&self) -> Result<(), AdapterError> {
        self.ask("00000").await.map(drop)
    }

    /// Checks whether the password is in the list. An error means that the result is unknown.
    async fn is_breached(&self, password: &Password) -> Result<bool, AdapterError> {
        let digest = PasswordDigest::of(password);
        let range = match self.cached(digest.prefix()) {
            Some(range) => range,
            None => self.ask(digest.prefix()).await?,
        };
        Ok(range.holds(digest.suffix()))
    }

    fn cached(&self, prefix: &str) -> Option<Arc<Range>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(prefix, Instant::now())
    }

    async fn ask(&self, prefix: &str) -> Result<Arc<Range>, AdapterError> {
        let answer = async {
            let _place = self.places.acquire().await;
            self.service.range(prefix).await
        };
        let range = timeout(self.timeout, answer).await.map_err(|_| {
            let reason = format!("timed out after {:?}", self.timeout);
            AdapterError::new(OPERATION, reason)
        })??;
        let range = Arc::new(range);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(prefix, Arc::clone(&range), Instant::now());
        Ok(range)
    }
}

#[async_trait]
impl PasswordStrengthChecker for PwnedPasswords {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        match (self.is_breached(password).await, self.when_unknown) {
            (Ok(breached), _) => Ok(!breached),
            (Err(error), WhenUnknown::Fail) => Err(error),
            (Err(error), WhenUnknown::AllowPassword) => {
                let error = ErrorChain(&error);
                tracing::warn!(%error, "breach check failed, password accepted");
                Ok(true)
            }
        }
    }
}
