//! Hashing: bounded, refused before anything is consumed, given up when nobody waits, and none the worse for a panic.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    RateLimit,
    protocol::{
        secret::SigninToken, session::GetSession, signin::VerifySigninUserPassword,
        signup::SetSignupPassword, user_password_reset::CreateUserPasswordReset,
    },
};
use faroe_testkit::{hasher::HasherBehaviour, promise};
use futures::FutureExt;

use crate::harness::{EMAIL, Harness, PASSWORD, outcome};

/// Awaits what cannot take long, so that a test that would hang fails and says where.
macro_rules! soon {
    ($future:expr) => {
        tokio::time::timeout(std::time::Duration::from_secs(60), $future)
            .await
            .expect("this happens within a minute")
    };
}

fn verify(signin_token: SigninToken) -> VerifySigninUserPassword {
    VerifySigninUserPassword {
        signin_token,
        password: PASSWORD.into(),
    }
}

async fn signed_up(
    permits: usize,
    queue: usize,
) -> (Arc<Harness>, faroe_core::protocol::secret::SessionToken) {
    let harness = Arc::new(Harness::with(|_, options| {
        options.hashing.permits = permits;
        options.hashing.queue = queue;
    }));
    let session_token = harness.sign_up().await;
    (harness, session_token)
}

