//! Deletion of a user.

use crate::{
    action::{action, model},
    id::{SessionId, UserDeletionId, UserId},
    secret::{Password, SessionToken, UserDeletionToken},
    types::Timestamp,
};

model! {
    /// The deletion of a user on its way. Lives 10 minutes.
    "user_deletion"
    UserDeletion::new {
        /// Its ID.
        id: UserDeletionId,
        /// The user it belongs to.
        user_id: UserId,
        /// The session it belongs to.
        session_id: SessionId,
        /// Whether the password was verified.
        user_identity_verified: bool,
        /// When it was created.
        created_at: Timestamp,
        /// When it dies, unless something ends it before.
        expires_at: Timestamp,
    }
}

action! {
    /// Starts the deletion of the user.
    "create_user_deletion"
    CreateUserDeletion { session_token: SessionToken, }
    -> CreateUserDeletionValues { user_deletion: UserDeletion, user_deletion_token: UserDeletionToken, }
    | CreateUserDeletionErrorCode { InvalidSessionToken, }
}

action! {
    /// Reads a user deletion.
    "get_user_deletion"
    GetUserDeletion {
        session_token: SessionToken,
        user_deletion_token: UserDeletionToken,
    }
    -> GetUserDeletionValues { user_deletion: UserDeletion, }
    | GetUserDeletionErrorCode {
        InvalidSessionToken,
        InvalidUserDeletionToken,
        SessionMismatch,
    }
}

action! {
    /// Gives the deletion up; the user stays.
    "delete_user_deletion"
    DeleteUserDeletion {
        session_token: SessionToken,
        user_deletion_token: UserDeletionToken,
    }
    | DeleteUserDeletionErrorCode {
        InvalidSessionToken,
        InvalidUserDeletionToken,
        SessionMismatch,
    }
}

action! {
    /// Verifies the user's password.
    "verify_user_deletion_user_password"
    VerifyUserDeletionUserPassword {
        session_token: SessionToken,
        user_deletion_token: UserDeletionToken,
        password: Password,
    }
    | VerifyUserDeletionUserPasswordErrorCode {
        IncorrectPassword,
        InvalidSessionToken,
        InvalidUserDeletionToken,
        RateLimited,
        SessionMismatch,
        UserIdentityAlreadyVerified,
    }
}

action! {
    /// Deletes the user.
    "complete_user_deletion"
    CompleteUserDeletion {
        session_token: SessionToken,
        user_deletion_token: UserDeletionToken,
    }
    | CompleteUserDeletionErrorCode {
        InvalidSessionToken,
        InvalidUserDeletionToken,
        SessionMismatch,
        UserIdentityNotVerified,
    }
}
