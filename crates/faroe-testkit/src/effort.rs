//! The amount of work that randomized and exhaustive tests do.

use std::env;

/// The environment variable with which `cargo xtask test-all` asks for [`Effort::Full`].
pub const FULL: &str = "FAROE_TEST_FULL";

/// The environment variable with which `cargo xtask test-all --thorough` asks for [`Effort::Thorough`].
pub const THOROUGH: &str = "FAROE_TEST_THOROUGH";

/// The amount of work that randomized and exhaustive tests do, from the smallest to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Seconds, for the loop of editing and testing.
    Quick,
    /// A minute or two, for continuous integration.
    Full,
    /// Hours.
    Thorough,
}

impl Effort {
    /// Returns the effort that the environment asks for: [`Quick`](Self::Quick) if neither variable is set.
    pub fn requested() -> Self {
        let is_set = |variable| env::var_os(variable).is_some();
        match (is_set(THOROUGH), is_set(FULL)) {
            (true, _) => Self::Thorough,
            (false, true) => Self::Full,
            (false, false) => Self::Quick,
        }
    }

    /// Returns the number of cases for this effort.
    pub fn cases(self, quick: u32, full: u32, thorough: u32) -> u32 {
        match self {
            Self::Quick => quick,
            Self::Full => full,
            Self::Thorough => thorough,
        }
    }
}
