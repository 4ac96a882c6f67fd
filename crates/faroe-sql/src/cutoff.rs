//! The moment before which an entry must have expired to be gone.

use std::time::Duration;

use faroe_core::time::UnixTime;

/// Entries are kept this long after their expiry, so that a server whose clock is ahead removes no entry that another
/// server still needs. Each server decides by its own clock whether an entry has expired.
const EXTRA_LIFE: Duration = Duration::from_secs(5 * 60);

/// An entry is gone if it expires at this moment or earlier: five minutes before now.
#[derive(Clone, Copy, Debug)]
pub struct Cutoff(i64);

impl Cutoff {
    /// The cutoff at this time.
    pub fn at(now: UnixTime) -> Self {
        let extra_life = i64::try_from(EXTRA_LIFE.as_millis()).expect("it is minutes");
        Self(now.as_milliseconds().saturating_sub(extra_life))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_milliseconds(self) -> i64 {
        self.0
    }
}
