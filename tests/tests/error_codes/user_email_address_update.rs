use std::time::Duration;

use faroe_tests::{
    client::{PASSWORD, Session, WRONG_PASSWORD},
};
use serde_json::{Value, json};

use crate::case::{Case, and, with_session};

const USER: &str = "ada@example.com";
const NEW: &str = "lovelace@example.com";
const TOKEN: &str = "user_email_address_update_token";
const INVALID: &str = "invalid_user_email_address_update_token";
const CODE: &str = "email_address_verification_code";

fn of(session: &Session, token: &str) -> Value {
    with_session(session, TOKEN, token)
}

pub(crate) async fn create_user_email_address_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let signin = case.start_signin(USER).await;
    let create = |token: &str, to: &str| json!({ "session_token": token, "new_email_address": to });
    case.sign_up("used@example.com").await;
    for _ in 0..4 {
        case.start_user_password_reset("used@example.com").await;
    }
    case.accepted_times(&create(&session.token, "exhausted@example.com"), 5).await;
    case.refuses_email_addresses.set(true);
    case.refused(&create("", "used@"), "invalid_email_address").await;
    case.refused(&create(&session.token, ""), "invalid_email_address").await;
    let used = create(&session.token, "used@example.com");
    case.refuses_other_tokens(&used, "session_token", &signin, "invalid_session_token").await;
    case.refused(&used, "email_address_already_used").await;
    case.refused(&create(&session.token, USER), "email_address_already_used").await;
    case.refused(&create(&session.token, "EXHAUSTED@example.com"), "email_address_not_allowed").await;
    case.refuses_email_addresses.set(false);
    case.refused(&create(&session.token, "EXHAUSTED@example.com"), "rate_limited").await;
    case.recovers_from_faults_of("MainStorage::set", &create(&session.token, NEW)).await;
}

pub(crate) async fn get_user_email_address_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    case.checks_session_and_flow(&update, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::get", &update).await;
    case.values("delete_user_email_address_update", update.clone()).await;
    case.refused(&update, INVALID).await;
}

pub(crate) async fn delete_user_email_address_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    case.checks_session_and_flow(&update, USER, TOKEN, INVALID).await;
    case.recovers_from_faults_of("MainStorage::delete", &update).await;
    case.refused(&update, INVALID).await;
}

pub(crate) async fn send_user_email_address_update_email_address_verification_code(case: &mut Case) {
    let verify = "verify_user_email_address_update_email_address_verification_code";
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    case.recovers_from_faults_of("RateLimitStorage::update", &update).await;
    case.accepted_times(&update, 3).await;
    case.refused(&update, "rate_limited").await;
    case.values(verify, and(update.clone(), CODE, &case.inbox.last_code(NEW).await)).await;
    case.refused(&update, "email_address_already_verified").await;
    case.checks_session_and_flow(&update, USER, TOKEN, INVALID).await;

    // An update without attempts left spends no email.
    let locked = of(&session, &case.start_user_email_address_update(&session, "locked@example.com").await);
    for _ in 0..5 {
        case.refusal(verify, and(locked.clone(), CODE, "")).await;
    }
    case.refused_times(&locked, "rate_limited", 5).await;
    assert_eq!(case.mailbox.messages_to("locked@example.com").len(), 1);
    let other = of(&session, &case.start_user_email_address_update(&session, "locked@example.com").await);
    case.accepted_times(&other, 3).await;
}

pub(crate) async fn verify_user_email_address_update_email_address_verification_code(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let update = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    let code = case.inbox.last_code(NEW).await;
    let enter = |code: &str| and(update.clone(), CODE, code);
    for wrong in ["", &code[1..], &format!("{code} "), "IIIIIIII", PASSWORD] {
        case.refused(&enter(wrong), "incorrect_email_address_verification_code").await;
    }
    case.refused(&enter(&code), "rate_limited").await;
    case.checks_session_and_flow(&enter(&code), USER, TOKEN, INVALID).await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&code)).await;
    case.refused(&enter(""), "email_address_already_verified").await;

    let other = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    case.refused(&and(other.clone(), CODE, &code), "incorrect_email_address_verification_code").await;
    let right = and(other, CODE, &case.inbox.last_code(NEW).await);
    case.recovers_from_faults_of("MainStorage::update", &right).await;
}

pub(crate) async fn verify_user_email_address_update_user_password(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = case.start_user_email_address_update(&session, NEW).await;
    let enter = |token: &str, password: &str| and(of(&session, token), "password", password);
    case.refused(&enter(&unverified, WRONG_PASSWORD), "email_address_not_verified").await;
    let update = case.verified_user_email_address_update(&session, NEW).await;
    case.checks_session_and_flow(&enter(&update, WRONG_PASSWORD), USER, TOKEN, INVALID).await;
    case.clock.advance(Duration::from_secs(60));
    case.refused_times(&enter(&update, WRONG_PASSWORD), "incorrect_password", 5).await;
    case.refused(&enter(&update, PASSWORD), "rate_limited").await;
    case.clock.advance(Duration::from_secs(60));
    case.accepted(&enter(&update, PASSWORD)).await;
    case.refused(&enter(&update, WRONG_PASSWORD), "user_identity_already_verified").await;

    case.clock.advance(Duration::from_secs(180));
    let other = case.verified_user_email_address_update(&session, NEW).await;
    case.recovers_from_faults_of("MainStorage::update", &enter(&other, PASSWORD)).await;
}

pub(crate) async fn complete_user_email_address_update(case: &mut Case) {
    let session = case.sign_up(USER).await;
    let unverified = of(&session, &case.start_user_email_address_update(&session, NEW).await);
    case.checks_session_and_flow(&unverified, USER, TOKEN, INVALID).await;
    case.refused(&unverified, "email_address_not_verified").await;
    let unidentified = of(&session, &case.verified_user_email_address_update(&session, NEW).await);
    case.refused(&unidentified, "user_identity_not_verified").await;

    let refused = of(&session, &case.ready_user_email_address_update(&session, NEW).await);
    case.refuses_email_addresses.set(true);
    case.refused(&refused, INVALID).await;
    case.refuses_email_addresses.set(false);
    case.refused(&refused, INVALID).await;

    let taken = of(&session, &case.ready_user_email_address_update(&session, "taken@example.com").await);
    let other_user = case.sign_up("taken@example.com").await;
    case.refused(&taken, INVALID).await;
    case.users.change_user(&other_user.user_id.as_str().into(), |user| user.email_address.insert(0, 'x'));
    case.refused(&taken, INVALID).await;

    // Another request changes the address between the last read of the user and the change.
    let (first, second) = (
        of(&session, &case.ready_user_email_address_update(&session, "first@example.com").await),
        of(&session, &case.ready_user_email_address_update(&session, "second@example.com").await),
    );
    let action = "complete_user_email_address_update";
    let winner = case.invoke(action, second);
    let (loser, winner) = case.race("UserStore::update_user_email_address", (action, first.clone()), winner).await;
    assert_eq!((loser.code(), winner.code()), ("internal_conflict", "ok"));
    case.refused(&first, INVALID).await;

    case.clock.advance(Duration::from_secs(60));
    let update = of(&session, &case.ready_user_email_address_update(&session, "last@example.com").await);
    case.recovers_from_faults_of("UserStore::update_user_email_address", &update).await;
    case.refused(&update, INVALID).await;
}
