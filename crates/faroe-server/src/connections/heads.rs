//! The heads of a connection's requests: late ones, and connections that idle between two.

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::sleep,
};

/// The heads of a connection's requests, which follow one another.
///
/// Hyper's own timer starts and stops with each head, for 4 % of the instructions of a request. Here, one timer per connection
/// periodically checks for progress. A response counts as sent when it is created, because the responses of this server fit
/// into a socket's buffer.
///
/// Only the connection's task changes these numbers, so they need not be atomic together.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The number of received heads and of responses to them together: even while waiting for the next head.
    steps: AtomicU64,
    /// `true` if anything was received since the last response.
    has_begun: AtomicBool,
    /// The number of checks for which the connection has been idle.
    idle_checks: AtomicU32,
    /// `true` if the connection was asked to give way.
    gives_way: AtomicBool,
    asked_to_give_way: Notify,
}

impl Heads {
    /// Creates the response to a request whose head was received.
    pub(super) fn answer<A: Future>(&self, answer: A) -> impl Future<Output = A::Output> {
        self.step();
        answer.inspect(|_| {
            self.has_begun.store(false, Ordering::Relaxed);
            self.step();
        })
    }

    /// Waits until a head is late, or the connection has been idle for too long.
    ///
    /// The first head has `patience`, from the beginning on. A later one has up to twice as long from its first byte on, and
    /// the connection may idle before it for `idle_time`, or up to `patience` longer.
    pub(super) async fn missing(&self, patience: Duration, idle_time: Duration) {
        let mut idle = Duration::ZERO;
        loop {
            let (before, had_begun) = (self.steps(), self.has_begun());
            let is_idle = self.is_idle();
            let time = if is_idle {
                patience.min(idle_time.saturating_sub(idle))
            } else {
                patience
            };
            sleep(time).await;
            let waits = self.steps() == before && before.is_multiple_of(2);
            if waits && is_idle && self.is_idle() {
                idle += time;
                self.idle_checks.fetch_add(1, Ordering::Relaxed);
                if idle >= idle_time {
                    return;
                }
            } else if waits && (had_begun || before == 0) {
                return;
            } else {
                idle = Duration::ZERO;
                self.idle_checks.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Returns the number of checks for which the connection has been idle. `None` if it is not.
    pub(super) fn idle_checks(&self) -> Option<u32> {
        self.is_idle()
            .then(|| self.idle_checks.load(Ordering::Relaxed))
    }

    /// Checks whether the connection is idle and was asked to give way.
    pub(super) fn is_about_to_end(&self) -> bool {
        self.is_idle() && self.gives_way.load(Ordering::Relaxed)
    }

    /// Asks the connection to end, after its next response at the latest.
    pub(super) fn give_way(&self) {
        self.gives_way.store(true, Ordering::Relaxed);
        self.asked_to_give_way.notify_one();
    }

    /// Waits until the connection is asked to give way.
    pub(super) async fn is_asked_to_give_way(&self) {
        self.asked_to_give_way.notified().await;
    }

    /// Checks whether a response was the last event.
    fn is_idle(&self) -> bool {
        let steps = self.steps();
        steps > 0 && steps.is_multiple_of(2) && !self.has_begun()
    }

    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn step(&self) {
        self.steps.store(self.steps() + 1, Ordering::Relaxed);
    }
}

/// A stream that tells when something is received.
#[derive(Debug)]
pub(super) struct Watched<'a, S> {
    pub(super) stream: Pin<Box<S>>,
    pub(super) heads: &'a Heads,
}

impl<S: AsyncRead> AsyncRead for Watched<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.stream.as_mut().poll_read(context, buffer))?;
        self.heads.has_begun.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite> AsyncWrite for Watched<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::future;
    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The defaults.
    const PATIENCE: Duration = Duration::from_secs(5);
    const IDLE_TIME: Duration = Duration::from_secs(620);

    /// Returns the time after which the connection is to be closed.
    async fn time_until_missing(heads: &Heads) -> Duration {
        let start = Instant::now();
        heads.missing(PATIENCE, IDLE_TIME).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_first_head_is_detected_in_time() {
        let heads = Heads::default();
        assert_eq!(time_until_missing(&heads).await, PATIENCE);
        heads.has_begun.store(true, Ordering::Relaxed);
        assert_eq!(time_until_missing(&heads).await, PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_its_own_time() {
        let heads = Heads::default();
        heads.answer(future::ready(())).await;
        assert_eq!(time_until_missing(&heads).await, IDLE_TIME);
        // A request that comes between two checks starts the time again, from the next check on.
        let missing = time_until_missing(&heads);
        let request = async {
            sleep(601 * SECOND).await;
            heads.answer(future::ready(())).await;
        };
        assert_eq!(
            future::join(missing, request).await.0,
            605 * SECOND + IDLE_TIME
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_later_head_is_cut_however_long_the_connection_may_idle() {
        for idle in [0, 1, 4, 5, 6, 600, 619] {
            let heads = Heads::default();
            heads.answer(future::ready(())).await;
            let first_byte = async {
                sleep(SECOND * idle).await;
                heads.has_begun.store(true, Ordering::Relaxed);
            };
            let (time, ()) = future::join(time_until_missing(&heads), first_byte).await;
            let slow = time - SECOND * idle;
            assert!(
                (PATIENCE..=2 * PATIENCE).contains(&slow),
                "{idle}: {slow:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_may_take_longer_than_the_timeout() {
        let heads = Heads::default();
        let mut missing = Box::pin(heads.missing(SECOND, SECOND));
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

    #[tokio::test(start_paused = true)]
    async fn only_an_idle_connection_can_give_way() {
        let heads = Heads::default();
        assert_eq!(heads.idle_checks(), None, "before the first head");
        let answer = heads.answer(future::ready(()));
        assert_eq!(heads.idle_checks(), None, "before the response");
        answer.await;
        assert_eq!(heads.idle_checks(), Some(0));
        assert!(
            tokio::time::timeout(12 * SECOND, heads.missing(PATIENCE, IDLE_TIME))
                .await
                .is_err()
        );
        assert_eq!(heads.idle_checks(), Some(2));
        heads.has_begun.store(true, Ordering::Relaxed);
        assert_eq!(heads.idle_checks(), None, "within a head");
        heads.has_begun.store(false, Ordering::Relaxed);
        assert!(!heads.is_about_to_end());
        heads.give_way();
        assert!(heads.is_about_to_end());
        heads.is_asked_to_give_way().await;
        let answer = heads.answer(future::ready(()));
        assert!(!heads.is_about_to_end(), "another one has to give way");
        answer.await;
    }
}
