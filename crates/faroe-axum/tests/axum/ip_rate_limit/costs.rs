//! Every action that costs a hash or an email is an attempt, whatever the tables say.

use std::{collections::BTreeSet, net::SocketAddr};

use axum::{extract::ConnectInfo, http::Request};
use faroe_axum::endpoint::InvocationGuard;
use faroe_core::endpoint::EndpointResponse;
use serde_json::{Map, Value, json};

use super::{actions, limit, request};
use crate::support::Faroe;

const EMAIL_ADDRESS: &str = "ada@example.com";
const NEW_EMAIL_ADDRESS: &str = "lovelace@example.com";

/// A user's life, in which everything is done once at least.
const LIFE: &[&str] = &[
    "create_signup",
    "delete_signup",
    "create_signup",
    "get_signup",
    "send_signup_email_address_verification_code",
    "verify_signup_email_address_verification_code",
    "set_signup_password",
    "complete_signup",
    "get_session",
    "delete_session",
    "create_signin",
    "delete_signin",
    "create_signin",
    "get_signin",
    "verify_signin_user_password",
    "complete_signin",
    "delete_all_sessions",
    "create_user_password_reset",
    "delete_user_password_reset",
    "create_user_password_reset",
    "get_user_password_reset",
    "verify_user_password_reset_temporary_password",
    "set_user_password_reset_new_password",
    "complete_user_password_reset",
    "create_user_email_address_update",
    "delete_user_email_address_update",
    "create_user_email_address_update",
    "get_user_email_address_update",
    "send_user_email_address_update_email_address_verification_code",
    "verify_user_email_address_update_email_address_verification_code",
    "verify_user_email_address_update_user_password",
    "complete_user_email_address_update",
    "create_user_password_update",
    "delete_user_password_update",
    "create_user_password_update",
    "get_user_password_update",
    "verify_user_password_update_user_password",
    "set_user_password_update_new_password",
    "complete_user_password_update",
    "create_user_deletion",
    "delete_user_deletion",
    "create_user_deletion",
    "get_user_deletion",
    "verify_user_deletion_user_password",
    "complete_user_deletion",
];

/// Checks whether the guard counts the action: the budget is not full afterwards.
async fn is_attempt(action: &str) -> bool {
    let (limit, _clock) = limit(1, 0);
    let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 80)));
    let (parts, ()) = Request::builder()
        .extension(peer)
        .body(())
        .unwrap()
        .into_parts();
    InvocationGuard::check(&limit, action, &parts)
        .await
        .unwrap();
    limit.check_attempt(peer.0.ip()).is_err()
}

/// A value for every argument, by its name.
fn arguments(faroe: &Faroe, password: &str, tokens: &Map<String, Value>) -> Value {
    let mailbox = &faroe.mailbox;
    let code = mailbox
        .last_code(NEW_EMAIL_ADDRESS)
        .or_else(|| mailbox.last_code(EMAIL_ADDRESS));
    let temporary_password = mailbox.last_temporary_password(EMAIL_ADDRESS);
    let mut arguments = json!({
        "email_address": EMAIL_ADDRESS,
        "user_email_address": EMAIL_ADDRESS,
        "new_email_address": NEW_EMAIL_ADDRESS,
        "password": password,
        "email_address_verification_code": code.as_ref().map_or("", |code| code.expose()),
        "temporary_password": temporary_password.as_ref().map_or("", |password| password.expose()),
    });
    let all = arguments.as_object_mut().unwrap();
    all.extend(tokens.clone());
    arguments
}

#[tokio::test]
async fn what_hashes_or_sends_an_email_is_an_attempt_unless_it_only_completes_something() {
    let lived: BTreeSet<_> = LIFE.iter().copied().collect();
    let all: BTreeSet<_> = actions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(lived, all);

    let faroe = Faroe::new();
    let endpoint = faroe.server.endpoint();
    let mut tokens = Map::new();
    let mut password = "violet-hammock-7-glacier";
    for action in LIFE {
        if *action == "set_user_password_update_new_password" {
            password = "granite-otter-5-lantern";
        }
        let (hashes, emails) = (faroe.hasher.evaluations(), faroe.mailbox.messages().len());
        let body = request(action, &arguments(&faroe, password, &tokens));
        let EndpointResponse::Completed(answer) = endpoint.invoke(body.as_bytes()).await else {
            panic!("{action} was not invoked");
        };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ok"], true, "{action}: {answer}");
        tokens.extend(answer["values"].as_object().unwrap().clone());
        let has_hashed = faroe.hasher.evaluations() > hashes;
        let has_sent = faroe.mailbox.messages().len() > emails;
        if has_hashed || has_sent && !action.starts_with("complete_") {
            assert!(is_attempt(action).await, "{action}");
        }
    }
}
