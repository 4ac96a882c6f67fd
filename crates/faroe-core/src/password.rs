//! Passwords: hash algorithms and strength checkers.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use faroe_protocol::{secret::Password, types::Bytes};
use serde::{Deserialize, Serialize};

use crate::error::AdapterError;

/// A password hash, with the algorithm and the salt to compute it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// The ID of the algorithm, such as `argon2id.65536.3.1.32`.
    pub algorithm_id: String,
    /// The salt.
    pub salt: Bytes,
    /// The hash.
    pub hash: Bytes,
}

impl Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("algorithm_id", &self.algorithm_id)
            .finish_non_exhaustive()
    }
}

/// A password hash algorithm with fixed parameters.
///
/// # Contract
///
/// `hash` is a pure function of password and salt: it returns the same hash on every server and in every version that
/// uses the same ID. It wipes its working memory.
///
/// # Errors
///
/// `Err` means that the hash was not computed, because memory ran out for example.
///
/// # Concurrency
///
/// Slow on purpose. The core calls it on blocking threads, within the bounds of [`Hashing`](crate::Hashing). A panic
/// fails one action and nothing else.
///
/// # Implementing
///
/// `id` and `salt_size` are constant. Build the ID from the name of the algorithm and its parameters.
pub trait PasswordHashAlgorithm: Debug + Send + Sync + 'static {
    /// Returns the ID of the algorithm with its parameters. It is stored with each hash.
    fn id(&self) -> &str;

    /// Returns the length of a salt, in bytes.
    fn salt_size(&self) -> usize;

    /// Computes the hash of a password.
    ///
    /// # Errors
    ///
    /// Fails if the hash cannot be computed.
    fn hash(&self, password: &[u8], salt: &[u8]) -> Result<Vec<u8>, AdapterError>;
}

/// Decides whether a new password is too easy to guess.
///
/// # Contract
///
/// Called once for every new password of valid length, never for a password that is verified. `false` makes the action
/// answer `weak_password`.
///
/// # Errors
///
/// `Err` makes the action answer `internal_error`. A checker that prefers to allow a password it cannot check returns
/// `Ok(true)`.
///
/// # Concurrency
///
/// Called from many tasks at once. It must not block the task: expensive work belongs on a blocking thread. Calls time
/// out after five seconds.
///
/// # Implementing
///
/// The password is a secret: never store it, log it or send it anywhere.
#[async_trait]
pub trait PasswordStrengthChecker: Debug + Send + Sync + 'static {
    /// Checks whether the password may be used.
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError>;
}

/// The default checker. It allows every password.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAllPasswords;

#[async_trait]
impl PasswordStrengthChecker for AllowAllPasswords {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        Ok(true)
    }
}

/// Several checkers in sequence. The first that rejects the password, or fails, decides. Put the cheapest first. An
/// empty list allows every password.
#[derive(Clone, Debug, Default)]
pub struct PasswordStrengthCheckers(pub Vec<Arc<dyn PasswordStrengthChecker>>);

#[async_trait]
impl PasswordStrengthChecker for PasswordStrengthCheckers {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        for checker in &self.0 {
            if !checker.is_strong_enough(password).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

const _OBJECT_SAFE: Option<(&dyn PasswordHashAlgorithm, &dyn PasswordStrengthChecker)> = None;
