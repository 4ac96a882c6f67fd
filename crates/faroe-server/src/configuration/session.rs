//! The section `session`.

use std::time::Duration;

use faroe_core::SessionConfiguration;

use super::section::section;

section! {
    /// Lifetime of sessions, and how often they are checked.
    Session => SessionConfiguration {
        /// Sessions unused for this long expire.
        inactivity_timeout: Duration,
        /// Interval at which the use of a session is recorded, after the answer.
        activity_check_interval: Duration,
        /// Sessions expire this long after their creation, used or not.
        #[otherwise = "never"]
        absolute_expiration: Option<Duration>,
        /// Time that a session from the cache is trusted without asking storage and user store.
        #[otherwise = "no cache"]
        cache_expiration: Option<Duration>,
        /// Time that the user of a session is not looked up again, without a cache.
        #[otherwise = "always looked up"]
        user_cache_expiration: Option<Duration>,
        /// Ends the other sessions of a user whose password is updated or reset.
        end_other_sessions_on_password_change: bool,
    }
}
