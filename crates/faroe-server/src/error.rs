//! Why the server did not start.

use std::{error::Error, fmt};

use faroe_core::error::ErrorChain;

/// The server could not start. `Display` is one line that says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        // Messages of libraries may have several lines.
        Self(
            message
                .into()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// `what` failed because of `error`.
    pub(crate) fn because(what: impl fmt::Display, error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("{what}: {}", ErrorChain(error)))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for StartError {}
