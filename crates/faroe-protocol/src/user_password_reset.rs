//! Reset of a forgotten password, with a temporary password sent by email.

use crate::{
    action::{action, model},
    id::{UserId, UserPasswordResetId},
    secret::{Password, SessionToken, TemporaryPassword, UserPasswordResetToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// The reset of a forgotten password on its way. Lives 20 minutes.
    "user_password_reset"
    UserPasswordReset::new {
        /// Its ID.
        id: UserPasswordResetId,
        /// The user it belongs to.
        user_id: UserId,
        /// Whether the (temporary) password was verified.
        user_first_factor_verified: bool,
        /// Whether the new password was set.
        new_password_set: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts a password reset: sends a temporary password to the user's address.
    "create_user_password_reset"
    CreateUserPasswordReset { user_email_address: String, }
    -> CreateUserPasswordResetValues { user_password_reset: UserPasswordReset, user_password_reset_token: UserPasswordResetToken, }
    | CreateUserPasswordResetErrorCode { InvalidEmailAddress, RateLimited, UserDisabled, UserNotFound, }
}

action! {
    /// Reads a user password reset.
    "get_user_password_reset" (never_conflicts)
    GetUserPasswordReset { user_password_reset_token: UserPasswordResetToken, }
    -> GetUserPasswordResetValues { user_password_reset: UserPasswordReset, }
    | GetUserPasswordResetErrorCode { InvalidUserPasswordResetToken, }
}

action! {
    /// Gives a password reset up.
    "delete_user_password_reset"
    DeleteUserPasswordReset { user_password_reset_token: UserPasswordResetToken, }
    | DeleteUserPasswordResetErrorCode { InvalidUserPasswordResetToken, }
}

action! {
    /// Verifies the temporary password that was sent.
    "verify_user_password_reset_temporary_password"
    VerifyUserPasswordResetTemporaryPassword {
        user_password_reset_token: UserPasswordResetToken,
        temporary_password: TemporaryPassword,
    }
    | VerifyUserPasswordResetTemporaryPasswordErrorCode {
        IncorrectTemporaryPassword,
        InvalidUserPasswordResetToken,
        RateLimited,
        UserFirstFactorAlreadyVerified,
    }
}

action! {
    /// Sets the new password, which takes effect on completion.
    "set_user_password_reset_new_password"
    SetUserPasswordResetNewPassword {
        user_password_reset_token: UserPasswordResetToken,
        password: Password,
    }
    | SetUserPasswordResetNewPasswordErrorCode {
        InvalidPasswordLength,
        InvalidUserPasswordResetToken,
        NewPasswordAlreadySet,
        UserFirstFactorNotVerified,
        WeakPassword,
    }
}

action! {
    /// Changes the user's password, notifies the user and signs in.
    "complete_user_password_reset"
    CompleteUserPasswordReset { user_password_reset_token: UserPasswordResetToken, }
    -> CompleteUserPasswordResetValues { session: Session, session_token: SessionToken, }
    | CompleteUserPasswordResetErrorCode {
        InvalidUserPasswordResetToken,
        NewPasswordNotSet,
        SessionNotCreated,
        UserFirstFactorNotVerified,
    }
}
