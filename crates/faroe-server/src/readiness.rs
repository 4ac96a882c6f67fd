//! The state of the roles, as `GET /ready` tells it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use faroe_core::error::ErrorChain;
use futures::future::join_all;
use tokio::{sync::watch, time::Instant};

use crate::role::Role;

/// The time for which an answer is given to everybody who asks.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Tries out the roles when it is asked, one try at a time. Clones share the answer.
///
/// Any number of callers cost the databases one try a second. A try goes on when its caller disconnects, because a cancelled
/// statement would cost a connection.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    roles: Arc<[Role]>,
    /// The last try: `None` until it has ended.
    last: Arc<Mutex<Option<watch::Receiver<Option<State>>>>>,
}

/// The outcome of a try.
#[derive(Clone, Debug)]
pub(crate) struct State {
    ended_at: Instant,
    /// The names of the roles that fail.
    pub(crate) failed: Vec<&'static str>,
    /// The names of the roles that fail and without which actions succeed.
    pub(crate) failed_optional: Vec<&'static str>,
}

impl Readiness {
    pub(crate) fn new(roles: Vec<Role>) -> Self {
        Self {
            roles: roles.into(),
            last: Arc::default(),
        }
    }

    /// Tries out all roles now, and logs what fails.
    pub(crate) async fn try_out(&self) -> State {
        try_out(&self.roles).await
    }

    /// Returns the state, at most a second old.
    ///
    /// # Panics
    ///
    /// When a try has panicked.
    pub(crate) async fn state(&self) -> State {
        let mut state = self.current();
        let state = state.wait_for(Option::is_some).await;
        let state = state.expect("a try does not panic").clone();
        state.expect("it was waited for")
    }

    /// Returns the last try if it goes on or has just ended, or else a new one.
    fn current(&self) -> watch::Receiver<Option<State>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |last: &watch::Receiver<Option<State>>| match &*last.borrow() {
            Some(state) => state.ended_at.elapsed() < SHARED_FOR,
            // Without its sender it has panicked.
            None => last.has_changed().is_ok(),
        };
        if let Some(last) = last.as_ref().filter(|last| is_current(last)) {
            return last.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let roles = Arc::clone(&self.roles);
        tokio::spawn(async move {
            let state = try_out(&roles).await;
            sender.send_replace(Some(state));
        });
        last.insert(receiver).clone()
    }
}

async fn try_out(roles: &[Role]) -> State {
    let outcomes = roles.iter().map(async |role| {
        let tried = role.try_out().await;
        tried.inspect_err(|error| {
            tracing::warn!(part = role.name(), error = %ErrorChain(error), "not ready");
        })
    });
    let outcomes = join_all(outcomes).await;
    let (mut failed, mut failed_optional) = (Vec::new(), Vec::new());
    for (role, outcome) in roles.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {}
            Err(_) if role.is_optional() => failed_optional.push(role.name()),
            Err(_) => failed.push(role.name()),
        }
    }
    State {
        ended_at: Instant::now(),
        failed,
        failed_optional,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use faroe_core::{error::AdapterError, storage::Cache};
    use tokio::{task::JoinSet, time::advance};

    use super::*;

    /// Counts the tries, which take half a second.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl Cache for Counting {
        async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, AdapterError> {
            Ok(None)
        }

        async fn set(&self, _: &str, _: &[u8], _: Duration) -> Result<(), AdapterError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(())
        }

        async fn delete(&self, _: &str) -> Result<(), AdapterError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn p67_any_number_of_callers_cost_one_try_a_second() {
        let cache = Arc::new(Counting::default());
        let readiness = Readiness::new(vec![Role::Cache(Arc::clone(&cache) as _)]);
        let tries = || cache.0.load(Ordering::Relaxed);
        let crowd = async || {
            let mut callers = JoinSet::new();
            for _ in 0..100 {
                let readiness = readiness.clone();
                callers.spawn(async move { readiness.state().await.failed });
            }
            for failed in callers.join_all().await {
                assert!(failed.is_empty());
            }
        };
        crowd().await;
        advance(Duration::from_millis(900)).await;
        crowd().await;
        assert_eq!(tries(), 1);
        advance(Duration::from_millis(101)).await;
        crowd().await;
        assert_eq!(tries(), 2);

        // A caller that disconnects neither cancels a try nor begins another one.
        advance(Duration::from_secs(2)).await;
        for _ in 0..100 {
            let state = Box::pin(readiness.state());
            assert!(futures::poll!(state).is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(tries(), 3);
        crowd().await;
        assert_eq!(tries(), 3);
        faroe_testkit::promise::report("P67", "300 callers, 200 of them gone, and 3 tries");
    }
}
