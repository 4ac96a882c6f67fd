//! The bound on the emails that one server sends to all addresses together.

use std::time::Duration;

use faroe_core::{
    RateLimit, email::EmailFate, protocol::user_password_reset::CreateUserPasswordReset,
};
use faroe_testkit::promise;
use serde_json::json;

use crate::{
    harness::{EMAIL, Harness, outcome},
    world::{answer, send},
};

const CAPACITY: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(60);

/// Returns a server with a user, and budgets of ten emails.
async fn harness() -> (Harness, String) {
    let harness = Harness::with(|_, options| {
        options.rate_limits.emails_per_server = RateLimit {
            capacity: CAPACITY,
            interval: INTERVAL,
        };
    });
    let session_token = harness.sign_up().await;
    harness.advance(CAPACITY * INTERVAL);
    harness.mailbox.take_messages();
    (harness, session_token.expose().to_owned())
}

async fn sign_up(harness: &Harness, email_address: &str) -> String {
    let create = json!({ "email_address": email_address });
    answer(&harness.server, "create_signup", create).await
}

async fn reset(harness: &Harness) -> String {
    let create = json!({ "user_email_address": EMAIL });
    answer(&harness.server, "create_user_password_reset", create).await
}

async fn change_address(harness: &Harness, session_token: &str, new_email_address: &str) -> String {
    let create = json!({ "session_token": session_token, "new_email_address": new_email_address });
    answer(&harness.server, "create_user_email_address_update", create).await
}

#[tokio::test]
async fn p70_a_flood_to_made_up_addresses_ends_and_leaves_the_other_emails_alone() {
    let (harness, session_token) = harness().await;
    let entries = harness.storage.entries().len();
    let mut outcomes = vec![];
    for number in 0..1000 {
        outcomes.push(sign_up(&harness, &format!("made{number}@up.example")).await);
    }
    let limited = outcomes.iter().filter(|outcome| *outcome == "rate_limited");
    assert_eq!((limited.count(), outcomes.len()), (990, 1000));
    assert_eq!(harness.mailbox.take_messages().len(), 10);
    assert_eq!(
        harness.storage.entries().len() - entries,
        20,
        "ten signups and ten limits"
    );
    assert_eq!(
        change_address(&harness, &session_token, "new@example.com").await,
        "ok"
    );
    for number in 1..CAPACITY {
        let address = format!("made{number}@up.example");
        change_address(&harness, &session_token, &address).await;
    }
    let another = change_address(&harness, &session_token, "another@example.com").await;
    assert_eq!(another, "rate_limited");
    assert_eq!(
        reset(&harness).await,
        "ok",
        "a user gets a temporary password"
    );
    harness.advance(INTERVAL - Duration::from_millis(1));
    assert_eq!(sign_up(&harness, "grace@example.com").await, "rate_limited");
    harness.advance(Duration::from_millis(1));
    assert_eq!(sign_up(&harness, "grace@example.com").await, "ok");
    assert_eq!(sign_up(&harness, "alan@example.com").await, "rate_limited");
    promise::report(
        "P70",
        "1000 sign-ups of made-up addresses and as many changes of address as fit, and a password reset",
    );
}

#[tokio::test]
async fn p70_a_flood_on_one_address_leaves_the_emails_to_all_others() {
    let (harness, _) = harness().await;
    for number in 0..1000 {
        let expected = if number < 5 { "ok" } else { "rate_limited" };
        assert_eq!(sign_up(&harness, "grace@example.com").await, expected);
    }
    for number in 0..5 {
        assert_eq!(
            sign_up(&harness, &format!("alan{number}@example.com")).await,
            "ok"
        );
    }
    assert_eq!(sign_up(&harness, "joan@example.com").await, "rate_limited");
    promise::report(
        "P70",
        "1000 sign-ups of one address used five emails of the server",
    );
}

#[tokio::test]
async fn codes_that_are_sent_again_count_too() {
    let (harness, session_token) = harness().await;
    let server = &harness.server;
    let create = json!({ "email_address": "grace@example.com" });
    let signup = send(server, "create_signup", create).await.unwrap();
    let again = json!({ "signup_token": signup["signup_token"] });
    let create = json!({ "session_token": session_token, "new_email_address": "new@example.com" });
    let update = send(server, "create_user_email_address_update", create).await;
    let token = &update.unwrap()["user_email_address_update_token"];
    let update =
        json!({ "session_token": session_token, "user_email_address_update_token": token });
    for number in 1..CAPACITY {
        let address = format!("a{number}@example.com");
        assert_eq!(sign_up(&harness, &address).await, "ok");
        assert_eq!(
            change_address(&harness, &session_token, &address).await,
            "ok"
        );
    }
    for (action, arguments) in [
        ("send_signup_email_address_verification_code", again),
        (
            "send_user_email_address_update_email_address_verification_code",
            update,
        ),
    ] {
        assert_eq!(
            answer(server, action, arguments).await,
            "rate_limited",
            "{action}"
        );
    }
}

#[tokio::test]
async fn an_email_that_was_not_accepted_stays_counted_for_the_server() {
    let (harness, _) = harness().await;
    harness.mailbox.set_fate(Some(EmailFate::NotAccepted));
    for _ in 0..CAPACITY {
        assert_eq!(
            sign_up(&harness, "grace@example.com").await,
            "internal_error"
        );
    }
    assert_eq!(sign_up(&harness, "grace@example.com").await, "rate_limited");
    harness.mailbox.set_fate(None);
    harness.advance(5 * INTERVAL);
    for _ in 0..5 {
        assert_eq!(sign_up(&harness, "grace@example.com").await, "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overload_uses_no_email() {
    let harness = Harness::with(|_, options| {
        options.rate_limits.emails_per_server = RateLimit {
            capacity: 2,
            interval: INTERVAL,
        };
        options.hashing.permits = 1;
        options.hashing.queue = 0;
    });
    harness.sign_up().await;
    let reset = || CreateUserPasswordReset {
        user_email_address: EMAIL.into(),
    };
    let gate = harness.temporary_hasher.close_gate();
    let server = harness.server.clone();
    let first = tokio::spawn(async move { outcome(&server, reset()).await });
    gate.wait_for(1).await;
    for _ in 0..10 {
        assert_eq!(outcome(&harness.server, reset()).await, "overloaded");
    }
    drop(gate);
    assert_eq!(first.await.unwrap(), "ok");
    assert_eq!(outcome(&harness.server, reset()).await, "ok");
    assert_eq!(outcome(&harness.server, reset()).await, "rate_limited");
}
