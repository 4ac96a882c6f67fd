//! The timer for the heads of a connection's requests.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

/// The timer of one connection.
///
/// hyper starts a timer whenever it waits for the head of a request, and drops it when that has come. The runtime has one
/// list of timers for all its threads, and to put every request's there would keep them waiting for each other. So this
/// puts one of the connection there, and lets it be: a timer that ends early only has to be asked again.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadTimer(Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>);

/// Waits for a deadline, which is later than all that were waited for before with the same timer.
struct Deadline {
    timer: HeadTimer,
    at: Instant,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline {
            timer: self.clone(),
            at,
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at.into();
        let mut timer = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

impl Sleep for Deadline {}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_head_has_all_of_its_time() {
        let timer = HeadTimer::default();
        let start = timer.now();
        let mut first = timer.sleep(3 * SECOND);
        assert!(first.as_mut().now_or_never().is_none());
        drop(first);
        tokio::time::advance(2 * SECOND).await;
        timer.sleep(3 * SECOND).await;
        assert_eq!(timer.now() - start, 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_comes_is_noticed_the_first_time_and_after_others() {
        let timer = HeadTimer::default();
        for _ in 0..3 {
            let start = timer.now();
            timer.sleep(3 * SECOND).await;
            assert_eq!(timer.now() - start, 3 * SECOND);
            tokio::time::advance(SECOND).await;
        }
    }
}
