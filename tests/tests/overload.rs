//! Ten times the load that hashing can take: the excess is refused at once and costs nothing, and all else continues.
//! `cargo xtask bench overload` measures the speed.

use std::sync::Arc;

use faroe_testkit::promise;
use faroe_tests::{
    client::PASSWORD,
    server::TestServer,
    wire::{Answer, Wire},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PERMITS: usize = 2;
const QUEUE: usize = 6;
const PLACES: usize = PERMITS + QUEUE;
/// The users; each has five attempts.
const USERS: usize = 2 * PLACES;
const ATTEMPTS: usize = 5 * USERS;

const VERIFY: &str = "verify_signin_user_password";

async fn start() -> TestServer {
    TestServer::start_with(|options| {
        options.hashing.permits = PERMITS;
        options.hashing.queue = QUEUE;
    })
    .await
}

/// Creates sign-ins with unverified passwords, one for each attempt of each user.
async fn start_signins(server: &TestServer) -> Vec<String> {
    let mut tokens = Vec::new();
    for user in 0..USERS {
        let address = format!("user{user}@example.com");
        server.sign_up(&address).await;
        for _ in 0..ATTEMPTS / USERS {
            tokens.push(server.start_signin(&address).await);
        }
    }
    tokens
}

fn right_password(token: &str) -> Value {
    json!({ "signin_token": token, "password": PASSWORD })
}

/// Tries all of them at once, and returns each answer with its token.
fn try_all(wire: &Wire, tokens: &[String]) -> JoinSet<(String, Answer)> {
    let wire = Arc::new(wire.clone());
    let mut attempts = JoinSet::new();
    for token in tokens {
        let (wire, token) = (Arc::clone(&wire), token.clone());
        attempts.spawn(async move {
            let body = json!({ "action": VERIFY, "arguments": right_password(&token) });
            let answer = wire.post(body.to_string(), None).await;
            (token, answer)
        });
    }
    attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p46_what_hashing_cannot_take_is_refused_at_once_and_costs_nothing() {
    let server = start().await;
    let tokens = start_signins(&server).await;
    let evaluations = server.hasher.evaluations();
    let gate = server.hasher.close_gate();
    let mut attempts = try_all(&Wire::new(server.url()), &tokens);

    // Nothing is hashed meanwhile, so an answer has not waited for a hash.
    let mut refused = Vec::new();
    while refused.len() < ATTEMPTS - PLACES {
        let (token, answer) = attempts.join_next().await.unwrap().unwrap();
        assert_eq!(answer.status, 503, "{}", answer.body);
        let retry_after = answer.retry_after.as_deref().unwrap_or_default();
        assert!(retry_after.parse::<u32>().unwrap() > 0, "{retry_after}");
        refused.push(token);
    }
    gate.wait_for(PERMITS).await;
    assert_eq!(
        gate.waiting(),
        PERMITS,
        "no more is hashed than there are permits"
    );

    drop(gate);
    while let Some(attempt) = attempts.join_next().await {
        assert_eq!(server.wire.parse(VERIFY, &attempt.unwrap().1).code(), "ok");
    }
    assert_eq!(
        server.hasher.evaluations() - evaluations,
        PLACES,
        "all who had a place"
    );

    // If a refusal had cost a flow or an attempt, the last one of that user would fail.
    for token in &refused {
        server.values(VERIFY, right_password(token)).await;
    }
    promise::report(
        "P46",
        format_args!(
            "{ATTEMPTS} attempts at once on {PLACES} places, {} refused, 0 attempts lost",
            refused.len()
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p47_whatever_does_not_hash_goes_on_while_hashing_is_overloaded() {
    let server = start().await;
    let session = server.sign_up("ada@example.com").await;
    let tokens = start_signins(&server).await;
    let gate = server.hasher.close_gate();
    let mut attempts = try_all(&Wire::new(server.url()), &tokens);
    for _ in 0..ATTEMPTS - PLACES {
        let (_, answer) = attempts.join_next().await.unwrap().unwrap();
        assert_eq!(answer.status, 503);
    }

    // Nothing is hashed, and no place is free: these need neither.
    assert_eq!(server.session_state(&session).await, "ok");
    server.verified_signup("new@example.com").await;
    server.start_signin("ada@example.com").await;
    server
        .verified_user_email_address_update(&session, "lovelace@example.com")
        .await;
    server.start_user_password_update(&session).await;
    server.start_user_deletion(&session).await;
    let end = json!({ "session_token": session.token });
    server.values("delete_session", end).await;
    assert_ne!(server.session_state(&session).await, "ok");
    assert_eq!(attempts.len(), PLACES, "hashing still waits");
    drop(gate);
    promise::report(
        "P47",
        "7 kinds of actions answered while every place to hash was taken",
    );
}
