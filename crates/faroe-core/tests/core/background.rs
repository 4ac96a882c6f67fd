//! Work in the background: recording the use of a session.

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    Server, ServerOptions, Timeouts,
    background::{Background, BackgroundTasks, Work},
    protocol::{secret::SessionToken, session::GetSession},
};
use faroe_testkit::{
    fault::{Fault, Faults},
    storage::StorageCall,
};
use tokio::time::Instant;

use crate::harness::{Harness, minutes, outcome};

/// A server beside the harness that works in this background, into whose storage a test can step.
fn working_in(harness: &Harness, background: Arc<dyn Background>) -> (Server, Arc<Faults>) {
    harness.beside(|_, options| options.background = background)
}

/// Returns the time that the check of a valid session takes.
async fn check(server: &Server, session_token: &SessionToken) -> Duration {
    let begun = Instant::now();
    let session_token = session_token.clone();
    assert_eq!(outcome(server, GetSession { session_token }).await, "ok");
    begun.elapsed()
}

/// The next record of a session's use hangs.
fn hang(faults: &Faults) {
    faults.at_next("Storage::update main.session", Fault::Hang);
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_the_record_of_its_session_s_use() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let tasks = Arc::new(BackgroundTasks::default());
    let (server, faults) = working_in(&harness, Arc::clone(&tasks) as _);
    harness.advance(minutes(1));
    hang(&faults);
    assert_eq!(check(&server, &session_token).await, Duration::ZERO);
    assert!(harness.log.errors().is_empty(), "nothing has failed yet");

    assert_eq!(tasks.flush(Duration::ZERO).await, 1);
    let begun = Instant::now();
    assert_eq!(tasks.flush(minutes(1)).await, 0);
    assert_eq!(begun.elapsed(), Timeouts::default().storage);
    assert!(faults.is_done());
    let logged = harness.log.errors();
    assert_eq!(
        (logged.len(), logged[0].action, logged[0].failed),
        (1, "get_session", false)
    );

    harness.storage.take_calls();
    check(&server, &session_token).await;
    assert_eq!(tasks.flush(minutes(1)).await, 0);
    assert_eq!(
        harness.storage.take_calls(),
        [StorageCall::Get, StorageCall::Update],
        "the next check makes up for it"
    );
    check(&server, &session_token).await;
    assert_eq!(tasks.flush(minutes(1)).await, 0);
    assert_eq!(harness.storage.take_calls(), [StorageCall::Get]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_when_there_is_no_place_in_the_background() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let tasks = Arc::new(BackgroundTasks::default());
    let (server, faults) = working_in(&harness, Arc::clone(&tasks) as _);
    harness.advance(minutes(1));
    for _ in 0..64 {
        hang(&faults);
        assert_eq!(check(&server, &session_token).await, Duration::ZERO);
        // Its task takes the one call that hangs before the next check does.
        tokio::task::yield_now().await;
        assert!(faults.is_done());
    }
    assert_eq!(tasks.flush(Duration::ZERO).await, 64);
    hang(&faults);
    let storage = Timeouts::default().storage;
    assert_eq!(check(&server, &session_token).await, storage);
    assert_eq!(tasks.flush(minutes(1)).await, 0);
    hang(&faults);
    let waited = check(&server, &session_token).await;
    assert_eq!(waited, Duration::ZERO, "a place is free");
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_its_work_while_what_is_left_is_waited_for() {
    let harness = Harness::new();
    let (one, other) = (harness.sign_up().await, harness.sign_in().await);
    let tasks = Arc::new(BackgroundTasks::default());
    let (server, faults) = working_in(&harness, Arc::clone(&tasks) as _);
    harness.advance(minutes(1));
    hang(&faults);
    check(&server, &one).await;
    let (left, _) = tokio::join!(tasks.flush(minutes(1)), async {
        hang(&faults);
        assert!(!check(&server, &other).await.is_zero());
    });
    assert_eq!(left, 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_works_in_the_background_unless_told_otherwise() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, faults) = working_in(&harness, ServerOptions::default().background);
    harness.advance(minutes(1));
    hang(&faults);
    assert_eq!(check(&server, &session_token).await, Duration::ZERO);
}

/// A background that takes work and never returns.
#[derive(Debug)]
struct Stuck;

#[async_trait]
impl Background for Stuck {
    async fn run(&self, _work: Work) {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_background_that_is_stuck_holds_an_answer_up_for_as_long_as_an_action_may_take() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, _) = working_in(&harness, Arc::new(Stuck));
    harness.advance(minutes(1));
    let waited = check(&server, &session_token).await;
    let timeouts = Timeouts::default();
    let expected = timeouts.action - timeouts.storage;
    assert_eq!(waited, expected, "some time is kept to clear up");
    assert_eq!(harness.log.errors().len(), 1);
}
