//! The section `http`.

use std::{num::NonZeroU32, time::Duration};

use faroe_address::Origin;
use tokio::sync::Semaphore;

use super::section::section;

section! {
    /// Limits of connections and requests.
    Http {
        /// Number of open connections; beyond it new ones wait, and none is kept after its answer.
        max_connections: NonZeroU32 = 1024,
        /// Time limit for a request head; an idle connection may take up to twice as long for the next one.
        header_timeout: Duration = "5s",
        /// Time limit for a request body.
        body_timeout: Duration = "10s",
        /// Time limit for body and answer together.
        request_timeout: Duration = "15s",
        /// Time that a client may leave its answer unread.
        write_timeout: Duration = "10s",
        /// Time for requests in flight and for queued work when the server is stopped.
        shutdown_timeout: Duration = "10s",
        /// Origins whose web pages may read answers; in development mode, those of this machine may as well.
        allowed_origins: Vec<Origin> = [],
        /// Actions that cannot be invoked, such as `create_signup`.
        blocked_actions: Vec<String> = [],
    }
}

impl Http {
    /// Returns a permit for each connection that may be open.
    pub(crate) fn places(&self) -> Semaphore {
        Semaphore::new(self.max_connections.get() as usize)
    }
}
