//! The section `timeouts`.

use std::time::Duration;

use faroe_core as core;

use super::section::section;

section! {
    /// Time limits within an action. A call that times out has failed, and its outcome is unknown.
    Timeouts => core::Timeouts {
        /// Time limit for a whole action, which cuts the others short.
        action: Duration,
        /// Time limit for one call of a storage or the cache.
        storage: Duration,
        /// Time limit for one call of the user store or user server.
        user_store: Duration,
        /// Time limit for the checks of a new password.
        checker: Duration,
        /// Time limit for an email with a code or a temporary password.
        email: Duration,
        /// Time limit for queueing a notification.
        notification: Duration,
    }
}
