//! Sign-in with a password.

use crate::{
    action::{action, model},
    id::{SigninId, UserId},
    secret::{Password, SessionToken, SigninToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// A signin in progress. Completing it creates a session. It expires after 10 minutes.
    "signin"
    Signin::new {
        /// The ID of the signin.
        id: SigninId,
        /// The user that signs in.
        user_id: UserId,
        /// True once the password was verified.
        user_first_factor_verified: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The signin may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates a signin for the user with this address.
    "create_signin"
    CreateSignin { user_email_address: String, }
    -> CreateSigninValues { signin: Signin, signin_token: SigninToken, }
    | CreateSigninErrorCode { InvalidEmailAddress, UserDisabled, UserNotFound, }
}

action! {
    /// Reads a signin.
    "get_signin"
    GetSignin { signin_token: SigninToken, }
    -> GetSigninValues { signin: Signin, }
    | GetSigninErrorCode { InvalidSigninToken, }
}

action! {
    /// Deletes a signin.
    "delete_signin"
    DeleteSignin { signin_token: SigninToken, }
    | DeleteSigninErrorCode { InvalidSigninToken, }
}

action! {
    /// Verifies the user's password as the first factor.
    "verify_signin_user_password"
    VerifySigninUserPassword {
        signin_token: SigninToken,
        password: Password,
    }
    | VerifySigninUserPasswordErrorCode {
        IncorrectPassword,
        InvalidSigninToken,
        RateLimited,
        UserFirstFactorAlreadyVerified,
    }
}

action! {
    /// Completes the signin and creates a session. At most one completion of a signin takes effect.
    "complete_signin"
    CompleteSignin { signin_token: SigninToken, }
    -> CompleteSigninValues { session: Session, session_token: SessionToken, }
    | CompleteSigninErrorCode { InvalidSigninToken, UserFirstFactorNotVerified, }
}
