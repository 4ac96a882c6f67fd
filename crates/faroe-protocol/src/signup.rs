//! Sign-up: an address is verified, a password set, a user created.

use crate::{
    action::{action, model},
    id::SignupId,
    secret::{EmailAddressVerificationCode, Password, SessionToken, SignupToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// A sign-up on its way: it becomes a user when it is completed. Lives 20 minutes.
    "signup"
    Signup::new {
        /// Its ID.
        id: SignupId,
        /// The address, exactly as it was given.
        email_address: String,
        /// Whether the code was entered.
        email_address_verified: bool,
        /// Whether the password was set.
        password_set: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts a sign-up: stores a signup and sends a code to the address.
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
    /// Gives a signup up.
    "delete_signup"
    DeleteSignup { signup_token: SignupToken, }
    | DeleteSignupErrorCode { InvalidSignupToken, }
}

action! {
    /// Sends the signup's code again; it is the same code.
    "send_signup_email_address_verification_code"
    SendSignupEmailAddressVerificationCode { signup_token: SignupToken, }
    | SendSignupEmailAddressVerificationCodeErrorCode { EmailAddressAlreadyVerified, InvalidSignupToken, RateLimited, }
}

action! {
    /// Proves that the address can be read, with the code sent to it.
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
    /// Sets the password of the user to be.
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
    /// Creates the user and signs in. At most one completion of a signup takes effect.
    "complete_signup"
    CompleteSignup { signup_token: SignupToken, }
    -> CompleteSignupValues { session: Session, session_token: SessionToken, }
    | CompleteSignupErrorCode {
        EmailAddressNotVerified,
        InvalidSignupToken,
        PasswordNotSet,
        SessionNotCreated,
    }
}
