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

const OPERATION: &str = "look a password up among breached ones";

/// How many answers are waited for at once. Who comes later waits for a place, within the same deadline.
const MAX_REQUESTS: usize = 16;

/// What happens to a password that could not be looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnknown {
    /// It is let pass, and a warning is logged: the default. Nobody is kept out because the service is.
    #[default]
    AllowPassword,
    /// The check fails, so that the action answers `internal_error`: no password is set that was not looked up.
    Fail,
}

/// How breached passwords are looked up. Change a field of [`PwnedPasswordsOptions::default`].
#[derive(Clone, Debug)]
pub struct PwnedPasswordsOptions {
    /// Whom to ask. Default: `https://api.pwnedpasswords.com`.
    pub base_url: BaseUrl,
    /// What happens to a password that could not be looked up. Default: it is let pass.
    pub when_unknown: WhenUnknown,
    /// How long one look-up may take as a whole, from the wait for a place to the last byte of the answer. Default:
    /// 3 seconds. The core gives any checker up after its own [`Timeouts::checker`](faroe_core::Timeouts), so this
    /// has to be shorter.
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

/// Refuses passwords that are known from breaches.
///
/// It needs a Tokio runtime with time and I/O enabled. It fails only with [`WhenUnknown::Fail`].
#[derive(Debug)]
pub struct PwnedPasswords {
    service: RangeService,
    when_unknown: WhenUnknown,
    timeout: Duration,
    places: Semaphore,
    cache: Mutex<RangeCache>,
}

impl PwnedPasswords {
    /// Prepares to ask; nothing is sent before the first password.
    pub fn new(options: PwnedPasswordsOptions) -> Self {
        Self {
            service: RangeService::new(options.base_url),
            when_unknown: options.when_unknown,
            timeout: options.timeout,
            places: Semaphore::new(MAX_REQUESTS),
            cache: Mutex::default(),
        }
    }

    /// Asks for a range, on behalf of no password, to find out whether the service answers as it should.
    ///
    /// # Errors
    ///
    /// There was no usable answer in time.
    pub async fn reach(&self) -> Result<(), AdapterError> {
        self.ask("00000").await.map(drop)
    }

    /// Whether the password is in the list. `Err`: nobody knows.
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
            let reason = format!("there was no whole answer within {:?}", self.timeout);
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
                tracing::warn!(%error, "a password is let pass that was not looked up");
                Ok(true)
            }
        }
    }
}
