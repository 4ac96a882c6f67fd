//! The error codes of the protocol: each with its name on the wire and its meaning.

/// Defines the macro `error_code!`: `error_code!(RateLimited name)` is the code on the wire and
/// `error_code!(RateLimited meaning)` its documentation.
macro_rules! error_codes {
    ($dollar:tt $($code:ident = $name:literal: $meaning:literal,)*) => {
        macro_rules! error_code {
            $(
                ($code name) => { $name };
                ($code meaning) => { concat!("`", $name, "`: ", $meaning, ".") };
            )*
        }
        pub(crate) use error_code;
    };
}

error_codes! { $
    EmailAddressAlreadyUsed = "email_address_already_used": "a user has exactly this address",
    EmailAddressAlreadyVerified = "email_address_already_verified": "the address is already verified",
    EmailAddressNotAllowed = "email_address_not_allowed": "the server does not allow the address",
    EmailAddressNotVerified = "email_address_not_verified": "the address must be verified first",
    IncorrectEmailAddressVerificationCode = "incorrect_email_address_verification_code": "the code is wrong",
    IncorrectPassword = "incorrect_password": "the password is wrong",
    IncorrectTemporaryPassword = "incorrect_temporary_password": "the temporary password is wrong",
    InvalidEmailAddress = "invalid_email_address": "the text is not a valid email address",
    InvalidPasswordLength = "invalid_password_length": "a new password has at least 10 characters, or as many as the server is configured for, and at most 100",
    InvalidPasswordUpdateToken = "invalid_password_update_token": "no password update has this token, or it has expired or ended",
    InvalidSessionToken = "invalid_session_token": "no session has this token, or it has expired or ended",
    InvalidSigninToken = "invalid_signin_token": "no signin has this token, or it has expired or ended",
    InvalidSignupToken = "invalid_signup_token": "no signup has this token, or it has expired or ended",
    InvalidUserDeletionToken = "invalid_user_deletion_token": "no user deletion has this token, or it has expired or ended",
    InvalidUserEmailAddressUpdateToken = "invalid_user_email_address_update_token":
        "no user email address update has this token, or it has expired or ended",
    InvalidUserFields = "invalid_user_fields": "a field of the new user is unknown, missing, or has a value that is not accepted; nothing was changed",
    InvalidUserPasswordResetToken = "invalid_user_password_reset_token": "no password reset has this token, or it has expired or ended",
    NewPasswordAlreadySet = "new_password_already_set": "the new password is already set",
    NewPasswordNotSet = "new_password_not_set": "the new password must be set first",
    PasswordAlreadySet = "password_already_set": "the password is already set",
    PasswordNotSet = "password_not_set": "the password must be set first",
    RateLimited = "rate_limited": "too many attempts; retry some minutes later",
    SessionMismatch = "session_mismatch": "the flow belongs to another session",
    SessionNotCreated = "session_not_created": "the action took effect, but no session was created; the user can sign in",
    UserDisabled = "user_disabled": "the application has disabled the user",
    UserFirstFactorAlreadyVerified = "user_first_factor_already_verified": "the password is already verified",
    UserFirstFactorNotVerified = "user_first_factor_not_verified": "the password must be verified first",
    UserIdentityAlreadyVerified = "user_identity_already_verified": "the password is already verified",
    UserIdentityNotVerified = "user_identity_not_verified": "the password must be verified first",
    UserNotFound = "user_not_found": "the user is missing, or was changed concurrently",
    WeakPassword = "weak_password": "the password is too easy to guess",
}
