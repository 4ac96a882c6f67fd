//! Sessions of signed-in clients.

use crate::{
    action::{action, model},
    id::{SessionId, UserId},
    secret::SessionToken,
    types::Timestamp,
};

model! {
    /// A signed-in client of a user.
    "session"
    Session::new {
        /// Its ID.
        id: SessionId,
        /// The user it belongs to.
        user_id: UserId,
        /// When it was created.
        created_at: Timestamp,
        /// The absolute expiration, if the server has one; a session also dies when it is not used for long.
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
    /// Signs out everywhere: ends every session of the user, this one too.
    "delete_all_sessions"
    DeleteAllSessions { session_token: SessionToken, }
    | DeleteAllSessionsErrorCode { InvalidSessionToken, }
}
