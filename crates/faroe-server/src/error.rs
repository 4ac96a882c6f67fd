//! The reason why the server did not start.

use std::{error::Error, fmt};

use faroe_core::error::ErrorChain;

/// The status of a program that could not start.
const FAILED: u8 = 1;

/// The status of a program that was called wrongly, as clap counts.
const CALLED_WRONGLY: u8 = 2;

/// The server could not start. `Display` is one line that says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    message: String,
    exit_status: u8,
}

impl StartError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        // Messages of libraries may have several lines.
        let words: Vec<_> = message.split_whitespace().collect();
        Self {
            message: words.join(" "),
            exit_status: FAILED,
        }
    }

    /// The program was called with a wrong argument.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_status: CALLED_WRONGLY,
            ..Self::new(message)
        }
    }

    /// `operation` failed because of `error`.
    pub(crate) fn because(operation: impl fmt::Display, error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("{operation}: {}", ErrorChain(error)))
    }

    /// The status that the program ends with: 2 if it was called wrongly, else 1.
    pub fn exit_status(&self) -> u8 {
        self.exit_status
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StartError {}
