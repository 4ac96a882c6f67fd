//! Updates of a user's password.

use crate::{
    action::{action, model},
    id::{SessionId, UserId, UserPasswordUpdateId},
    secret::{Password, SessionToken, UserPasswordUpdateToken},
    types::Timestamp,
};

model! {
    /// An update of a user's password in progress. It expires after 10 minutes.
    "user_password_update"
    UserPasswordUpdate::new {
        /// The ID of the update.
        id: UserPasswordUpdateId,
        /// The user to update.
        user_id: UserId,
        /// The session that created the update.
        session_id: SessionId,
        /// True once the current password was verified.
        user_identity_verified: bool,
        /// True once the new password was set.
        new_password_set: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The update may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates a password update.
    "create_user_password_update"
    CreateUserPasswordUpdate { session_token: SessionToken, }
    -> CreateUserPasswordUpdateValues { user_password_update: UserPasswordUpdate, user_password_update_token: UserPasswordUpdateToken, }
    | CreateUserPasswordUpdateErrorCode { InvalidSessionToken, }
}

action! {
    /// Reads a user password update.
    "get_user_password_update"
    GetUserPasswordUpdate {
        session_token: SessionToken,
        user_password_update_token: UserPasswordUpdateToken,
    }
    -> GetUserPasswordUpdateValues { user_password_update: UserPasswordUpdate, }
    | GetUserPasswordUpdateErrorCode {
        InvalidPasswordUpdateToken,
        InvalidSessionToken,
        SessionMismatch,
    }
}

action! {
    /// Deletes a password update.
    "delete_user_password_update"
    DeleteUserPasswordUpdate {
        session_token: SessionToken,
        user_password_update_token: UserPasswordUpdateToken,
    }
    | DeleteUserPasswordUpdateErrorCode {
        InvalidPasswordUpdateToken,
        InvalidSessionToken,
        SessionMismatch,
    }
}

action! {
    /// Verifies the user's current password.
    "verify_user_password_update_user_password"
    VerifyUserPasswordUpdateUserPassword {
        session_token: SessionToken,
        user_password_update_token: UserPasswordUpdateToken,
        password: Password,
    }
    | VerifyUserPasswordUpdateUserPasswordErrorCode {
        IncorrectPassword,
        InvalidPasswordUpdateToken,
        InvalidSessionToken,
        RateLimited,
        SessionMismatch,
        UserIdentityAlreadyVerified,
    }
}

action! {
    /// Sets the new password, which takes effect on completion.
    "set_user_password_update_new_password"
    SetUserPasswordUpdateNewPassword {
        session_token: SessionToken,
        user_password_update_token: UserPasswordUpdateToken,
        password: Password,
    }
    | SetUserPasswordUpdateNewPasswordErrorCode {
        InvalidPasswordLength,
        InvalidPasswordUpdateToken,
        InvalidSessionToken,
        NewPasswordAlreadySet,
        SessionMismatch,
        UserIdentityNotVerified,
        WeakPassword,
    }
}

action! {
    /// Changes the user's password and notifies the user.
    "complete_user_password_update"
    CompleteUserPasswordUpdate {
        session_token: SessionToken,
        user_password_update_token: UserPasswordUpdateToken,
    }
    | CompleteUserPasswordUpdateErrorCode {
        InvalidPasswordUpdateToken,
        InvalidSessionToken,
        NewPasswordNotSet,
        SessionMismatch,
        UserIdentityNotVerified,
    }
}
