//! A log of faults that a test can read.

use std::sync::Mutex;

use faroe_core::{
    error::ErrorChain,
    log::{ActionError, ActionErrorLogger},
    protocol::id::ActionInvocationId,
};

use crate::locked;

/// An [`ActionErrorLogger`] that keeps everything.
#[derive(Debug, Default)]
pub struct ErrorLog(Mutex<Vec<LoggedError>>);

/// A fault as it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedError {
    /// The name of the action.
    pub action: &'static str,
    /// The ID that the client was told.
    pub action_invocation_id: ActionInvocationId,
    /// The action failed because of this error.
    pub failed: bool,
    /// The fault with its sources, as [`ErrorChain`] writes it.
    pub error: String,
}

impl ErrorLog {
    /// Returns the reported errors, in order.
    pub fn errors(&self) -> Vec<LoggedError> {
        locked(&self.0).clone()
    }

    /// Takes out what was reported, in order.
    pub fn take_errors(&self) -> Vec<LoggedError> {
        std::mem::take(&mut *locked(&self.0))
    }
}

impl ActionErrorLogger for ErrorLog {
    fn log(&self, error: &ActionError<'_>) {
        locked(&self.0).push(LoggedError {
            action: error.action,
            action_invocation_id: error.action_invocation_id.clone(),
            failed: error.failed,
            error: ErrorChain(error.error).to_string(),
        });
    }
}
