//! Change of a user's email address.

use crate::{
    action::{action, model},
    id::{SessionId, UserEmailAddressUpdateId, UserId},
    secret::{EmailAddressVerificationCode, Password, SessionToken, UserEmailAddressUpdateToken},
    types::Timestamp,
};

model! {
    /// A change of a user's email address on its way. Lives 20 minutes.
    "user_email_address_update"
    UserEmailAddressUpdate::new {
        /// Its ID.
        id: UserEmailAddressUpdateId,
        /// The user it belongs to.
        user_id: UserId,
        /// The session it belongs to.
        session_id: SessionId,
        /// The address that the user is to have.
        new_email_address: String,
        /// Whether the code was entered.
        new_email_address_verified: bool,
        /// Whether the password was verified.
        user_identity_verified: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts a change of address and sends a code to the new one.
    "create_user_email_address_update"
    CreateUserEmailAddressUpdate {
        session_token: SessionToken,
        new_email_address: String,
    }
    -> CreateUserEmailAddressUpdateValues { user_email_address_update: UserEmailAddressUpdate, user_email_address_update_token: UserEmailAddressUpdateToken, }
    | CreateUserEmailAddressUpdateErrorCode {
        EmailAddressAlreadyUsed,
        EmailAddressNotAllowed,
        InvalidEmailAddress,
        InvalidSessionToken,
        RateLimited,
    }
}

action! {
    /// Reads a user email address update.
    "get_user_email_address_update"
    GetUserEmailAddressUpdate {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
    }
    -> GetUserEmailAddressUpdateValues { user_email_address_update: UserEmailAddressUpdate, }
    | GetUserEmailAddressUpdateErrorCode {
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        SessionMismatch,
    }
}

action! {
    /// Gives a change of address up.
    "delete_user_email_address_update"
    DeleteUserEmailAddressUpdate {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
    }
    | DeleteUserEmailAddressUpdateErrorCode {
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        SessionMismatch,
    }
}

action! {
    /// Sends the update's code to the new address again; it is the same code.
    "send_user_email_address_update_email_address_verification_code"
    SendUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
    }
    | SendUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified,
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        RateLimited,
        SessionMismatch,
    }
}

action! {
    /// Proves that the new address can be read, with the code sent to it.
    "verify_user_email_address_update_email_address_verification_code"
    VerifyUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
        email_address_verification_code: EmailAddressVerificationCode,
    }
    | VerifyUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode {
        EmailAddressAlreadyVerified,
        IncorrectEmailAddressVerificationCode,
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        RateLimited,
        SessionMismatch,
    }
}

action! {
    /// Verifies the user's password, after the new address.
    "verify_user_email_address_update_user_password"
    VerifyUserEmailAddressUpdateUserPassword {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
        password: Password,
    }
    | VerifyUserEmailAddressUpdateUserPasswordErrorCode {
        EmailAddressNotVerified,
        IncorrectPassword,
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        RateLimited,
        SessionMismatch,
        UserIdentityAlreadyVerified,
    }
}

action! {
    /// Changes the user's address and tells the old one.
    "complete_user_email_address_update"
    CompleteUserEmailAddressUpdate {
        session_token: SessionToken,
        user_email_address_update_token: UserEmailAddressUpdateToken,
    }
    | CompleteUserEmailAddressUpdateErrorCode {
        EmailAddressNotVerified,
        InvalidSessionToken,
        InvalidUserEmailAddressUpdateToken,
        SessionMismatch,
        UserIdentityNotVerified,
    }
}
