use std::time::Duration;

use faroe_tests::{
    client::{NEW_PASSWORD, PASSWORD},
};
use faroe_testkit::fault::Fault;
use serde_json::{Value, json};

use crate::case::{Case, and};

const USER: &str = "ada@example.com";
const TOKEN: &str = "user_password_reset_token";
const INVALID: &str = "invalid_user_password_reset_token";

fn address(email_address: &str) -> Value {
    json!({ "user_email_address": email_address })
}

fn of(token: &str) -> Value {
    json!({ TOKEN: token })
}

pub(crate) async fn create_user_password_reset(case: &mut Case) {
    let user_id = case.sign_up(USER).await.user_id.as_str().into();
    // The sign-up has sent one email.
    case.accepted_times(&address(USER), 4).await;
    case.refused(&address("ada@"), "invalid_email_address").await;
    case.refused(&address("ADA@example.com"), "user_not_found").await;
    case.users.disable_user(&user_id);
    case.refused(&address(USER), "user_disabled").await;
    case.users.enable_user(&user_id);
    case.refused(&address(USER), "rate_limited").await;

    case.storage.clear();
    case.mailbox.set_failing(true);
    case.fails(&address(USER)).await;
    case.assert_nothing_stored("user_password_reset");
    case.mailbox.set_failing(false);
    case.refuses_email_addresses.set(true);
    case.recovers_from_faults_of("MainStorage::set", &address(USER)).await;
}

pub(crate) async fn get_user_password_reset(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let reset = of(&case.start_user_password_reset(USER).await);
    case.users.take_calls();
    case.refuses_other_tokens(&reset, TOKEN, &session.token, INVALID).await;
    assert!(case.users.take_calls().is_empty(), "no user is looked up before the secret is right");
    for call in ["MainStorage::get", "UserStore::get_user"] {
        case.faults.at_next(call, Fault::FailBeforeActing);
        case.fails(&reset).await;
        // This action alone has no `internal_conflict`.
        case.faults.at_next(call, Fault::Conflict);
        case.fails(&reset).await;
    }
    case.accepted(&reset).await;
    case.values("delete_user_password_reset", reset.clone()).await;
    case.refused(&reset, INVALID).await;
}

pub(crate) async fn delete_user_password_reset(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let reset = of(&case.start_user_password_reset(USER).await);
    case.refuses_other_tokens(&reset, TOKEN, &session.token, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &reset).await;
    case.refused(&reset, INVALID).await;
}

pub(crate) async fn verify_user_password_reset_temporary_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let reset = case.start_user_password_reset(USER).await;
    let password = case.inbox.last_temporary_password(USER).await;
    let enter = |token: &str, password: &str| and(of(token), "temporary_password", password);
    case.refuses_other_tokens(&enter(&reset, &password), TOKEN, &session.token, INVALID).await;
    for wrong in ["", PASSWORD, &password[1..], &format!("{password} "), "ABCDEFGHJKLM"] {
        case.refused(&enter(&reset, wrong), "incorrect_temporary_password").await;
    }
    case.refused(&enter(&reset, &password), "rate_limited").await;
    // The attempts are the reset's, not the user's.
    let other = case.start_user_password_reset(USER).await;
    case.refused(&enter(&other, &password), "incorrect_temporary_password").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&reset, &password)).await;
    case.refused(&enter(&reset, ""), "user_first_factor_already_verified").await;
    let password = case.inbox.last_temporary_password(USER).await;
    case.recovers_from_faults_of("MainStorage::update", &enter(&other, &password)).await;
}

pub(crate) async fn set_user_password_reset_new_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let set = |token: &str, password: &str| and(of(token), "password", password);
    let unverified = case.start_user_password_reset(USER).await;
    let reset = case.verified_user_password_reset(USER).await;
    case.refuses_other_tokens(&set(&reset, "short"), TOKEN, &session.token, INVALID).await;
    case.refuses_passwords.set(true);
    case.refused(&set(&unverified, "short"), "user_first_factor_not_verified").await;
    for wrong in [String::new(), "a".repeat(9), "ä".repeat(101)] {
        case.refused(&set(&reset, &wrong), "invalid_password_length").await;
    }
    case.refused(&set(&reset, NEW_PASSWORD), "weak_password").await;
    case.refuses_passwords.set(false);
    case.recovers_from_faults_of("MainStorage::update", &set(&reset, NEW_PASSWORD)).await;
    case.refuses_passwords.set(true);
    case.refused(&set(&reset, "short"), "new_password_already_set").await;
}

pub(crate) async fn complete_user_password_reset(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = of(&case.start_user_password_reset(USER).await);
    case.refused(&unverified, "user_first_factor_not_verified").await;
    let without_password = of(&case.verified_user_password_reset(USER).await);
    case.refused(&without_password, "new_password_not_set").await;
    let reset = of(&case.ready_user_password_reset(USER).await);
    case.refuses_other_tokens(&reset, TOKEN, &session.token, INVALID).await;
    case.recovers_from_faults_of("UserStore::update_user_password_hash", &reset).await;
    case.refused(&reset, INVALID).await;
    // A change of the password has ended the others.
    case.refused(&without_password, INVALID).await;

    let sessionless = of(&case.ready_user_password_reset(USER).await);
    case.faults.at_next("MainStorage::set", Fault::FailBeforeActing);
    case.refused(&sessionless, "session_not_created").await;
    let error = case.errors.errors().pop().unwrap();
    assert_eq!((error.action, error.failed), ("complete_user_password_reset", false));
    case.sign_in(USER, NEW_PASSWORD).await;
    case.refused(&sessionless, INVALID).await;
}
