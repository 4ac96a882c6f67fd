//! Lifetimes and budgets, to the millisecond. The clock moves only when a test moves it.

use std::time::Duration;

use faroe_core::time::Clock;
use faroe_testkit::storage::ReferenceStorage;
use faroe_tests::{
    client::{PASSWORD, Session, WRONG_PASSWORD},
    server::TestServer,
};
use serde_json::{Value, json};

const USER: &str = "ada@example.com";
const NEW: &str = "lovelace@example.com";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Starts a server for each extreme of a storage: one keeps expired entries, the other drops them. Both behave alike.
async fn servers() -> [TestServer; 2] {
    [
        TestServer::start().await,
        TestServer::start_on(|clock| ReferenceStorage::dropping_expired(clock), |_| {}).await,
    ]
}

/// A new flow: the request that reads it, the error code once it has expired, and its lifetime in minutes.
struct Flow {
    get: &'static str,
    arguments: Value,
    invalid: &'static str,
    minutes: u32,
}

/// Creates a flow of each kind.
async fn one_flow_of_each_kind(server: &TestServer, session: &Session) -> Vec<Flow> {
    let session_token = &session.token;
    vec![
        Flow {
            get: "get_signup",
            arguments: json!({ "signup_token": server.start_signup("grace@example.com").await }),
            invalid: "invalid_signup_token",
            minutes: 20,
        },
        Flow {
            get: "get_signin",
            arguments: json!({ "signin_token": server.start_signin(USER).await }),
            invalid: "invalid_signin_token",
            minutes: 10,
        },
        Flow {
            get: "get_user_email_address_update",
            arguments: json!({
                "session_token": session_token,
                "user_email_address_update_token": server.start_user_email_address_update(session, NEW).await,
            }),
            invalid: "invalid_user_email_address_update_token",
            minutes: 20,
        },
        Flow {
            get: "get_user_password_update",
            arguments: json!({
                "session_token": session_token,
                "user_password_update_token": server.start_user_password_update(session).await,
            }),
            invalid: "invalid_password_update_token",
            minutes: 10,
        },
        Flow {
            get: "get_user_deletion",
            arguments: json!({
                "session_token": session_token,
                "user_deletion_token": server.start_user_deletion(session).await,
            }),
            invalid: "invalid_user_deletion_token",
            minutes: 10,
        },
        Flow {
            get: "get_user_password_reset",
            arguments: json!({ "user_password_reset_token": server.start_user_password_reset(USER).await }),
            invalid: "invalid_user_password_reset_token",
            minutes: 20,
        },
    ]
}

#[tokio::test]
async fn every_flow_lives_exactly_as_long_as_the_protocol_says() {
    for server in servers().await {
        let session = server.sign_up(USER).await;
        // Not on a whole second: rounding must neither shorten nor lengthen a lifetime.
        server.clock.advance(Duration::from_millis(499));
        let created_at = server.clock.now();
        let flows = one_flow_of_each_kind(&server, &session).await;
        for minutes in [10, 20] {
            let dying = || flows.iter().filter(|flow| flow.minutes == minutes);
            server
                .clock
                .set(created_at.saturating_add(minutes * MINUTE - MILLISECOND));
            for flow in dying() {
                server.values(flow.get, flow.arguments.clone()).await;
            }
            server.clock.advance(MILLISECOND);
            for flow in dying() {
                assert_eq!(
                    server.refusal(flow.get, flow.arguments.clone()).await,
                    flow.invalid
                );
            }
        }
        // An expired flow stays expired, even if the clock steps back.
        server.clock.set(created_at);
        for flow in flows {
            assert_eq!(server.refusal(flow.get, flow.arguments).await, flow.invalid);
        }
    }
}

#[tokio::test]
async fn what_is_done_to_a_flow_does_not_lengthen_its_life() {
    for server in servers().await {
        let token = server.start_signup(USER).await;
        server.clock.advance(20 * MINUTE - MILLISECOND);
        let arguments = json!({
            "signup_token": token,
            "email_address_verification_code": server.inbox.last_code(USER).await,
        });
        server
            .values("verify_signup_email_address_verification_code", arguments)
            .await;
        server.clock.advance(MILLISECOND);
        let arguments = json!({ "signup_token": token, "password": PASSWORD });
        assert_eq!(
            server.refusal("set_signup_password", arguments).await,
            "invalid_signup_token"
        );
    }
}