fn spawn_verify(
    harness: &Arc<Harness>,
    signin_token: SigninToken,
) -> tokio::task::JoinHandle<&'static str> {
    let server = harness.server.clone();
    tokio::spawn(async move { outcome(&server, verify(signin_token)).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defect_12_beyond_the_queue_a_request_is_refused_with_nothing_consumed() {
    let (harness, session_token) = signed_up(1, 1).await;
    let verified = harness.verified_signup_of("new@example.com").await;
    let [first, second, third] = [(); 3].map(|()| harness.create_signin());
    let (first, second, third) = (first.await, second.await, third.await);
    let gate = harness.hasher.close_gate();
    let running = spawn_verify(&harness, first);
    soon!(gate.wait_for(1));
    let waiting = spawn_verify(&harness, second);
    soon!(harness.until_attempts_are_left(3));

    let before = harness.storage.entries();
    // It is refused without a wait.
    let refused = outcome(&harness.server, verify(third.clone())).now_or_never();
    assert_eq!(refused, Some("overloaded"));
    let create = CreateUserPasswordReset {
        user_email_address: EMAIL.into(),
    };
    assert_eq!(outcome(&harness.server, create).await, "overloaded");
    let set = SetSignupPassword {
        signup_token: verified,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, set).await, "overloaded");
    assert_eq!(harness.storage.entries(), before);
    assert_eq!(gate.waiting(), 1, "one permit, one evaluation");
    assert_eq!(
        outcome(&harness.server, GetSession { session_token }).await,
        "ok",
        "other actions go on"
    );

    drop(gate);
    assert_eq!(
        (soon!(running).unwrap(), soon!(waiting).unwrap()),
        ("ok", "ok")
    );
    assert_eq!(soon!(outcome(&harness.server, verify(third))), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defect_25_nothing_is_hashed_for_a_client_that_has_gone() {
    let (harness, _) = signed_up(1, 8).await;
    let evaluations = harness.hasher.evaluations();
    let (first, second, third) = (
        harness.create_signin().await,
        harness.create_signin().await,
        harness.create_signin().await,
    );
    let gate = harness.hasher.close_gate();
    let running = spawn_verify(&harness, first);
    soon!(gate.wait_for(1));
    let gone = spawn_verify(&harness, second);
    soon!(harness.until_attempts_are_left(3));
    let living = spawn_verify(&harness, third);
    soon!(harness.until_attempts_are_left(2));
    gone.abort();
    assert!(soon!(gone).unwrap_err().is_cancelled());
    drop(gate);
    assert_eq!(
        (soon!(running).unwrap(), soon!(living).unwrap()),
        ("ok", "ok")
    );
    assert_eq!(harness.hasher.evaluations() - evaluations, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p46_a_client_that_disconnects_while_hashing_is_overloaded_frees_its_place() {
    const PLACES: usize = 10;
    const ATTEMPTS: usize = 10 * PLACES;
    let harness = Arc::new(Harness::with(|_, options| {
        options.hashing.permits = 1;
        options.hashing.queue = PLACES - 1;
        options.rate_limits.verify_user_password = RateLimit {
            capacity: u32::try_from(ATTEMPTS).unwrap(),
            interval: Duration::from_secs(60),
        };
    }));
    harness.sign_up().await;
    let mut flows = Vec::new();
    for _ in 0..ATTEMPTS {
        flows.push(harness.create_signin().await);
    }
    let evaluations = harness.hasher.evaluations();
    let gate = harness.hasher.close_gate();
    let mut accepted = vec![spawn_verify(&harness, flows.pop().unwrap())];
    soon!(gate.wait_for(1));
    accepted.extend(
        flows
            .drain(..PLACES - 1)
            .map(|flow| spawn_verify(&harness, flow)),
    );
    soon!(harness.until_attempts_are_left(ATTEMPTS - PLACES));
    for flow in &flows {
        let refused = outcome(&harness.server, verify(flow.clone())).now_or_never();
        assert_eq!(refused, Some("overloaded"));
    }

    let gone = accepted.split_off(PLACES / 2);
    for waiting in &gone {
        waiting.abort();
    }
    for waiting in gone {
        assert!(soon!(waiting).unwrap_err().is_cancelled());
        accepted.push(spawn_verify(&harness, flows.pop().unwrap()));
    }
    soon!(harness.until_attempts_are_left(ATTEMPTS - PLACES - PLACES / 2));
    let refused = outcome(&harness.server, verify(flows.pop().unwrap())).now_or_never();
    assert_eq!(refused, Some("overloaded"), "every place is taken again");
    drop(gate);
    for waiting in accepted {
        assert_eq!(soon!(waiting).unwrap(), "ok");
    }
    assert_eq!(harness.hasher.evaluations() - evaluations, PLACES);
    promise::report(
        "P46",
        format_args!(
            "{ATTEMPTS} attempts, {} clients gone, none hashed for",
            PLACES / 2
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_comes_back_when_the_hash_panics_or_its_client_goes_while_it_runs() {
    let (harness, _) = signed_up(1, 0).await;
    harness.hasher.set_behaviour(HasherBehaviour::Panic);
    assert_eq!(soon!(harness.try_password(PASSWORD)), "internal_error");
    let logged = harness.log.errors();
    assert_eq!(logged[0].error, "hash a password: the algorithm panicked");
    harness.hasher.set_behaviour(HasherBehaviour::Fail);
    assert_eq!(soon!(harness.try_password(PASSWORD)), "internal_error");
    harness.hasher.set_behaviour(HasherBehaviour::Hash);
    assert_eq!(soon!(harness.try_password(PASSWORD)), "ok");

    let (first, second) = (harness.create_signin().await, harness.create_signin().await);
    let gate = harness.hasher.close_gate();
    let running = spawn_verify(&harness, first);
    soon!(gate.wait_for(1));
    running.abort();
    assert!(soon!(running).unwrap_err().is_cancelled());
    assert_eq!(
        soon!(outcome(&harness.server, verify(second.clone()))),
        "overloaded",
        "the thread still hashes"
    );
    drop(gate);
    soon!(harness.until_a_place_is_free());
    assert_eq!(soon!(outcome(&harness.server, verify(second))), "ok");
}

#[tokio::test(start_paused = true)]
async fn p31_a_hash_that_does_not_end_is_given_up() {
    let (harness, _) = signed_up(1, 8).await;
    let signin_token = harness.create_signin().await;
    let gate = harness.hasher.close_gate();
    let running = spawn_verify(&harness, signin_token.clone());
    gate.wait_for(1).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(running.is_finished());
    assert_eq!(running.await.unwrap(), "internal_error");
    drop(gate);
    let verified = outcome(&harness.server, verify(signin_token)).await;
    assert_eq!(verified, "ok");
    promise::report("P31", "a hash that does not end is given up");
}
