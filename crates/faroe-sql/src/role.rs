//! The roles of servers, and the check that a connection leads to one that takes writes.

use std::{
    cell::Cell,
    fmt, io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use sqlx::{Database, Error};

use crate::bounded;

/// The time between two checks of a connection that is in use.
const INTERVAL: Duration = Duration::from_secs(1);

/// The longest wait for the answer to a check. A server that was silent while the connection was idle leaves time to connect
/// again.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The longest time that a connection is usually tested before it is given back.
const RETURN_TIME: Duration = Duration::from_millis(250);

tokio::task_local! {
    /// The time at which the connection that a task takes from a pool was given back before. `None` if it is new.
    pub(crate) static GIVEN_BACK: Cell<Option<Instant>>;
}

/// The role of a server among those of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It refuses writes, and is not known to be behind another server. A connection to it is used for one call.
    ReadOnly,
    /// It follows another server, and may be behind it.
    Replica,
}

/// Asks a server for its role over a connection.
pub type AskRole<DB> = for<'c> fn(
    &'c mut <DB as Database>::Connection,
)
    -> Pin<Box<dyn Future<Output = Result<Role, Error>> + Send + 'c>>;

/// Watches the servers that the connections of a pool lead to.
pub(crate) struct Watch<DB: Database> {
    started: Instant,
    ask: AskRole<DB>,
    /// Nanoseconds from the start. Connections that were given back before this are closed.
    distrusted: AtomicU64,
}

impl<DB: Database> Watch<DB> {
    pub(crate) fn new(ask: AskRole<DB>) -> Self {
        Self {
            started: Instant::now(),
            ask,
            distrusted: AtomicU64::new(0),
        }
    }

    /// Checks whether a connection that was checked before this time is to be checked again: time is cut into intervals, and
    /// a connection is checked when it enters the next one.
    pub(crate) fn is_due(&self, last: Instant) -> bool {
        let interval = |since: Duration| since.as_nanos() / INTERVAL.as_nanos();
        interval(last.saturating_duration_since(self.started)) < interval(self.started.elapsed())
    }

    /// Asks for the role of the connection's server.
    pub(crate) async fn ask(&self, connection: &mut DB::Connection) -> Result<Role, Error> {
        bounded(TIMEOUT, (self.ask)(connection)).await
    }

    /// Closes all connections that are idle now or are being given back, when they would be used next: one of them has shown
    /// that the server is gone, or is not the primary any more.
    pub(crate) fn distrust(&self) {
        let given_back = self.nanoseconds(Instant::now() + RETURN_TIME);
        self.distrusted.fetch_max(given_back, Ordering::Relaxed);
    }

    /// Decides whether an idle connection may be used, and notes for its user when it was given back.
    pub(crate) fn may_use(&self, idle_for: Duration) -> bool {
        let given_back = Instant::now().checked_sub(idle_for);
        let given_back = given_back.unwrap_or(self.started);
        let may_use = self.nanoseconds(given_back) >= self.distrusted.load(Ordering::Relaxed);
        // Instead of one that may not be used, the pool makes a new one. Tasks of the pool itself take connections too.
        let _not_ours = GIVEN_BACK.try_with(|cell| cell.set(may_use.then_some(given_back)));
        may_use
    }

    fn nanoseconds(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.started);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl<DB: Database> fmt::Debug for Watch<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// The error of a new connection whose server is a replica.
pub fn is_a_replica() -> Error {
    io::Error::other("the server is a replica; use the name or address of the primary").into()
}

#[cfg(test)]
mod tests {
    use sqlx::Postgres;

    use super::*;

    #[tokio::test]
    async fn a_new_connection_in_place_of_a_distrusted_one_is_known_as_new() {
        let watch: Watch<Postgres> = Watch::new(|_| Box::pin(async { Ok(Role::Primary) }));
        let take = async {
            let may_use = watch.may_use(Duration::ZERO);
            (may_use, GIVEN_BACK.with(Cell::get).is_some())
        };
        assert_eq!(GIVEN_BACK.scope(Cell::default(), take).await, (true, true));
        watch.distrust();
        let take = async {
            let may_use = watch.may_use(Duration::ZERO);
            (may_use, GIVEN_BACK.with(Cell::get).is_some())
        };
        assert_eq!(
            GIVEN_BACK.scope(Cell::default(), take).await,
            (false, false)
        );
    }
}
