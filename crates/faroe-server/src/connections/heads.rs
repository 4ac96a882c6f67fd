//! Detects clients that do not send the head of their next request.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::FutureExt;
use tokio::time::sleep;

/// The heads of a connection's requests, which follow one another.
///
/// Hyper's own timer starts and stops with each head, for 4 % of the instructions of a request. Here, one timer per connection
/// periodically checks for progress. A response counts as sent when it is created, because the responses of this server fit
/// into a socket's buffer.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The number of received heads and of responses to them together: even while waiting for the next head.
    steps: AtomicU64,
}

impl Heads {
    /// Creates the response to a request whose head was received.
    pub(super) fn answer<A: Future>(&self, answer: A) -> impl Future<Output = A::Output> {
        self.step();
        answer.inspect(|_| self.step())
    }

    /// Waits until no head was received for this long: exactly for the first head, up to twice as long for later ones.
    pub(super) async fn missing(&self, patience: Duration) {
        loop {
            let before = self.steps();
            sleep(patience).await;
            if self.steps() == before && before.is_multiple_of(2) {
                return;
            }
        }
    }

    fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Increments the counter. Only one task does, so this need not be atomic.
    fn step(&self) {
        self.steps.store(self.steps() + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::future;
    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_missing_first_head_is_detected_in_time() {
        let start = Instant::now();
        Heads::default().missing(3 * SECOND).await;
        assert_eq!(start.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn each_head_has_the_full_timeout() {
        let heads = Heads::default();
        let mut missing = Box::pin(heads.missing(3 * SECOND));
        for _ in 0..10 {
            heads.answer(future::ready(())).await;
            tokio::time::timeout(3 * SECOND - Duration::from_millis(1), &mut missing)
                .await
                .unwrap_err();
        }
        let start = Instant::now();
        missing.await;
        assert!(start.elapsed() <= 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_may_take_longer_than_the_timeout() {
        let heads = Heads::default();
        let mut missing = Box::pin(heads.missing(SECOND));
        let answer = heads.answer(sleep(100 * SECOND));
        tokio::select! {
            () = answer => {}
            () = &mut missing => panic!("the head has come"),
        }
        assert!(missing.as_mut().now_or_never().is_none());
        let start = Instant::now();
        missing.await;
        assert!((SECOND..=2 * SECOND).contains(&start.elapsed()));
    }
}
