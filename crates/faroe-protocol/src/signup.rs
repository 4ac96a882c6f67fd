//! Sign-up: verifies an address, sets a password, creates a user.

use crate::{
    action::{action, model},
    fields::UserFields,
    id::SignupId,
    secret::{EmailAddressVerificationCode, Password, SessionToken, SignupToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// A signup in progress. Completing it creates a user. It expires after 20 minutes.
    "signup"
    Signup::new {
        /// The ID of the signup.
        id: SignupId,
        /// The email address, exactly as given.
        email_address: String,
        /// True once the code was verified.
        email_address_verified: bool,
        /// True once the password was set.
        password_set: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The signup may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates a signup and sends a code to the address.
    "create_signup"
    CreateSignup { email_address: String, }
    -> CreateSignupValues { signup: Signup, signup_token: SignupToken, }
    | CreateSignupErrorCode {
        EmailAddressAlreadyUsed,
        EmailAddressNotAllowed,
        InvalidEmailAddress,
        RateLimited,
    }
}

action! {
    /// Reads a signup.
    "get_signup"
    GetSignup { signup_token: SignupToken, }
    -> GetSignupValues { signup: Signup, }
    | GetSignupErrorCode { InvalidSignupToken, }
}

action! {
    /// Deletes a signup.
    "delete_signup"
    DeleteSignup { signup_token: SignupToken, }
    | DeleteSignupErrorCode { InvalidSignupToken, }
}

action! {
    /// Sends the same code again.
    "send_signup_email_address_verification_code"
    SendSignupEmailAddressVerificationCode { signup_token: SignupToken, }
    | SendSignupEmailAddressVerificationCodeErrorCode { EmailAddressAlreadyVerified, InvalidSignupToken, RateLimited, }
}

action! {
    /// Verifies the address with the code sent to it.
    "verify_signup_email_address_verification_code"
    VerifySignupEmailAddressVerificationCode {
        signup_token: SignupToken,
        email_address_verification_code: EmailAddressVerificationCode,
    }
    | VerifySignupEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified,
        IncorrectEmailAddressVerificationCode,
        InvalidSignupToken,
        RateLimited,
    }
}

action! {
    /// Sets the password of the new user.
    "set_signup_password"
    SetSignupPassword {
        signup_token: SignupToken,
        password: Password,
    }
    | SetSignupPasswordErrorCode {
        EmailAddressNotVerified,
        InvalidPasswordLength,
        InvalidSignupToken,
        PasswordAlreadySet,
        WeakPassword,
    }
}

action! {
    /// Creates the user and a session. At most one completion of a signup takes effect.
    #[non_exhaustive]
    "complete_signup"
    CompleteSignup { signup_token: SignupToken, }
    optional {
        /// Fields of the new user, of those that the server accepts.
        user_fields: UserFields,
    }
    -> CompleteSignupValues { session: Session, session_token: SessionToken, }
    | CompleteSignupErrorCode {
        EmailAddressNotVerified,
        InvalidSignupToken,
        PasswordNotSet,
        SessionNotCreated,
    }
    extension { InvalidUserFields, }
}
