//! Every error code of the protocol, once: its name on the wire and its meaning.

/// `error_code!(RateLimited name)` is the code on the wire, `error_code!(RateLimited meaning)` its documentation.
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
    EmailAddressAlreadyUsed = "email_address_already_used": "a user has this exact address",
    EmailAddressAlreadyVerified = "email_address_already_verified": "the code was entered before",
    EmailAddressNotAllowed = "email_address_not_allowed": "the server's checker refuses the address",
    EmailAddressNotVerified = "email_address_not_verified": "the code has to be entered first",
    IncorrectEmailAddressVerificationCode = "incorrect_email_address_verification_code": "this is not the code",
    IncorrectPassword = "incorrect_password": "this is not the user's password",
    IncorrectTemporaryPassword = "incorrect_temporary_password": "this is not the temporary password",
    InvalidEmailAddress = "invalid_email_address": "the text is not an email address that the protocol accepts",
    InvalidPasswordLength = "invalid_password_length": "a password has 10 to 100 characters",
    InvalidPasswordUpdateToken = "invalid_password_update_token": "no living password update has this token",
    InvalidSessionToken = "invalid_session_token": "no living session has this token",
    InvalidSigninToken = "invalid_signin_token": "no living signin has this token",
    InvalidSignupToken = "invalid_signup_token": "no living signup has this token",
    InvalidUserDeletionToken = "invalid_user_deletion_token": "no living user deletion has this token",
    InvalidUserEmailAddressUpdateToken = "invalid_user_email_address_update_token":
        "no living user email address update has this token",
    InvalidUserPasswordResetToken = "invalid_user_password_reset_token": "no living password reset has this token",
    NewPasswordAlreadySet = "new_password_already_set": "the new password was set before",
    NewPasswordNotSet = "new_password_not_set": "the new password has to be set first",
    PasswordAlreadySet = "password_already_set": "the password was set before",
    PasswordNotSet = "password_not_set": "the password has to be set first",
    RateLimited = "rate_limited": "too many attempts; some minutes later there is one again",
    SessionMismatch = "session_mismatch": "the flow belongs to another session",
    SessionNotCreated = "session_not_created": "all is done but the session; the user can sign in",
    UserDisabled = "user_disabled": "the application has disabled the user",
    UserFirstFactorAlreadyVerified = "user_first_factor_already_verified": "the password was verified before",
    UserFirstFactorNotVerified = "user_first_factor_not_verified": "the password has to be verified first",
    UserIdentityAlreadyVerified = "user_identity_already_verified": "the password was verified before",
    UserIdentityNotVerified = "user_identity_not_verified": "the password has to be verified first",
    UserNotFound = "user_not_found": "there is no such user, or it has changed meanwhile",
    WeakPassword = "weak_password": "the password is too easy to guess",
}
