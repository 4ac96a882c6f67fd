//! Sign-in with a password.

use crate::{
    action::{action, model},
    id::{SigninId, UserId},
    secret::{Password, SessionToken, SigninToken},
    session::Session,
    types::Timestamp,
};

model! {
    /// A sign-in on its way: it becomes a session when it is completed. Lives 10 minutes.
    "signin"
    Signin::new {
        /// Its ID.
        id: SigninId,
        /// The user it belongs to.
        user_id: UserId,
        /// Whether the (temporary) password was verified.
        user_first_factor_verified: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts a sign-in for the user with this address.
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
    /// Gives a signin up.
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
    /// Uses the signin up and creates a session. At most one completion of a signin takes effect.
    "complete_signin"
    CompleteSignin { signin_token: SigninToken, }
    -> CompleteSigninValues { session: Session, session_token: SessionToken, }
    | CompleteSigninErrorCode { InvalidSigninToken, UserFirstFactorNotVerified, }
}
