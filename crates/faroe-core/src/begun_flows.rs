//! The bounds on flows that begin without an email: signins, user password updates and user deletions.
//!
//! Signins begin without a secret, so a client can begin any number of them. Each is a record for ten minutes. They are
//! bounded twice: for each user exactly, by a token bucket that all servers share, and on each server, by a count in memory. A
//! flow is refused and no other is taken away, so strangers cannot end a flow that its owner has begun.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{fault::Fault, invocation::Invocation, rate_limit::Bucket, time::UnixTime};

/// The time from the creation of such a flow to its expiry.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The counts of a lifetime, a minute each, and that of the minute that has begun.
const COUNTS: usize = 11;
const MINUTE: i64 = 60_000;

/// The number of flows that a user may have begun lately to begin another while the server is half full.
const FEW: u32 = 10;

/// The flows that have begun on this server within a lifetime.
#[derive(Debug)]
pub(crate) struct BegunFlows {
    maximum: usize,
    window: Mutex<Window>,
}

/// Counts by minute, the current one first.
#[derive(Debug, Default)]
struct Window {
    /// Minutes since the Unix epoch.
    minute: i64,
    counts: [usize; COUNTS],
}

impl Window {
    /// Moves on to the current minute. The sum never becomes less than the number of flows that began within a lifetime
    /// by the same clock. If the clock steps back, all of them count as begun now.
    fn advance(&mut self, now: UnixTime) {
        let minute = now.as_milliseconds().div_euclid(MINUTE);
        // Concurrent calls may come a little out of order.
        if minute < self.minute - 1 {
            let sum = self.sum();
            self.counts = [0; COUNTS];
            self.counts[0] = sum;
            self.minute = minute;
        }
        let passed = usize::try_from(minute.saturating_sub(self.minute)).unwrap_or(0);
        if passed > 0 {
            let passed = passed.min(COUNTS);
            self.counts.rotate_right(passed);
            self.counts[..passed].fill(0);
            self.minute = minute;
        }
    }

    fn sum(&self) -> usize {
        self.counts.iter().sum()
    }
}

impl BegunFlows {
    pub(crate) fn new(maximum: u32) -> Self {
        Self {
            maximum: usize::try_from(maximum).unwrap_or(usize::MAX),
            window: Mutex::default(),
        }
    }

    /// Checks whether a user who has begun so many flows lately may begin another. Once the server has half as many as it
    /// may, only users with few may, so that a flood at some addresses leaves room for all others.
    fn check(&self, now: UnixTime, begun_by_user: u32) -> Result<(), Fault> {
        let maximum = if begun_by_user < FEW {
            self.maximum
        } else {
            self.maximum / 2
        };
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(now);
        if window.sum() < maximum {
            Ok(())
        } else {
            Err(Fault::Overloaded)
        }
    }

    fn count(&self, now: UnixTime) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(now);
        window.counts[0] += 1;
    }
}

impl Invocation<'_> {
    /// Admits a flow that begins without an email, or fails with [`Fault::Overloaded`].
    ///
    /// Exact for each user, on any number of servers. Concurrent calls can exceed the bound of the server by their number.
    pub(crate) async fn begin_flow(&self, of_user: &Bucket) -> Result<(), Fault> {
        let begun_flows = self.begun_flows();
        let check = |tokens| begun_flows.check(self.now(), of_user.used(tokens));
        let begun = self.consume_if(of_user, check).await?;
        begun.ok_or(Fault::Overloaded)?;
        begun_flows.count(self.now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_milliseconds(seconds * 1000)
    }

    fn after(window: &mut Window, seconds: i64) -> usize {
        window.advance(at(seconds));
        window.sum()
    }

    #[test]
    fn a_flow_counts_for_its_lifetime_and_at_most_a_minute_longer() {
        for begins_at in [0, 1, 30, 59] {
            let mut window = Window::default();
            assert_eq!(after(&mut window, begins_at), 0);
            window.counts[0] += 1;
            assert_eq!(after(&mut window, begins_at + 599), 1);
            assert_eq!(after(&mut window, begins_at + 600), 1);
            assert_eq!(after(&mut window, begins_at + 660), 0);
        }
    }

    #[test]
    fn whatever_the_clock_does_a_flow_counts_for_a_lifetime_and_no_longer() {
        let mut window = Window::default();
        window.advance(at(1_000_000));
        window.counts[0] += 1;
        assert_eq!(after(&mut window, 1_000_300), 1);
        // An hour back, and from there on.
        assert_eq!(after(&mut window, 996_400), 1);
        assert_eq!(after(&mut window, 996_400 + 599), 1);
        assert_eq!(after(&mut window, 996_400 + 660), 0);
        window.counts[0] += 1;
        assert_eq!(after(&mut window, i64::MAX / 1000), 0);
        window.counts[0] += 1;
        assert_eq!(after(&mut window, -5_000), 1);
        assert_eq!(after(&mut window, -5_000 + 660), 0);
    }

    #[test]
    fn calls_out_of_order_prolong_nothing() {
        let mut window = Window::default();
        for second in (0..3600).step_by(10) {
            window.advance(at(second));
            window.counts[0] += 1;
            window.advance(at(second - 30));
            assert!(window.sum() <= 66, "{second}: {}", window.sum());
        }
        assert_eq!(after(&mut window, 3600 + 660), 0);
    }

    #[test]
    fn p77_beyond_half_of_the_bound_only_users_with_few_flows_begin_one() {
        let begun = BegunFlows::new(10);
        for _ in 0..5 {
            assert!(begun.check(at(0), FEW).is_ok());
            begun.count(at(0));
        }
        assert!(begun.check(at(0), FEW).is_err());
        for _ in 0..5 {
            assert!(begun.check(at(0), FEW - 1).is_ok());
            begun.count(at(0));
        }
        assert!(begun.check(at(0), 0).is_err());
        assert!(begun.check(at(600), 0).is_err());
        assert!(begun.check(at(660), FEW).is_ok());
    }
}
