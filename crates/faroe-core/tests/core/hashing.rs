//! Hashing: bounded, refused before anything is consumed, given up when nobody waits, and none the worse for a panic.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    RateLimit,
    error::AdapterError,
    password::PasswordStrengthChecker,
    protocol::{
        secret::{Password, SigninToken, SignupToken},
        session::GetSession,
        signin::VerifySigninUserPassword,
        signup::SetSignupPassword,
        user_password_reset::{CreateUserPasswordReset, SetUserPasswordResetNewPassword},
        user_password_update::SetUserPasswordUpdateNewPassword,
    },
};
use faroe_testkit::{fault::Fault, hasher::HasherBehaviour, promise};
use futures::FutureExt;
use tokio::sync::Semaphore;

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

/// Rejects passwords that begin with `weak`, after it has waited for a permit.
#[derive(Debug)]
struct Checker(Arc<Semaphore>);

#[async_trait]
impl PasswordStrengthChecker for Checker {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        let _permit = self.0.acquire().await.unwrap();
        Ok(!password.expose().starts_with("weak"))
    }
}

const WEAK: &str = "weak password";

/// A harness whose checker waits for one of these permits, and which hashes one password at once and queues none.
fn with_checker(checks: &Arc<Semaphore>) -> Harness {
    let checks = Arc::clone(checks);
    Harness::with(move |_, options| {
        options.hashing.permits = 1;
        options.hashing.queue = 0;
        options.password_strength_checker = Arc::new(Checker(checks));
    })
}

