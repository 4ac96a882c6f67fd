//! The application's own users, behind seven operations.

use std::fmt::Debug;

use async_trait::async_trait;
pub use faroe_protocol::{id::UserId, types::Counter, user::User};

use crate::{error::AdapterError, password::PasswordHash};

/// A user to be created.
///
/// Later versions may add fields. A store that does not know a field ignores it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewUser {
    /// The verified email address, to be stored exactly as given.
    pub email_address: String,
    /// The hash of the password.
    pub password_hash: PasswordHash,
}

impl NewUser {
    /// Creates a new user with this address and password hash.
    pub fn new(email_address: impl Into<String>, password_hash: PasswordHash) -> Self {
        Self {
            email_address: email_address.into(),
            password_hash,
        }
    }

    /// Returns the user that a store without defaults of its own creates: all counters are 0, the user is not disabled
    /// and the display name is empty.
    pub fn into_user(self, id: UserId) -> User {
        let mut user = User::new(id, self.email_address);
        user.password_hash = self.password_hash.hash;
        user.password_hash_algorithm_id = self.password_hash.algorithm_id;
        user.password_salt = self.password_hash.salt;
        user
    }
}

/// The outcome of creating a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum CreateUserOutcome {
    /// The user is there now; all its counters are 0 and it is not disabled, unless the application decided otherwise.
    Created(User),
    /// A user has this exact address; nothing was changed.
    EmailAddressAlreadyUsed,
}

/// What came of changing a user's email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum UpdateUserEmailAddressOutcome {
    /// The user has the address, and the email address counter has grown by one.
    Updated,
    /// Another user has this exact address; nothing was changed.
    EmailAddressAlreadyUsed,
    /// There is no such user, or its counter is another; nothing was changed.
    UserNotFound,
}

/// What came of changing or deleting a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum UpdateUserOutcome {
    /// The change was made by this call.
    Updated,
    /// There is no such user, or, where one is given, its counter is another; nothing was changed.
    UserNotFound,
}

/// The application's users.
///
/// # Contract
///
/// - Email addresses and user IDs are compared byte by byte, stored as given and never normalised: letter case and
///   trailing spaces matter. No two users have the same address, whatever races.
/// - A given counter is compared with the row's and the row is changed only if they are equal, in one step; the counter
///   of what was changed grows by one in the same step.
/// - The disabled counter is the application's: it increments it whenever it flips the flag.
/// - Every operation takes effect at one moment between its call and its return, and every later read sees it.
///
/// # Errors
///
/// `Err` means that the store failed; a write may then have happened or not. [`AdapterError::conflict`] says that it
/// did not and may be tried again. A counter never wraps: beyond [`Counter::MAX`] a change is an error.
///
/// # Concurrency
///
/// Called from many tasks and many servers at once. Calls should end within two seconds; the core stops waiting then.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::user_store`.
#[async_trait]
pub trait UserStore: Debug + Send + Sync + 'static {
    /// Creates a user. The application chooses the ID and never uses it again for another user.
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError>;

    /// The user with this ID, or `None`.
    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError>;

    /// The user with exactly this address, or `None`.
    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError>;

    /// Changes the user's address, if the email address counter equals `email_address_counter`. The user's own present
    /// address counts as free.
    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError>;

    /// Changes the user's password hash, if the password hash counter equals `password_hash_counter`.
    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError>;

    /// Increments the sessions counter, if it equals `sessions_counter`.
    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError>;

    /// Deletes the user. Of any number of racing calls one is told `Updated`.
    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError>;
}

const _OBJECT_SAFE: Option<&dyn UserStore> = None;
