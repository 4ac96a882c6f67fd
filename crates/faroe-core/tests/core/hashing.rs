//! Hashing: bounded, refused before anything is consumed, given up when nobody waits, and none the worse for a panic.

use std::sync::Arc;

use faroe_core::{
    Hashing,
    protocol::{
        secret::SigninToken, session::GetSession, signin::VerifySigninUserPassword,
        signup::SetSignupPassword, user_password_reset::CreateUserPasswordReset,
    },
};
use faroe_testkit::hasher::HasherBehaviour;

use crate::harness::{EMAIL, Harness, PASSWORD, outcome};

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
        options.hashing = Hashing { permits, queue }
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
    gate.wait_for(1).await;
    let waiting = spawn_verify(&harness, second);
    harness.until_tokens_are_taken(2).await;

    let before = harness.storage.entries();
    assert_eq!(
        outcome(&harness.server, verify(third.clone())).await,
        "overloaded"
    );
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
        (running.await.unwrap(), waiting.await.unwrap()),
        ("ok", "ok")
    );
    assert_eq!(outcome(&harness.server, verify(third)).await, "ok");
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
    gate.wait_for(1).await;
    let gone = spawn_verify(&harness, second);
    harness.until_tokens_are_taken(2).await;
    let living = spawn_verify(&harness, third);
    harness.until_tokens_are_taken(3).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(gate);
    assert_eq!(
        (running.await.unwrap(), living.await.unwrap()),
        ("ok", "ok")
    );
    assert_eq!(harness.hasher.evaluations() - evaluations, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_comes_back_when_the_hash_panics_or_its_client_goes_while_it_runs() {
    let (harness, _) = signed_up(1, 0).await;
    harness.hasher.set_behaviour(HasherBehaviour::Panic);
    assert_eq!(harness.try_password(PASSWORD).await, "internal_error");
    let logged = harness.log.errors();
    assert_eq!(
        logged[0].error,
        "could not hash a password: the algorithm panicked"
    );
    harness.hasher.set_behaviour(HasherBehaviour::Fail);
    assert_eq!(harness.try_password(PASSWORD).await, "internal_error");
    harness.hasher.set_behaviour(HasherBehaviour::Hash);
    assert_eq!(harness.try_password(PASSWORD).await, "ok");

    let (first, second) = (harness.create_signin().await, harness.create_signin().await);
    let gate = harness.hasher.close_gate();
    let running = spawn_verify(&harness, first);
    gate.wait_for(1).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(
        outcome(&harness.server, verify(second.clone())).await,
        "overloaded",
        "the thread still hashes"
    );
    drop(gate);
    harness.until_a_place_is_free().await;
    assert_eq!(outcome(&harness.server, verify(second)).await, "ok");
}
