//! The time that an action may take, and the part of it that is reserved for finishing.

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    ServerOptions,
    error::AdapterError,
    protocol::{session::GetSession, signin::CompleteSignin},
    storage::Cache,
};
use faroe_testkit::fault::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, minutes, outcome};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Gives actions 10 seconds, and each call of a storage this time.
fn storage_timeout(options: &mut ServerOptions, storage: Duration) {
    options.timeouts.action = seconds(10);
    options.timeouts.storage = storage;
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_at_most_the_timeout_that_is_configured() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|_, options| storage_timeout(options, seconds(4)));
    let get = || GetSession {
        session_token: session_token.clone(),
    };
    faults.at_next("Storage::get main.session", Fault::ActAfter(seconds(3)));
    assert_eq!(outcome(&server, get()).await, "ok");
    let begun = Instant::now();
    faults.at_next("Storage::get main.session", Fault::Hang);
    assert_eq!(outcome(&server, get()).await, "internal_error");
    assert_eq!(begun.elapsed(), seconds(4));
    assert!(faults.is_done());
}

/// A cache that never answers.
#[derive(Debug)]
struct SilentCache;

#[async_trait]
impl Cache for SilentCache {
    async fn get(&self, _key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        pending().await
    }

    async fn set(&self, _key: &str, _value: &[u8], _time: Duration) -> Result<(), AdapterError> {
        pending().await
    }

    async fn delete(&self, _key: &str) -> Result<(), AdapterError> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn finishing_reserves_at_most_half_of_the_time_of_an_action() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let get = || GetSession {
        session_token: session_token.clone(),
    };
    let (server, faults) = harness.beside(|_, options| storage_timeout(options, minutes(1)));
    faults.at_next("Storage::get main.session", Fault::ActAfter(seconds(4)));
    assert_eq!(outcome(&server, get()).await, "ok");

    let (server, _) = harness.beside(|parts, options| {
        storage_timeout(options, minutes(1));
        parts.storages.cache = Some(Arc::new(SilentCache));
        options.session.cache_expiration = Some(minutes(1));
    });
    let begun = Instant::now();
    assert_eq!(outcome(&server, get()).await, "internal_error");
    assert_eq!(begun.elapsed(), seconds(5));
    let logged = harness.log.errors();
    let last = &logged.last().unwrap().error;
    assert_eq!(last, "read a record: the action has no time left");
}

#[tokio::test(start_paused = true)]
async fn an_action_past_its_point_of_no_return_has_the_reserved_time() {
    let harness = Harness::new();
    harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let (server, faults) = harness.beside(|_, options| storage_timeout(options, seconds(4)));
    for call in ["Storage::get main.signin", "Storage::delete main.signin"] {
        faults.at_next(call, Fault::ActAfter(Duration::from_millis(2500)));
    }
    faults.at_next("Storage::add main.session", Fault::ActAfter(seconds(3)));
    let begun = Instant::now();
    let complete = CompleteSignin { signin_token };
    assert_eq!(outcome(&server, complete).await, "ok");
    assert_eq!(begun.elapsed(), seconds(8));
    assert!(faults.is_done());
}
