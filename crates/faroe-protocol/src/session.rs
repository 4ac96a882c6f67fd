//! Sessions of signed-in clients.

use crate::{
    action::{action, model},
    id::{SessionId, UserId},
    secret::SessionToken,
    types::Timestamp,
};

model! {
    /// A session of a user.
    "session"
    Session::new {
        /// The ID of the session.
        id: SessionId,
        /// The user that the session belongs to.
        user_id: UserId,
        /// The time of creation.
        created_at: Timestamp,
        /// The absolute expiration, if the server has one. A session also expires when it is unused for long.
        expires_at: Option<Timestamp>,
    }
}

action! {
    /// Validates a session and reads it.
    "get_session"
    GetSession { session_token: SessionToken, }
    -> GetSessionValues { session: Session, }
    | GetSessionErrorCode { InvalidSessionToken, }
}

action! {
    /// Signs out: ends this session.
    "delete_session"
    DeleteSession { session_token: SessionToken, }
    | DeleteSessionErrorCode { InvalidSessionToken, }
}

action! {
    /// Signs out everywhere: ends every session of the user, including this one.
    "delete_all_sessions"
    DeleteAllSessions { session_token: SessionToken, }
    | DeleteAllSessionsErrorCode { InvalidSessionToken, }
}
