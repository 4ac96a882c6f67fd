//! A connection for one call.

use std::time::Duration;

use sqlx::{Database, Error, Pool, pool::PoolConnection};
use tokio::time::timeout;

/// The longest test of a connection that returns to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection of a pool for one call. Dropping it in the middle of the call closes the connection, because its state is
/// then unknown.
#[derive(Debug)]
pub struct Lease<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> Lease<DB> {
    /// Takes a connection from the pool.
    ///
    /// # Errors
    ///
    /// As for [`Pool::acquire`].
    pub async fn acquire(pool: &Pool<DB>) -> Result<Self, Error> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    /// The connection.
    pub fn connection(&mut self) -> &mut DB::Connection {
        self.0.as_mut().expect("it is given back only once")
    }

    /// Gives the connection back in the background. The pool tests it first, for a second at most.
    pub fn give_back(mut self) {
        if let Some(mut connection) = self.0.take() {
            tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        }
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
