//! The costs of hashes, and their bounds.

use std::{fmt, time::Duration};

/// The most that the verification of one hash may cost. Costs are read from the hash itself.
///
/// Time is estimated from the costs, for one core of about 3 GHz. A slow machine takes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Working memory, in KiB. Default: 131072 (128 MiB).
    pub memory_kib: u32,
    /// Estimated time. Default: 2 seconds.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            memory_kib: 131_072,
            time: Duration::from_secs(2),
        }
    }
}

impl Bounds {
    pub(crate) fn allow(&self, cost: &Cost) -> bool {
        cost.memory_kib <= self.memory_kib.into() && cost.time <= self.time
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, time } = self;
        write!(f, "{memory_kib} KiB and {time:?}")
    }
}

/// The cost of one hash.
#[derive(Debug)]
pub(crate) struct Cost {
    memory_kib: u64,
    time: Duration,
    /// The costs as the hash names them.
    named: String,
}

impl Cost {
    /// Creates a cost of this memory and of so many units of work, each of so many nanoseconds.
    pub(crate) fn new(memory_kib: u64, units: u64, unit_ns: u64, named: String) -> Self {
        Self {
            memory_kib,
            time: Duration::from_nanos(units.saturating_mul(unit_ns)),
            named,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            memory_kib,
            time,
            named,
        } = self;
        write!(f, "{memory_kib} KiB and about {time:.1?} ({named})")
    }
}
