//! Background work: work that no answer depends on.

use std::{fmt::Debug, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{sync::Semaphore, time::timeout};

/// A unit of background work. It reports its own failures and takes no longer than
/// [`Timeouts::action`](crate::Timeouts::action).
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs background work, before the answer or after it.
///
/// The core has one kind of background work: recording that a session was used.
///
/// # Contract
///
/// The work runs at most once, before `run` returns or later. Work that is dropped when the program stops is made up
/// for by the session's next check.
///
/// # Errors
///
/// None. Failures inside the work are reported to the [`ActionErrorLogger`](crate::log::ActionErrorLogger).
///
/// # Concurrency
///
/// Called from many tasks at once. Work must be polled inside a tokio runtime with time enabled. The core waits for
/// `run` until the action times out ([`Timeouts::action`](crate::Timeouts::action)).
///
/// # Implementing
///
/// Bound the amount of waiting work. Beyond the bound, run the work before returning: the delayed answers slow down the
/// clients that cause it.
#[async_trait]
pub trait Background: Debug + Send + Sync + 'static {
    /// Runs the work, or schedules it.
    async fn run(&self, work: Work);
}

/// The default [`Background`]: one tokio task for each unit of work, up to a limit. Beyond the limit, an answer waits
/// for its own work.
#[derive(Debug)]
pub struct BackgroundTasks {
    limit: u16,
    places: Arc<Semaphore>,
}

impl BackgroundTasks {
    /// Creates a background of at most `limit` concurrent tasks. With 0, every answer waits for its work.
    pub fn new(limit: u16) -> Self {
        Self {
            limit,
            places: Arc::new(Semaphore::new(limit.into())),
        }
    }

    /// Waits until all tasks have ended, at most for `time`, and returns the number of tasks that have not.
    ///
    /// For a program that stops, once it invokes no more actions. Meanwhile, answers wait for their own work.
    pub async fn flush(&self, time: Duration) -> usize {
        let all = self.places.acquire_many(self.limit.into());
        match timeout(time, all).await {
            Ok(_) => 0,
            Err(_) => usize::from(self.limit) - self.places.available_permits(),
        }
    }
}

/// 64 tasks. A hundred thousand active sessions, each recorded once a minute, keep two of them busy if a write takes
/// one millisecond.
impl Default for BackgroundTasks {
    fn default() -> Self {
        Self::new(64)
    }
}

#[async_trait]
impl Background for BackgroundTasks {
    async fn run(&self, work: Work) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return work.await;
        };
        tokio::spawn(async move {
            work.await;
            drop(place);
        });
    }
}

const _OBJECT_SAFE: Option<&dyn Background> = None;
