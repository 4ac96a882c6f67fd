//! The user store: the application's own users, behind seven operations.

use std::fmt::Debug;

use async_trait::async_trait;
pub use faroe_protocol::{
    fields::{UserFieldValue, UserFields},
    id::UserId,
    types::Counter,
    user::User,
};

use crate::{error::AdapterError, password::PasswordHash};

/// The comparison of email addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailAddressCase {
    /// Byte by byte: `Ada@example.com` and `ada@example.com` are two addresses.
    #[default]
    Exact,
    /// Without the case of ASCII letters: they are one address, which is stored as it was given.
    Ignore,
}

impl EmailAddressCase {
    /// Checks whether two texts are the same address.
    pub fn is_same(self, address: &str, other: &str) -> bool {
        match self {
            Self::Exact => address == other,
            Self::Ignore => address.eq_ignore_ascii_case(other),
        }
    }
}

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
    /// The fields that the client gave at sign-up, of those in
    /// [`ServerOptions::signup_fields`](crate::ServerOptions::signup_fields). Empty unless that lists some.
    pub user_fields: UserFields,
}

impl NewUser {
    /// Creates a new user with this address and password hash, without fields.
    pub fn new(email_address: impl Into<String>, password_hash: PasswordHash) -> Self {
        Self {
            email_address: email_address.into(),
            password_hash,
            user_fields: UserFields::default(),
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

/// Returns the user who has this address: the one with exactly this address, or else the one with the address in another
/// ASCII letter case. For stores that look users up without letter case.
pub fn holder(email_address: &str, users: impl IntoIterator<Item = User>) -> Option<User> {
    let mut in_other_case = None;
    for user in users {
        if user.email_address == email_address {
            return Some(user);
        }
        if user.email_address.eq_ignore_ascii_case(email_address) {
            in_other_case = Some(user);
        }
    }
    in_other_case
}

/// The outcome of creating a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum CreateUserOutcome {
    /// The user was created. All counters are 0 and the user is not disabled, unless the application decided otherwise.
    Created(User),
    /// Another user has exactly this address; nothing was changed.
    EmailAddressAlreadyUsed,
    /// A field is unknown, a mandatory one is missing, or a value is not accepted; nothing was changed. The same user can be
    /// created with other fields.
    InvalidUserFields,
}

/// Decides whether the fields of a sign-up are acceptable, before the user is created.
///
/// # Contract
///
/// The answer depends on the arguments alone. It is asked at each attempt to complete a sign-up, also of one without fields,
/// if [`ServerOptions::signup_fields`](crate::ServerOptions::signup_fields) lists any. The fields are within the limits of
/// [`UserFields::is_valid`], and all are listed.
pub trait UserFieldsValidator: Debug + Send + Sync + 'static {
    /// Checks whether a user with this address may have these fields.
    fn is_valid(&self, email_address: &str, user_fields: &UserFields) -> bool;
}

/// Accepts all fields and values, and leaves the decision to the user store.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAllUserFields;

impl UserFieldsValidator for AllowAllUserFields {
    fn is_valid(&self, _email_address: &str, _user_fields: &UserFields) -> bool {
        true
    }
}

/// The outcome of updating a user's email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum UpdateUserEmailAddressOutcome {
    /// The address was changed and the email address counter incremented.
    Updated,
    /// Another user has exactly this address; nothing was changed.
    EmailAddressAlreadyUsed,
    /// The user is missing, or its counter differs; nothing was changed.
    UserNotFound,
}

/// The outcome of updating or deleting a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum UpdateUserOutcome {
    /// This call made the change.
    Updated,
    /// The user is missing, or a given counter differs; nothing was changed.
    UserNotFound,
}

/// The application's users.
///
/// # Contract
///
/// - Email addresses and user IDs are stored as given, never normalised, and compared byte by byte: letter case and
///   trailing spaces matter. No two users have the same address, even after concurrent calls.
/// - A store may ignore the case of ASCII letters in addresses, and no other difference. Then no two users have addresses
///   that differ in nothing else, a look-up by address finds the one user, and
///   [`ServerOptions::email_address_case`](crate::ServerOptions::email_address_case) decides whether that user can sign in
///   with the other spelling.
/// - An operation with a counter compares it with the user's, and makes its change and increments that counter only if
///   they are equal, all in one step.
/// - The application owns the disabled counter and increments it whenever it flips the flag.
/// - Every operation takes effect at one moment between its call and its return, and every later read sees it.
///
/// # Errors
///
/// `Err` means that the store failed; the outcome of a write is then unknown. [`AdapterError::conflict`] means that
/// nothing was changed and the call may be retried. [`AdapterError::refusal`] means that a rule of the application, such as
/// a constraint of its table, refused the user, the address or the deletion, and that nothing was changed. A counter never
/// wraps: a change beyond [`Counter::MAX`] is an error.
///
/// # Concurrency
///
/// Called from many tasks and many servers at once. Calls should end within
/// [`Timeouts::user_store`](crate::Timeouts::user_store), 4 seconds by default; the core stops waiting then. A user whose
/// creation takes effect later is found when the client retries.
///
/// # Implementing
///
/// Prove it with `faroe_testkit::conformance::user_store`.
#[async_trait]
pub trait UserStore: Debug + Send + Sync + 'static {
    /// Creates a user. The application chooses the ID and never uses it again for another user. It may store the address in
    /// another letter case, as a trigger does; the returned user shows what it stored.
    ///
    /// Fields are stored exactly as given and in the same step, or the answer is [`CreateUserOutcome::InvalidUserFields`]: for a
    /// field that the store does not know, for a mandatory one that is missing, and for a value that it does not accept. An
    /// address that is used is told of first, so that a call that is repeated finds its user.
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError>;

    /// Returns the user with this ID, or `None`.
    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError>;

    /// Returns the user with exactly this address, or `None`. A store that ignores letter case returns the user that has the
    /// address in any.
    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError>;

    /// Changes the user's address if the email address counter equals `email_address_counter`. The user's own current
    /// address is not in conflict.
    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError>;

    /// Changes the user's password hash if the password hash counter equals `password_hash_counter`.
    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError>;

    /// Increments the sessions counter if it equals `sessions_counter`.
    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError>;

    /// Deletes the user. Exactly one of any concurrent calls returns `Updated`.
    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError>;
}

const _OBJECT_SAFE: Option<(&dyn UserStore, &dyn UserFieldsValidator)> = None;
