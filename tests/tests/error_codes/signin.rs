use std::time::Duration;

use faroe_tests::{
    client::{PASSWORD, WRONG_PASSWORD},
};
use serde_json::{Value, json};

use crate::case::{Case, and};

const USER: &str = "ada@example.com";
const INVALID: &str = "invalid_signin_token";

fn address(email_address: &str) -> Value {
    json!({ "user_email_address": email_address })
}

fn of(token: &str) -> Value {
    json!({ "signin_token": token })
}

pub(crate) async fn create_signin(case: &mut Case) {
    let user_id = case.sign_up(USER).await.user_id.as_str().into();
    case.refused(&address("ada@"), "invalid_email_address").await;
    for unknown in ["grace@example.com", "Ada@example.com", "ada@EXAMPLE.com"] {
        case.refused(&address(unknown), "user_not_found").await;
    }
    case.users.disable_user(&user_id);
    case.refused(&address(USER), "user_disabled").await;
    case.users.enable_user(&user_id);
    // The checker of new addresses is not called.
    case.refuses_email_addresses.set(true);
    case.recovers_from_faults_of("MainStorage::set", &address(USER)).await;
}

pub(crate) async fn get_signin(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let signin = of(&case.start_signin(USER).await);
    case.users.take_calls();
    case.refuses_other_tokens(&signin, "signin_token", &session.token, INVALID).await;
    assert!(case.users.take_calls().is_empty(), "no user is looked up before the secret is right");
    case.recovers_from_faults_of("MainStorage::get", &signin).await;
    case.values("delete_signin", signin.clone()).await;
    case.refused(&signin, INVALID).await;

    let ended = of(&case.start_signin(USER).await);
    case.users.disable_user(&session.user_id.as_str().into());
    case.refused(&ended, INVALID).await;
}

pub(crate) async fn delete_signin(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let signin = of(&case.start_signin(USER).await);
    case.refuses_other_tokens(&signin, "signin_token", &session.token, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &signin).await;
    case.refused(&signin, INVALID).await;
}

pub(crate) async fn verify_signin_user_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let signin = case.start_signin(USER).await;
    let enter = |token: &str, password: &str| and(of(token), "password", password);
    case.refuses_other_tokens(&enter(&signin, PASSWORD), "signin_token", &session.token, INVALID).await;
    for wrong in ["", WRONG_PASSWORD, &PASSWORD.to_uppercase(), &format!("{PASSWORD} ")] {
        case.refused(&enter(&signin, wrong), "incorrect_password").await;
    }
    // The attempts are the user's, not the signin's.
    let other = case.start_signin(USER).await;
    case.refused(&enter(&other, WRONG_PASSWORD), "incorrect_password").await;
    case.refused(&enter(&signin, PASSWORD), "rate_limited").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&signin, PASSWORD)).await;
    case.refused(&enter(&signin, WRONG_PASSWORD), "user_first_factor_already_verified").await;
    case.clock.advance(Duration::from_secs(180));
    case.recovers_from_faults_of("MainStorage::update", &enter(&other, PASSWORD)).await;
}

pub(crate) async fn complete_signin(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = of(&case.start_signin(USER).await);
    case.refused(&unverified, "user_first_factor_not_verified").await;
    let signin = of(&case.ready_signin(USER, PASSWORD).await);
    case.refuses_other_tokens(&signin, "signin_token", &session.token, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &signin).await;
    case.refused(&signin, INVALID).await;
}