fn set(signup_token: &SignupToken, password: &str) -> SetSignupPassword {
    SetSignupPassword {
        signup_token: signup_token.clone(),
        password: password.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p76_a_caller_without_attempts_takes_no_place() {
    let (harness, _) = signed_up(1, 0).await;
    for _ in 0..4 {
        assert_eq!(
            harness.try_password("not the password").await,
            "incorrect_password"
        );
    }
    let (last, next) = (harness.create_signin().await, harness.create_signin().await);
    let signup = harness.verified_signup_of("new@example.com").await;
    let gate = harness.hasher.close_gate();
    let server = harness.server.clone();
    let setting = set(&signup, PASSWORD);
    let setting = tokio::spawn(async move { outcome(&server, setting).await });
    soon!(gate.wait_for(1));

    let before = harness.storage.entries();
    let refused = outcome(&harness.server, verify(last.clone())).await;
    assert_eq!(
        refused, "overloaded",
        "with an attempt left, it needs the place"
    );
    assert_eq!(
        harness.storage.entries(),
        before,
        "the attempt is not used up"
    );
    drop(gate);
    assert_eq!(soon!(setting).unwrap(), "ok");
    assert_eq!(outcome(&harness.server, verify(last)).await, "ok");

    let gate = harness.hasher.close_gate();
    let other = harness.verified_signup_of("other@example.com").await;
    let (server, setting) = (harness.server.clone(), set(&other, PASSWORD));
    let setting = tokio::spawn(async move { outcome(&server, setting).await });
    soon!(gate.wait_for(1));
    let limited = outcome(&harness.server, verify(next)).await;
    assert_eq!(limited, "rate_limited", "without one, it does not");
    drop(gate);
    assert_eq!(soon!(setting).unwrap(), "ok");
    promise::report(
        "P76",
        "a full queue is no matter to callers without attempts",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p76_checks_of_new_passwords_take_no_place_and_are_bounded_too() {
    let checks = Arc::new(Semaphore::new(1));
    let harness = with_checker(&checks);
    harness.sign_up().await;
    let first = harness.verified_signup_of("first@example.com").await;
    let second = harness.verified_signup_of("second@example.com").await;
    let signin_token = harness.create_signin().await;
    let held = checks.acquire().await.unwrap();

    let mut checked = Box::pin(outcome(&harness.server, set(&first, WEAK)));
    assert_eq!(checked.as_mut().now_or_never(), None, "it is being checked");
    assert_eq!(
        outcome(&harness.server, set(&second, WEAK)).await,
        "overloaded",
        "there are as many checks as places"
    );
    assert_eq!(outcome(&harness.server, verify(signin_token)).await, "ok");
    drop(held);
    assert_eq!(checked.await, "weak_password");
    assert_eq!(outcome(&harness.server, set(&second, PASSWORD)).await, "ok");
    promise::report("P76", "a password is verified while a weak one is checked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p76_a_flow_has_one_new_password_on_its_way() {
    let checks = Arc::new(Semaphore::new(1));
    let harness = Arc::new(with_checker(&checks));
    let signup = harness.verified_signup_of("new@example.com").await;
    let evaluations = harness.hasher.evaluations();

    // While the first is checked, until its caller has gone.
    let held = checks.acquire().await.unwrap();
    let mut checked = Box::pin(outcome(&harness.server, set(&signup, PASSWORD)));
    assert_eq!(checked.as_mut().now_or_never(), None);
    drop(checked);
    drop(held);

    // While it is hashed, also when its caller has gone.
    let gate = harness.hasher.close_gate();
    let (server, setting) = (harness.server.clone(), set(&signup, PASSWORD));
    let setting = tokio::spawn(async move { outcome(&server, setting).await });
    soon!(gate.wait_for(1));
    for _ in 0..17 {
        let second = outcome(&harness.server, set(&signup, PASSWORD)).await;
        assert_eq!(second, "internal_conflict");
    }
    setting.abort();
    assert!(soon!(setting).unwrap_err().is_cancelled());
    let second = outcome(&harness.server, set(&signup, PASSWORD)).await;
    assert_eq!(second, "internal_conflict");
    drop(gate);
    let mut last = "internal_conflict";
    while last == "internal_conflict" {
        last = outcome(&harness.server, set(&signup, PASSWORD)).await;
    }
    assert_eq!(last, "ok");
    assert_eq!(harness.hasher.evaluations() - evaluations, 2);
    let again = outcome(&harness.server, set(&signup, PASSWORD)).await;
    assert_eq!(again, "password_already_set");
    promise::report("P76", "one flow, 20 passwords, 2 hashed, one at a time");
}

#[tokio::test]
async fn p76_ten_weak_passwords_end_a_flow() {
    let harness = with_checker(&Arc::new(Semaphore::new(1)));
    let session_token = harness.sign_up().await;
    let update = harness.verified_password_update(&session_token).await;
    let reset = harness.verified_reset().await;
    let signup = harness.verified_signup_of("new@example.com").await;
    let evaluations = harness.hasher.evaluations();
    let set_update = |password: &str| SetUserPasswordUpdateNewPassword {
        session_token: session_token.clone(),
        user_password_update_token: update.clone(),
        password: password.into(),
    };
    let set_reset = |password: &str| SetUserPasswordResetNewPassword {
        user_password_reset_token: reset.clone(),
        password: password.into(),
    };
    let setting = async |password: &str| {
        [
            outcome(&harness.server, set(&signup, password)).await,
            outcome(&harness.server, set_update(password)).await,
            outcome(&harness.server, set_reset(password)).await,
        ]
    };
    for _ in 0..9 {
        assert_eq!(setting(WEAK).await, ["weak_password"; 3]);
        assert_eq!(setting("short").await, ["invalid_password_length"; 3]);
    }
    let ended = [
        "invalid_signup_token",
        "invalid_password_update_token",
        "invalid_user_password_reset_token",
    ];
    assert_eq!(setting(WEAK).await, ended);
    assert_eq!(setting(PASSWORD).await, ended);
    for kind in ["signup", "user_password_update", "user_password_reset"] {
        assert!(harness.records(kind).is_empty(), "{kind}");
    }
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.hasher.evaluations(), evaluations);
    promise::report("P76", "3 flows, each ended by its tenth weak password");
}

#[tokio::test]
async fn p76_a_flow_with_ten_weak_passwords_has_ended_even_if_its_record_cannot_be_removed() {
    let harness = with_checker(&Arc::new(Semaphore::new(1)));
    let signup = harness.verified_signup_of("new@example.com").await;
    for _ in 0..9 {
        assert_eq!(
            outcome(&harness.server, set(&signup, WEAK)).await,
            "weak_password"
        );
    }
    let (server, faults) = harness.beside(|_, options| {
        options.password_strength_checker = Arc::new(Checker(Arc::new(Semaphore::new(1))));
    });
    faults.at_next("Storage::delete main.signup", Fault::FailBeforeActing);
    assert_eq!(
        outcome(&server, set(&signup, WEAK)).await,
        "invalid_signup_token"
    );
    assert!(faults.is_done());
    assert_eq!(harness.records("signup").len(), 1);
    let again = outcome(&harness.server, set(&signup, PASSWORD)).await;
    assert_eq!(again, "invalid_signup_token");
    promise::report("P76", "a record that could not be removed opens nothing");
}
