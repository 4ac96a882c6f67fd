//! The section `http`.

use std::{num::NonZeroU32, time::Duration};

use super::section::section;
use faroe_address::Origin;

section! {
    /// Limits of connections and requests.
    Http {
        /// Number of open connections; when more are wanted, idle ones are closed, and new ones wait.
        max_connections: NonZeroU32 = 1024,
        /// Time limit for a request head; for later ones of a connection, up to twice as long.
        header_timeout: Duration = "5s",
        /// Time for which an idle connection is kept; longer than proxies and load balancers keep theirs.
        keep_alive_timeout: Duration = "620s",
        /// Time limit for a request body.
        body_timeout: Duration = "10s",
        /// Time limit for body and answer together.
        request_timeout: Duration = "15s",
        /// Time that a client may leave its answer unread.
        write_timeout: Duration = "10s",
        /// Time for which a server that is stopped fails `/ready` and answers everything else, for balancers that learn of it late.
        #[otherwise = "none"]
        drain_delay: Option<Duration>,
        /// Time for requests in flight and for queued work when the server is stopped, after `drain_delay`.
        shutdown_timeout: Duration = "10s",
        /// Origins whose web pages may read answers; in development mode, those of this machine may as well.
        allowed_origins: Vec<Origin> = [],
        /// Actions that cannot be invoked, such as `create_signup`.
        blocked_actions: Vec<String> = [],
    }
}
