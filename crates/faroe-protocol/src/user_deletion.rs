//! Deletion of a user.

use crate::{
    action::{action, model},
    id::{SessionId, UserDeletionId, UserId},
    secret::{Password, SessionToken, UserDeletionToken},
    types::Timestamp,
};

model! {
    /// A user deletion in progress. It expires after 10 minutes.
    "user_deletion"
    UserDeletion::new {
        /// The ID of the user deletion.
        id: UserDeletionId,
        /// The user to delete.
        user_id: UserId,
        /// The session that created the deletion.
        session_id: SessionId,
        /// True once the password was verified.
        user_identity_verified: bool,
        /// The time of creation.
        created_at: Timestamp,
        /// The time of expiry. The deletion may end earlier.
        expires_at: Timestamp,
    }
}

action! {
    /// Creates a deletion of the session's user.
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
    /// Deletes the user deletion. The user stays.
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
