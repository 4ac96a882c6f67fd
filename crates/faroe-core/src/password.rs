//! Passwords: how they are hashed, and which are too weak.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use faroe_protocol::{secret::Password, types::Bytes};
use serde::{Deserialize, Serialize};

use crate::error::AdapterError;

/// A password hash with what is needed to compute it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// The ID of the algorithm that made it, such as `argon2id.65536.3.1.32`.
    pub algorithm_id: String,
    /// The salt that went into it.
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
/// `hash` is a pure function of password and salt: the same on every server and in every version, as long as the ID is
/// the same. What it writes along the way is wiped.
///
/// # Errors
///
/// `Err` means that the hash could not be computed, for want of memory for example.
///
/// # Concurrency
///
/// Slow on purpose. The core calls it on blocking threads, at most as many at once as it is allowed
/// ([`Hashing`](crate::Hashing)). A panic fails one action and nothing else.
///
/// # Implementing
///
/// `id` and `salt_size` are constant. Use the name of the algorithm and its parameters as the ID.
pub trait PasswordHashAlgorithm: Debug + Send + Sync + 'static {
    /// Names the algorithm and its parameters. It is stored with each hash.
    fn id(&self) -> &str;

    /// The length of a salt, in bytes.
    fn salt_size(&self) -> usize;

    /// Computes the hash of a password.
    ///
    /// # Errors
    ///
    /// The hash could not be computed.
    fn hash(&self, password: &[u8], salt: &[u8]) -> Result<Vec<u8>, AdapterError>;
}

/// Decides whether a new password is too easy to guess.
///
/// # Contract
///
/// Asked once for every new password of the right length, never for a password that is verified. `false` makes the
/// action answer `weak_password`.
///
/// # Errors
///
/// `Err` makes the action answer `internal_error`: a checker that would rather let a password pass says so itself.
///
/// # Concurrency
///
/// Called from many tasks at once. It must not block the task: expensive work belongs on a blocking thread. The core
/// stops waiting after five seconds.
///
/// # Implementing
///
/// The password is a secret: it must not be stored, logged or sent away.
#[async_trait]
pub trait PasswordStrengthChecker: Debug + Send + Sync + 'static {
    /// Whether the password may be used.
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError>;
}

/// The checker of those who want none: every password passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAllPasswords;

#[async_trait]
impl PasswordStrengthChecker for AllowAllPasswords {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        Ok(true)
    }
}

/// Several checkers as one: each is asked after the one before it has let the password pass, and the first that does not,
/// or that fails, decides. Put the one that costs least first. Without any, every password passes.
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
