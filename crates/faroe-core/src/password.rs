//! Passwords: hash algorithms and strength checkers.

mod text;

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use faroe_protocol::{secret::Password, types::Bytes};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::error::AdapterError;

/// A password hash, in three parts or as a text.
///
/// Hashes of this server have three parts. Other software keeps a hash, its salt and its costs in one text, such as
/// `$2b$12$…` or `$argon2id$v=19$…`. The text is then in `hash`, and the other two fields are empty. The server creates
/// hashes in parts and verifies both forms.
///
/// A user store that keeps three columns stores the parts as they are. A user store that keeps one text column writes
/// [`PasswordHash::to_text`] and reads with [`PasswordHash::from_text`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// The ID of the algorithm, such as `argon2id.65536.3.1.32`. Empty for a hash as a text.
    pub algorithm_id: String,
    /// The salt. Empty for a hash as a text.
    pub salt: Bytes,
    /// The hash, or the text. Empty for a user without a password.
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
/// `id` and `salt_size` are constant. Build the ID from the name of the algorithm and its parameters. Every algorithm is
/// a [`PasswordHashVerifier`] of the hashes with its ID.
pub trait PasswordHashAlgorithm: PasswordHashVerifier {
    /// Returns the ID of the algorithm with its parameters. It is stored with each hash and is not empty.
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

/// Verifies passwords against existing hashes of one kind.
///
/// # Contract
///
/// The answers of `recognizes` and `verify` depend on nothing but their arguments. Of a recognized hash, `verify` takes
/// bounded memory and time, whatever costs the hash names. It compares in constant time and wipes its working memory.
///
/// # Errors
///
/// `Err` means that the password was not verified, because memory ran out or the costs are too high for example. The
/// error contains neither the password nor the hash.
///
/// # Concurrency
///
/// Slow on purpose. The core calls it on blocking threads, within the bounds of [`Hashing`](crate::Hashing). A panic
/// fails one action and nothing else.
///
/// # Implementing
///
/// Implement [`PasswordHashAlgorithm`] instead for hashes in parts with fixed parameters.
pub trait PasswordHashVerifier: Debug + Send + Sync + 'static {
    /// Returns the name of the kind, for error messages. The verifiers of a server have different names.
    fn name(&self) -> &str;

    /// Checks whether the hash is of this kind. Cheap; a hash that is recognized may still be malformed.
    fn recognizes(&self, hash: &PasswordHash) -> bool;

    /// Checks a recognized hash without a password. Cheap, and by default always `Ok`.
    ///
    /// # Errors
    ///
    /// Fails if no password can be verified, because the hash is malformed or its costs are too high. The error does not
    /// contain the hash.
    fn check(&self, _hash: &PasswordHash) -> Result<(), AdapterError> {
        Ok(())
    }

    /// Verifies a password against a recognized hash.
    ///
    /// # Errors
    ///
    /// Fails if the password cannot be verified.
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> Result<Verification, AdapterError>;
}

/// The outcome of verifying a password against a hash.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// The hash is of this password.
    Correct,
    /// The hash is of another password.
    Incorrect,
    /// The hash is malformed, so no password is correct. The core logs the error, which does not contain the hash.
    Malformed(AdapterError),
}

impl<A: PasswordHashAlgorithm> PasswordHashVerifier for A {
    fn name(&self) -> &str {
        self.id()
    }

    fn recognizes(&self, hash: &PasswordHash) -> bool {
        hash.to_parts().algorithm_id == self.id()
    }

    fn verify(&self, password: &[u8], hash: &PasswordHash) -> Result<Verification, AdapterError> {
        let expected = hash.to_parts();
        let computed = self.hash(password, &expected.salt)?;
        // An empty hash would equal the empty hash of any password.
        let is_correct =
            !expected.hash.is_empty() && bool::from(computed.as_slice().ct_eq(&expected.hash));
        Ok(if is_correct {
            Verification::Correct
        } else {
            Verification::Incorrect
        })
    }
}

/// Decides whether a new password is too easy to guess.
///
/// # Contract
///
/// Called once for every new password of valid length, never for a password that is verified. The password is in NFC.
/// `false` makes the action answer `weak_password`.
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

    /// Checks whether the password may be used by this user of this product. The core calls this method.
    ///
    /// By default the context makes no difference.
    async fn is_strong_enough_for(
        &self,
        password: &Password,
        _context: &PasswordContext,
    ) -> Result<bool, AdapterError> {
        self.is_strong_enough(password).await
    }
}

/// Texts about the user of a new password, which a guesser would try first.
///
/// Later versions may add fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordContext {
    /// The user's email address.
    pub email_address: String,
    /// The user's display name, or an empty text.
    pub display_name: String,
    /// [`ServerOptions::product_name`](crate::ServerOptions::product_name), or an empty text.
    pub product_name: String,
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
        self.is_strong_enough_for(password, &PasswordContext::default())
            .await
    }

    async fn is_strong_enough_for(
        &self,
        password: &Password,
        context: &PasswordContext,
    ) -> Result<bool, AdapterError> {
        for checker in &self.0 {
            if !checker.is_strong_enough_for(password, context).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

const _OBJECT_SAFE: Option<(
    &dyn PasswordHashAlgorithm,
    &dyn PasswordHashVerifier,
    &dyn PasswordStrengthChecker,
)> = None;