#[tokio::test]
async fn a_session_that_is_not_used_dies_after_exactly_30_days() {
    for server in servers().await {
        let unused = server.sign_up(USER).await;
        let used = server.sign_in(USER, PASSWORD).await;
        server.clock.advance(30 * DAY - MILLISECOND);
        assert_eq!(server.session_state(&used).await, "ok");
        server.clock.advance(MILLISECOND);
        assert_eq!(server.session_state(&unused).await, "invalid_session_token");
        server.clock.advance(30 * DAY - 2 * MILLISECOND);
        assert_eq!(server.session_state(&used).await, "ok");
        server.clock.advance(30 * DAY);
        assert_eq!(server.session_state(&used).await, "invalid_session_token");
    }
}

/// Uses up five attempts at once, and asserts that exactly one comes back after one interval.
async fn one_attempt_returns_per_interval(
    server: &TestServer,
    interval: Duration,
    mut attempt: impl AsyncFnMut() -> String,
) {
    let refused = "rate_limited";
    for number in 1..=5 {
        assert_ne!(attempt().await, refused, "attempt {number}");
    }
    assert_eq!(attempt().await, refused, "at once");
    for round in 1..=2 {
        server.clock.advance(interval - MILLISECOND);
        assert_eq!(
            attempt().await,
            refused,
            "a millisecond early in round {round}"
        );
        server.clock.advance(MILLISECOND);
        assert_ne!(
            attempt().await,
            refused,
            "after the interval in round {round}"
        );
        assert_eq!(attempt().await, refused, "twice in round {round}");
    }
}

#[tokio::test]
async fn an_attempt_at_a_password_returns_every_minute() {
    for server in servers().await {
        server.sign_up(USER).await;
        one_attempt_returns_per_interval(&server, MINUTE, async || {
            server.try_password(USER, WRONG_PASSWORD).await
        })
        .await;
    }
}

#[tokio::test]
async fn an_email_to_an_address_returns_every_30_minutes() {
    for server in servers().await {
        let mut spelling = ["ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM"]
            .into_iter()
            .cycle();
        one_attempt_returns_per_interval(&server, 30 * MINUTE, async || {
            let arguments = json!({ "email_address": spelling.next() });
            server
                .invoke("create_signup", arguments)
                .await
                .code()
                .to_owned()
        })
        .await;
        assert_eq!(server.mailbox.messages().len(), 7);
    }
}

#[tokio::test]
async fn an_attempt_at_a_code_returns_every_minute() {
    for server in servers().await {
        let token = server.start_signup(USER).await;
        one_attempt_returns_per_interval(&server, MINUTE, async || {
            let arguments = json!({ "signup_token": token, "email_address_verification_code": "" });
            let action = "verify_signup_email_address_verification_code";
            server.invoke(action, arguments).await.code().to_owned()
        })
        .await;
    }
}

#[tokio::test]
async fn an_attempt_at_a_temporary_password_returns_every_minute() {
    for server in servers().await {
        server.sign_up(USER).await;
        let token = server.start_user_password_reset(USER).await;
        one_attempt_returns_per_interval(&server, MINUTE, async || {
            let arguments = json!({ "user_password_reset_token": token, "temporary_password": "" });
            let action = "verify_user_password_reset_temporary_password";
            server.invoke(action, arguments).await.code().to_owned()
        })
        .await;
    }
}

#[tokio::test]
async fn a_rested_budget_is_full_and_not_more() {
    for server in servers().await {
        server.sign_up(USER).await;
        for idle in [Duration::ZERO, 5 * MINUTE, 257 * MINUTE, 1000 * DAY] {
            server.clock.advance(idle);
            for _ in 0..5 {
                assert_eq!(
                    server.try_password(USER, WRONG_PASSWORD).await,
                    "incorrect_password"
                );
            }
            assert_eq!(
                server.try_password(USER, WRONG_PASSWORD).await,
                "rate_limited"
            );
        }
    }
}
