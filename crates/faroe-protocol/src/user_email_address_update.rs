//! Updates of a user's email address.

use crate::{
    action::{action, model},
    id::{SessionId, UserEmailAddressUpdateId, UserId},
    secret::{EmailAddressVerificationCode, Password, SessionToken, UserEmailAddressUpdateToken},
    types::Timestamp,
};

model! {
    /// An update of a user's email address in progress. It expires after 20 minutes.
    "user_email_address_update"
    UserEmailAddressUpdate::new {
        /// The ID of the update.
        id: UserEmailAddressUpdateId,
        /// The user to update.
        user_id: UserId,
        /// The session that created the update.
        session_id: SessionId,
        /// The new email address.
        new_email_address: String,
        /// True once the code was verified.
        new_email_address_verified: bool,
        /// True once the password was verified.
        user_identity_verified: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The update may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates an update and sends a code to the new address.
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
    /// Deletes an update.
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
    /// Sends the same code to the new address again.
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
    /// Verifies the new address with the code sent to it.
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
    /// Verifies the user's password, after the new address was verified.
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
    /// Changes the user's address and notifies the old one.
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
