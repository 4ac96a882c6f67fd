//! The table of all actions.

/// Calls a macro with the types of all actions of the server, by their paths in this crate.
///
/// Code that needs every action, such as the dispatch of requests, starts from this list and cannot miss one.
#[macro_export]
macro_rules! for_each_server_action {
    ($callback:ident) => {
        $callback! {
            $crate::signup::CreateSignup,
            $crate::signup::GetSignup,
            $crate::signup::DeleteSignup,
            $crate::signup::SendSignupEmailAddressVerificationCode,
            $crate::signup::VerifySignupEmailAddressVerificationCode,
            $crate::signup::SetSignupPassword,
            $crate::signup::CompleteSignup,
            $crate::signin::CreateSignin,
            $crate::signin::GetSignin,
            $crate::signin::DeleteSignin,
            $crate::signin::VerifySigninUserPassword,
            $crate::signin::CompleteSignin,
            $crate::session::GetSession,
            $crate::session::DeleteSession,
            $crate::session::DeleteAllSessions,
            $crate::user_email_address_update::CreateUserEmailAddressUpdate,
            $crate::user_email_address_update::GetUserEmailAddressUpdate,
            $crate::user_email_address_update::DeleteUserEmailAddressUpdate,
            $crate::user_email_address_update::SendUserEmailAddressUpdateEmailAddressVerificationCode,
            $crate::user_email_address_update::VerifyUserEmailAddressUpdateEmailAddressVerificationCode,
            $crate::user_email_address_update::VerifyUserEmailAddressUpdateUserPassword,
            $crate::user_email_address_update::CompleteUserEmailAddressUpdate,
            $crate::user_password_update::CreateUserPasswordUpdate,
            $crate::user_password_update::GetUserPasswordUpdate,
            $crate::user_password_update::DeleteUserPasswordUpdate,
            $crate::user_password_update::VerifyUserPasswordUpdateUserPassword,
            $crate::user_password_update::SetUserPasswordUpdateNewPassword,
            $crate::user_password_update::CompleteUserPasswordUpdate,
            $crate::user_deletion::CreateUserDeletion,
            $crate::user_deletion::GetUserDeletion,
            $crate::user_deletion::DeleteUserDeletion,
            $crate::user_deletion::VerifyUserDeletionUserPassword,
            $crate::user_deletion::CompleteUserDeletion,
            $crate::user_password_reset::CreateUserPasswordReset,
            $crate::user_password_reset::GetUserPasswordReset,
            $crate::user_password_reset::DeleteUserPasswordReset,
            $crate::user_password_reset::VerifyUserPasswordResetTemporaryPassword,
            $crate::user_password_reset::SetUserPasswordResetNewPassword,
            $crate::user_password_reset::CompleteUserPasswordReset,
        }
    };
}

/// Calls a macro with the types of all actions of a user server, by their paths in this crate.
#[macro_export]
macro_rules! for_each_user_server_action {
    ($callback:ident) => {
        $callback! {
            $crate::user::CreateUser,
            $crate::user::GetUser,
            $crate::user::GetUserByEmailAddress,
            $crate::user::UpdateUserEmailAddress,
            $crate::user::UpdateUserPasswordHash,
            $crate::user::IncrementUserSessionsCounter,
            $crate::user::DeleteUser,
        }
    };
}
