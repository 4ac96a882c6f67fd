//! The actions of a user server: a user store behind an endpoint.

use crate::{
    action::{action, model},
    fields::UserFields,
    id::UserId,
    types::{Bytes, Counter},
};

model! {
    /// A user of the application.
    "user"
    User {
        /// The ID of the user, in the application's own form.
        id: UserId,
        /// The email address, exactly as given.
        email_address: String,
        /// The hash of the password.
        password_hash: Bytes,
        /// The ID of the algorithm that made the hash.
        password_hash_algorithm_id: String,
        /// The salt of the hash.
        password_salt: Bytes,
        /// True if the application has disabled the user.
        disabled: bool,
        /// The name used to address the user in emails; may be empty.
        display_name: String,
        /// The number of changes of the email address.
        email_address_counter: Counter,
        /// The number of changes of the password hash.
        password_hash_counter: Counter,
        /// The number of changes of `disabled`; the application increments it.
        disabled_counter: Counter,
        /// A counter that is incremented to end all of the user's sessions.
        sessions_counter: Counter,
    }
}

impl User {
    /// Creates a user with this ID and email address. Everything else is empty, false or zero: set the other fields.
    pub fn new(id: UserId, email_address: impl Into<String>) -> Self {
        Self {
            id,
            email_address: email_address.into(),
            password_hash: Bytes::default(),
            password_hash_algorithm_id: String::new(),
            password_salt: Bytes::default(),
            disabled: false,
            display_name: String::new(),
            email_address_counter: Counter::ZERO,
            password_hash_counter: Counter::ZERO,
            disabled_counter: Counter::ZERO,
            sessions_counter: Counter::ZERO,
        }
    }
}

action! {
    /// Creates a user with this address and password hash, and with the fields that the client of the server gave.
    #[non_exhaustive]
    "create_user"
    CreateUser {
        email_address: String,
        password_hash: Bytes,
        password_hash_algorithm_id: String,
        password_salt: Bytes,
    }
    optional {
        /// Fields of the new user.
        user_fields: UserFields,
    }
    -> CreateUserValues { user: User, }
    | CreateUserErrorCode { EmailAddressAlreadyUsed, }
    extension { InvalidUserFields, }
}

action! {
    /// Reads the user with this ID.
    "get_user"
    GetUser { user_id: UserId, }
    -> GetUserValues { user: User, }
    | GetUserErrorCode { UserNotFound, }
}

action! {
    /// Reads the user with exactly this address.
    "get_user_by_email_address"
    GetUserByEmailAddress { email_address: String, }
    -> GetUserByEmailAddressValues { user: User, }
    | GetUserByEmailAddressErrorCode { UserNotFound, }
}

action! {
    /// Changes the address if its counter still has this value, and increments the counter.
    "update_user_email_address"
    UpdateUserEmailAddress {
        user_id: UserId,
        email_address: String,
        user_email_address_counter: Counter,
    }
    | UpdateUserEmailAddressErrorCode { EmailAddressAlreadyUsed, UserNotFound, }
}

action! {
    /// Changes the password hash if its counter still has this value, and increments the counter.
    "update_user_password_hash"
    UpdateUserPasswordHash {
        user_id: UserId,
        password_hash: Bytes,
        password_hash_algorithm_id: String,
        password_salt: Bytes,
        user_password_hash_counter: Counter,
    }
    | UpdateUserPasswordHashErrorCode { UserNotFound, }
}

action! {
    /// Increments the sessions counter if it still has this value.
    "increment_user_sessions_counter"
    IncrementUserSessionsCounter {
        user_id: UserId,
        user_sessions_counter: Counter,
    }
    | IncrementUserSessionsCounterErrorCode { UserNotFound, }
}

action! {
    /// Deletes the user.
    "delete_user"
    DeleteUser { user_id: UserId, }
    | DeleteUserErrorCode { UserNotFound, }
}
