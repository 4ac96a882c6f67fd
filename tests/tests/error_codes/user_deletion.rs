use std::time::Duration;

use faroe_tests::{
    client::{PASSWORD, Session, WRONG_PASSWORD},
};
use serde_json::{Value, json};

use crate::case::{Case, and, with_session};

const USER: &str = "ada@example.com";
const TOKEN: &str = "user_deletion_token";
const INVALID: &str = "invalid_user_deletion_token";

fn of(session: &Session, token: &str) -> Value {
    with_session(session, TOKEN, token)
}

pub(crate) async fn create_user_deletion(case: &mut Case) {
    let session = json!({ "session_token": case.sign_up(USER).await.token });
    let signin = case.start_signin(USER).await;
    case.refuses_other_tokens(&session, "session_token", &signin, "invalid_session_token").await;
    case.recovers_from_faults_of("MainStorage::set", &session).await;
}

pub(crate) async fn get_user_deletion(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let deletion = of(&session, &case.start_user_deletion(&session).await);
    case.checks_session_and_flow(&deletion, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::get", &deletion).await;
    case.values("delete_user_deletion", deletion.clone()).await;
    case.refused(&deletion, INVALID).await;
}

pub(crate) async fn delete_user_deletion(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let deletion = of(&session, &case.start_user_deletion(&session).await);
    case.checks_session_and_flow(&deletion, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &deletion).await;
    case.refused(&deletion, INVALID).await;
}

pub(crate) async fn verify_user_deletion_user_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let deletion = case.start_user_deletion(&session).await;
    let enter = |token: &str, password: &str| and(of(&session, token), "password", password);
    case.checks_session_and_flow(&enter(&deletion, WRONG_PASSWORD), USER, TOKEN, INVALID).await;
    case.clock.advance(Duration::from_secs(60));
    case.refused_times(&enter(&deletion, WRONG_PASSWORD), "incorrect_password", 5).await;
    case.refused(&enter(&deletion, PASSWORD), "rate_limited").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&deletion, PASSWORD)).await;
    case.refused(&enter(&deletion, WRONG_PASSWORD), "user_identity_already_verified").await;

    case.clock.advance(Duration::from_secs(180));
    let other = case.start_user_deletion(&session).await;
    case.recovers_from_faults_of("MainStorage::update", &enter(&other, PASSWORD)).await;
}

pub(crate) async fn complete_user_deletion(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = of(&session, &case.start_user_deletion(&session).await);
    case.checks_session_and_flow(&unverified, USER, TOKEN, INVALID).await;
    case.refused(&unverified, "user_identity_not_verified").await;
    let deletion = of(&session, &case.ready_user_deletion(&session).await);
    case.recovers_from_faults_of("UserStore::delete_user", &deletion).await;
    // The session has gone with its user.
    case.refused(&deletion, "invalid_session_token").await;
}
