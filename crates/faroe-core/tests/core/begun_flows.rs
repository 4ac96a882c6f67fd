//! Flows that begin without an email: bounded for each user and on each server, and at nobody else's cost.

use std::time::Duration;

use faroe_core::{
    RateLimit, RateLimits, Server,
    protocol::{
        secret::SessionToken,
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
        user_deletion::CreateUserDeletion,
        user_email_address_update::CreateUserEmailAddressUpdate,
        user_password_update::CreateUserPasswordUpdate,
    },
    time::Clock,
};
use faroe_testkit::promise;
use futures::future::join_all;

use crate::harness::{EMAIL, Harness, PASSWORD, minutes, outcome};

const MILLISECOND: Duration = Duration::from_millis(1);
const OTHER: &str = "bob@example.com";

fn signin(email_address: &str) -> CreateSignin {
    CreateSignin {
        user_email_address: email_address.to_owned(),
    }
}

/// Begins signins of the user with this address until that is refused, and returns how many.
async fn flood(server: &Server, email_address: &str) -> usize {
    let mut begun = 0;
    loop {
        match outcome(server, signin(email_address)).await {
            "ok" => begun += 1,
            refused => {
                assert_eq!(refused, "overloaded");
                return begun;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p77_signins_of_a_user_are_bounded_exactly_on_any_number_of_servers() {
    let harness = Harness::new();
    harness.sign_up().await;
    let servers = [(); 3].map(|()| harness.beside(|_, _| {}).0);
    let RateLimit { capacity, interval } = RateLimits::default().create_signin;
    let capacity = usize::try_from(capacity).unwrap();
    let callers = (0..2 * capacity).map(|caller| {
        let server = servers[caller % 3].clone();
        tokio::spawn(async move { outcome(&server, signin(EMAIL)).await })
    });
    let outcomes = join_all(callers).await;
    let begun = outcomes
        .into_iter()
        .filter(|outcome| *outcome.as_ref().unwrap() == "ok");
    // A call that has lost many races is refused, so that some may be left.
    let begun = begun.count() + flood(&servers[0], EMAIL).await;
    assert_eq!(
        (begun, harness.records("signin").len()),
        (capacity, capacity)
    );

    let full = harness.storage.entries();
    for server in &servers {
        assert_eq!(outcome(server, signin(EMAIL)).await, "overloaded");
    }
    assert_eq!(harness.storage.entries(), full, "a refusal changes nothing");
    harness.advance(interval - MILLISECOND);
    assert_eq!(flood(&servers[1], EMAIL).await, 0);
    harness.advance(MILLISECOND);
    assert_eq!(flood(&servers[2], EMAIL).await, 1);
    promise::report(
        "P77",
        format!(
            "{} calls at once on 3 servers, {capacity} begun",
            2 * capacity
        ),
    );
}

#[tokio::test]
async fn p77_a_flood_keeps_a_bounded_number_of_signins() {
    let harness = Harness::new();
    harness.sign_up().await;
    let mut most = 0;
    for _ in 0..30 * 60 {
        flood(&harness.server, EMAIL).await;
        let now = harness.clock.now();
        let mut entries = harness.storage.entries();
        entries.retain(|key, entry| key.starts_with("main.signin.") && now < entry.expires_at);
        most = most.max(entries.len());
        harness.advance(Duration::from_secs(1));
        // What has expired may be dropped.
        let mut entries = harness.storage.entries();
        entries.retain(|_, entry| harness.clock.now() < entry.expires_at);
        harness.storage.set_entries(entries);
    }
    assert_eq!(most, 500 + 29);
    promise::report(
        "P77",
        format!("a flood of half an hour, {most} signins of a user at most"),
    );
}

#[tokio::test]
async fn p77_a_flood_at_one_address_touches_only_the_start_of_its_owners_signins() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let other = harness.sign_up_as(OTHER).await;
    let begun = harness.create_signin().await;
    flood(&harness.server, EMAIL).await;

    let verify = VerifySigninUserPassword {
        signin_token: begun.clone(),
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, verify).await, "ok");
    let complete = CompleteSignin {
        signin_token: begun,
    };
    assert_eq!(outcome(&harness.server, complete).await, "ok");
    assert!(harness.is_signed_in(&session_token).await);
    let signup = harness.verified_signup_of("new@example.com").await;
    let set = faroe_core::protocol::signup::SetSignupPassword {
        signup_token: signup,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, set).await, "ok");
    assert_eq!(outcome(&harness.server, signin(OTHER)).await, "ok");
    assert!(harness.is_signed_in(&other).await);
    harness.update_password(&session_token).await;
    harness.completable_reset().await;
    assert_eq!(outcome(&harness.server, signin(EMAIL)).await, "overloaded");
    promise::report("P77", "a flood at one address, every other step is taken");
}

/// Begins user password updates and user deletions in turn until that is refused, and returns how many.
async fn flood_session(server: &Server, session_token: &SessionToken) -> usize {
    for begun in 0.. {
        let session_token = session_token.clone();
        let outcome = match begun % 2 {
            0 => outcome(server, CreateUserPasswordUpdate { session_token }).await,
            _ => outcome(server, CreateUserDeletion { session_token }).await,
        };
        if outcome != "ok" {
            assert_eq!(outcome, "overloaded");
            return begun;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn p77_flows_of_a_users_sessions_are_bounded_together_and_apart_from_signins() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    assert_eq!(flood_session(&harness.server, &session_token).await, 60);
    let another = harness.sign_in().await;
    assert_eq!(flood_session(&harness.server, &another).await, 0);
    let create = CreateUserEmailAddressUpdate {
        session_token: another,
        new_email_address: "new@example.com".into(),
    };
    assert_eq!(outcome(&harness.server, create).await, "ok");
    let other = harness.sign_up_as(OTHER).await;
    assert_eq!(flood_session(&harness.server, &other).await, 60);
    harness.advance(Duration::from_secs(10));
    assert_eq!(flood_session(&harness.server, &session_token).await, 1);
    promise::report("P77", "60 flows of a user's sessions");
}

#[tokio::test]
async fn p77_a_server_has_a_bounded_number_of_flows_and_keeps_half_for_users_with_few() {
    const MAXIMUM: usize = 60;
    let harness = Harness::with(|_, options| options.rate_limits.begun_flows = 60);
    let (server, _) = harness.beside(|_, _| {});
    harness.sign_up().await;
    let others: Vec<_> = (0..5)
        .map(|number| format!("user-{number}@example.com"))
        .collect();
    let mut sessions = vec![];
    for email_address in &others {
        sessions.push(harness.sign_up_as(email_address).await);
    }
    assert_eq!(flood(&harness.server, EMAIL).await, MAXIMUM / 2);
    assert_eq!(flood(&harness.server, &others[0]).await, 10);
    assert_eq!(flood(&harness.server, &others[1]).await, 10);
    assert_eq!(flood_session(&harness.server, &sessions[2]).await, 10);
    assert_eq!(flood(&harness.server, &others[3]).await, 0, "it is full");
    assert_eq!(flood_session(&harness.server, &sessions[3]).await, 0);
    assert_eq!(
        outcome(&server, signin(&others[3])).await,
        "ok",
        "another is not"
    );
    harness.advance(minutes(10) - MILLISECOND);
    assert_eq!(flood(&harness.server, &others[4]).await, 0);
    harness.advance(minutes(1) + MILLISECOND);
    assert_eq!(flood(&harness.server, &others[4]).await, MAXIMUM / 2);
    promise::report(
        "P77",
        format!("{MAXIMUM} flows on a server, half of them of one user"),
    );
}
