//! Resets of a forgotten password, with a temporary password sent by email.

use crate::{
    action::{action, model},
    id::{UserId, UserPasswordResetId},
    secret::{Password, SessionToken, TemporaryPassword, UserPasswordResetToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// A password reset in progress. It expires after 20 minutes.
    "user_password_reset"
    UserPasswordReset::new {
        /// The ID of the reset.
        id: UserPasswordResetId,
        /// The user whose password is reset.
        user_id: UserId,
        /// True once the temporary password was verified.
        user_first_factor_verified: bool,
        /// True once the new password was set.
        new_password_set: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The reset may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates a password reset and sends a temporary password to the user's address.
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
    /// Deletes a password reset.
    "delete_user_password_reset"
    DeleteUserPasswordReset { user_password_reset_token: UserPasswordResetToken, }
    | DeleteUserPasswordResetErrorCode { InvalidUserPasswordResetToken, }
}

action! {
    /// Verifies the temporary password.
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
    /// Changes the user's password, notifies the user and creates a session.
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
