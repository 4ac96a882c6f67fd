//! A connection for one call.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{Database, Error, pool::PoolConnection};
use tokio::time::timeout;

use crate::role::{Role, Watch};

/// The longest test of a connection that returns to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection of a pool for one call. Dropping it in the middle of the call closes the connection, because its state is
/// then unknown.
#[derive(Debug)]
pub struct Lease<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    watch: Option<Arc<Watch<DB>>>,
    taken: Instant,
    is_for_one_call: bool,
}

impl<DB: Database> Lease<DB> {
    pub(crate) fn new(connection: PoolConnection<DB>, watch: Option<Arc<Watch<DB>>>) -> Self {
        Self {
            connection: Some(connection),
            watch,
            taken: Instant::now(),
            is_for_one_call: false,
        }
    }

    /// The same connection, which is closed instead of given back.
    pub(crate) fn for_one_call(mut self) -> Self {
        self.is_for_one_call = true;
        self
    }

    /// The connection.
    pub fn connection(&mut self) -> &mut DB::Connection {
        self.connection
            .as_mut()
            .expect("it is given back only once")
    }

    /// Gives the connection back in the background. It is tested first, for a second at most, and checked if that is due.
    pub fn give_back(mut self) {
        if self.is_for_one_call {
            return;
        }
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let (watch, taken) = (self.watch.take(), self.taken);
        tokio::spawn(async move {
            if let Some(watch) = watch.filter(|watch| watch.is_due(taken))
                && !matches!(watch.ask(&mut connection).await, Ok(Role::Primary))
            {
                watch.distrust();
                drop(connection.detach());
                return;
            }
            let returned = timeout(RETURN_TIMEOUT, connection.return_to_pool());
            let _closed_if_late = returned.await;
        });
    }

    /// Closes the connection after an error that does not leave it intact. Unless the error is a timeout, the connections that
    /// are idle now are not used any more either: they lead to the same server.
    pub fn give_up(self, error: &Error) {
        let is_late = matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut);
        if let Some(watch) = self.watch.as_ref().filter(|_| !is_late) {
            watch.distrust();
        }
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
