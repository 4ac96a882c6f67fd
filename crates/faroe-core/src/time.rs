//! The only source of time.

use std::{
    fmt::Debug,
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use faroe_protocol::types::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

/// Unix time in milliseconds, as used in records, buckets and storages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(i64);

impl UnixTime {
    /// Creates the time `milliseconds` after the Unix epoch.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn as_milliseconds(self) -> i64 {
        self.0
    }

    /// Rounds down to the whole second, as on the wire.
    pub const fn to_timestamp(self) -> Timestamp {
        Timestamp::from_seconds(self.0.div_euclid(1000))
    }

    /// Adds `duration`, saturating at the end of time.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A clock.
///
/// # Contract
///
/// `now` is the wall clock time, in Unix time. It may step and may differ between servers; limits and lifetimes then
/// stay within the bounds of the protocol.
///
/// # Concurrency
///
/// Called from many tasks at once; it must not block.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> UnixTime;
}

/// Returns the time of the asynchronous runtime. It is used for timeouts only.
pub(crate) fn runtime_now() -> Instant {
    Instant::now()
}

/// Waits for a future until a deadline, like tokio's `timeout_at`, and returns `None` if it was not ready by then. A
/// future that is ready at once takes neither a reading of the clock nor a timer: `deadline` is called only when there
/// is something to wait for.
///
/// # Panics
///
/// Panics outside a tokio runtime with time enabled, unless the future is ready at once.
pub async fn until<F: Future>(
    deadline: impl Fn() -> Instant + Send,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let mut timer = pin!(None);
    poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep_until(deadline())));
        }
        let timer = timer.as_mut().as_pin_mut().expect("it was just set");
        timer.poll(context).map(|()| None)
    })
    .await
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door that the others are sent to"
    )]
    fn now(&self) -> UnixTime {
        // A clock before 1970 counts as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let milliseconds = since_epoch.unwrap_or_default().as_millis();
        UnixTime(i64::try_from(milliseconds).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_wire_shows_the_second_that_a_time_lies_in() {
        for (milliseconds, seconds) in [(0, 0), (999, 0), (1000, 1), (1999, 1), (-1, -1)] {
            assert_eq!(
                UnixTime(milliseconds).to_timestamp(),
                Timestamp::from_seconds(seconds)
            );
        }
    }

    #[test]
    fn what_is_ready_at_once_needs_no_runtime() {
        let deadline = || panic!("there is nothing to wait for");
        let ready = until(deadline, pin!(std::future::ready(1))).now_or_never();
        assert_eq!(ready, Some(Some(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_by_the_deadline_counts_and_what_is_later_does_not() {
        let after = |seconds| sleep_until(Instant::now() + Duration::from_secs(seconds));
        let deadline = Instant::now() + Duration::from_secs(2);
        assert_eq!(until(|| deadline, pin!(after(1))).await, Some(()));
        assert_eq!(until(|| deadline, pin!(after(2))).await, None);
        assert_eq!(Instant::now(), deadline);
    }

    #[test]
    fn the_system_clock_is_in_this_century() {
        let now = SystemClock.now().as_milliseconds();
        assert!((1_700_000_000_000..4_000_000_000_000).contains(&now));
    }
}
