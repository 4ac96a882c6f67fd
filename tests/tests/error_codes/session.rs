use serde_json::{Value, json};

use crate::case::Case;

const USER: &str = "ada@example.com";
const INVALID: &str = "invalid_session_token";

/// Returns the arguments of an action that takes a session, and a token of another kind.
async fn session(case: &Case) -> (Value, String) {
    let session = case.sign_up(USER).await;
    (json!({ "session_token": session.token }), case.start_signin(USER).await)
}

pub(crate) async fn get_session(case: &mut Case) {
    let (session, signin) = session(case).await;
    case.users.take_calls();
    case.refuses_other_tokens(&session, "session_token", &signin, INVALID).await;
    assert!(case.users.take_calls().is_empty(), "no user is looked up before the secret is right");
    case.recovers_from_faults_of("MainStorage::get", &session).await;
    case.recovers_from_faults_of("UserStore::get_user", &session).await;
    case.values("delete_session", session.clone()).await;
    case.refused(&session, INVALID).await;
}

pub(crate) async fn delete_session(case: &mut Case) {
    let (session, signin) = session(case).await;
    case.refuses_other_tokens(&session, "session_token", &signin, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &session).await;
    case.refused(&session, INVALID).await;
}

pub(crate) async fn delete_all_sessions(case: &mut Case) {
    let (session, signin) = session(case).await;
    case.refuses_other_tokens(&session, "session_token", &signin, INVALID).await;
    case.recovers_from_faults_of("UserStore::increment_user_sessions_counter", &session).await;
    case.refused(&session, INVALID).await;
}
