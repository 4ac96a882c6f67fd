use std::time::Duration;

use faroe_tests::client::{NEW_PASSWORD, PASSWORD, Session, WRONG_PASSWORD};
use serde_json::{Value, json};

use crate::case::{Case, and, with_session};

const USER: &str = "ada@example.com";
const TOKEN: &str = "user_password_update_token";
const INVALID: &str = "invalid_password_update_token";

fn of(session: &Session, token: &str) -> Value {
    with_session(session, TOKEN, token)
}

pub(crate) async fn create_user_password_update(case: &mut Case) {
    let session = json!({ "session_token": case.sign_up(USER).await.token });
    let signin = case.start_signin(USER).await;
    case.refuses_other_tokens(&session, "session_token", &signin, "invalid_session_token").await;
    case.recovers_from_faults_of("MainStorage::set", &session).await;
}

pub(crate) async fn get_user_password_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_password_update(&session).await);
    case.checks_session_and_flow(&update, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::get", &update).await;
    case.values("delete_user_password_update", update.clone()).await;
    case.refused(&update, INVALID).await;
}

pub(crate) async fn delete_user_password_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_password_update(&session).await);
    case.checks_session_and_flow(&update, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &update).await;
    case.refused(&update, INVALID).await;
}

pub(crate) async fn verify_user_password_update_user_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = case.start_user_password_update(&session).await;
    let enter = |token: &str, password: &str| and(of(&session, token), "password", password);
    case.checks_session_and_flow(&enter(&update, WRONG_PASSWORD), USER, TOKEN, INVALID).await;
    case.clock.advance(Duration::from_secs(60));
    case.refused_times(&enter(&update, WRONG_PASSWORD), "incorrect_password", 5).await;
    case.refused(&enter(&update, PASSWORD), "rate_limited").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&update, PASSWORD)).await;
    case.refused(&enter(&update, WRONG_PASSWORD), "user_identity_already_verified").await;

    case.clock.advance(Duration::from_secs(180));
    let other = case.start_user_password_update(&session).await;
    case.recovers_from_faults_of("MainStorage::update", &enter(&other, PASSWORD)).await;
}

pub(crate) async fn set_user_password_update_new_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let set = |token: &str, password: &str| and(of(&session, token), "password", password);
    let unverified = case.start_user_password_update(&session).await;
    let update = case.verified_user_password_update(&session).await;
    case.checks_session_and_flow(&set(&update, "short"), USER, TOKEN, INVALID).await;
    case.refuses_passwords.set(true);
    case.refused(&set(&unverified, "short"), "user_identity_not_verified").await;
    for wrong in [String::new(), "a".repeat(9), "ä".repeat(101)] {
        case.refused(&set(&update, &wrong), "invalid_password_length").await;
    }
    case.refused(&set(&update, NEW_PASSWORD), "weak_password").await;
    case.refuses_passwords.set(false);
    case.recovers_from_faults_of("MainStorage::update", &set(&update, NEW_PASSWORD)).await;
    case.refuses_passwords.set(true);
    case.refused(&set(&update, "short"), "new_password_already_set").await;
    case.refused(&set(&unverified, NEW_PASSWORD), "user_identity_not_verified").await;
}

pub(crate) async fn complete_user_password_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = of(&session, &case.start_user_password_update(&session).await);
    case.checks_session_and_flow(&unverified, USER, TOKEN, INVALID).await;
    case.refused(&unverified, "user_identity_not_verified").await;
    let without_password = of(&session, &case.verified_user_password_update(&session).await);
    case.refused(&without_password, "new_password_not_set").await;
    let update = of(&session, &case.ready_user_password_update(&session).await);
    case.recovers_from_faults_of("UserStore::update_user_password_hash", &update).await;
    case.refused(&update, INVALID).await;
    // A change of the password has ended the others.
    case.refused(&unverified, INVALID).await;
    case.refused(&without_password, INVALID).await;
}
