//! Notices a client that does not send the head of its next request.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::FutureExt;
use tokio::time::sleep;

/// The heads of a connection's requests, which follow one another.
///
/// Not the timer that hyper offers, which begins and ends with each head: this has one of the connection look, now and
/// then, whether anything has happened. An answer counts as given when it is made, for this server's fit into the buffer of a
/// socket.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// How many heads have come, and answers to them been made: even while the next head is waited for.
    steps: AtomicU64,
}

impl Heads {
    /// Makes the answer to a request whose head has come.
    pub(super) fn answer<A: Future>(&self, answer: A) -> impl Future<Output = A::Output> {
        self.step();
        answer.inspect(|_| self.step())
    }

    /// Ends when a head has been waited for this long: for the first one exactly, for later ones up to twice as long.
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

    /// One task alone counts, so this need not be one step.
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
    async fn a_first_head_that_never_comes_is_noticed_in_time() {
        let start = Instant::now();
        Heads::default().missing(3 * SECOND).await;
        assert_eq!(start.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn each_head_has_all_of_its_time() {
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
    async fn an_answer_may_take_its_time() {
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
