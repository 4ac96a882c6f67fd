//! Work that no answer needs, and who decides when it is done.

use std::{fmt::Debug, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{sync::Semaphore, time::timeout};

/// Something to do on which no answer depends. It reports what goes wrong in it, and takes no longer than an action may.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Decides when work is done that no answer needs: before the answer, or later.
///
/// There is one such work: to write down that a session was used.
///
/// # Contract
///
/// `run` has the work done once: before it returns, or later. Work that is dropped instead, when the program ends, is not
/// missed: the session's next check does it.
///
/// # Errors
///
/// There are none. What goes wrong inside the work is reported to the
/// [`ActionErrorLogger`](crate::log::ActionErrorLogger).
///
/// # Concurrency
///
/// Called from many tasks at once. Work must be polled inside a tokio runtime with time enabled. The core waits for `run`
/// for as long as the action may take ([`Timeouts::action`](crate::Timeouts::action)).
///
/// # Implementing
///
/// How much work waits must have a bound: an answer that waits for its work is what slows those down who bring more.
#[async_trait]
pub trait Background: Debug + Send + Sync + 'static {
    /// Does the work, or has it done later.
    async fn run(&self, work: Work);
}

/// The default background: a tokio task for each work, and no more than so many at once. Beyond that an answer waits until
/// its own work is done.
#[derive(Debug)]
pub struct BackgroundTasks {
    limit: u16,
    places: Arc<Semaphore>,
}

impl BackgroundTasks {
    /// At most `limit` tasks at once; with 0, every answer waits for its work.
    pub fn new(limit: u16) -> Self {
        Self {
            limit,
            places: Arc::new(Semaphore::new(limit.into())),
        }
    }

    /// Waits for so long at most until all tasks have ended, and returns how many have not. For a program that stops, once
    /// nothing is invoked any more; as long as this waits, answers wait for their own work.
    pub async fn flush(&self, time: Duration) -> usize {
        let all = self.places.acquire_many(self.limit.into());
        match timeout(time, all).await {
            Ok(_) => 0,
            Err(_) => usize::from(self.limit) - self.places.available_permits(),
        }
    }
}

/// 64 tasks: a hundred thousand sessions in use write once a minute each, which keeps two of them busy if a write takes a
/// millisecond.
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
