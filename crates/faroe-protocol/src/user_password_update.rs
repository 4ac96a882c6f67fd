//! Change of a user's password.

use crate::{
    action::{action, model},
    id::{SessionId, UserId, UserPasswordUpdateId},
    secret::{Password, SessionToken, UserPasswordUpdateToken},
    types::Timestamp,
};

model! {
    /// A change of a user's password on its way. Lives 10 minutes.
    "user_password_update"
    UserPasswordUpdate::new {
        /// Its ID.
        id: UserPasswordUpdateId,
        /// The user it belongs to.
        user_id: UserId,
        /// The session it belongs to.
        session_id: SessionId,
        /// Whether the password was verified.
        user_identity_verified: bool,
        /// Whether the new password was set.
        new_password_set: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts a change of password.
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
    /// Gives a change of password up.
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
    /// Verifies the user's present password.
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
