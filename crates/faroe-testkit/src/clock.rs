//! A clock that is moved by the test.

use std::{sync::Mutex, time::Duration};

use faroe_core::time::{Clock, UnixTime};

use crate::locked;

/// A clock that a test sets and moves, forwards and backwards.
///
/// ```
/// use std::time::Duration;
///
/// use faroe_core::time::Clock;
/// use faroe_testkit::clock::ManualClock;
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().saturating_since(before), Duration::from_secs(60));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<UnixTime>);

impl ManualClock {
    /// Creates a clock that shows this time.
    pub fn new(now: UnixTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Sets the time.
    pub fn set(&self, now: UnixTime) {
        *locked(&self.0) = now;
    }

    /// Moves the clock forwards, by whole milliseconds.
    pub fn advance(&self, duration: Duration) {
        let mut now = locked(&self.0);
        *now = now.saturating_add(duration);
    }
}

impl Default for ManualClock {
    /// Creates a clock that shows a time in 2026, at half a second.
    fn default() -> Self {
        Self::new(UnixTime::from_milliseconds(1_780_000_000_500))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        *locked(&self.0)
    }
}
