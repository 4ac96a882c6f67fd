//! A connection for as long as one call takes.

use std::time::Duration;

use sqlx::{Error, MySql, MySqlConnection, MySqlPool, pool::PoolConnection};
use tokio::time::timeout;

/// How long the test takes at most that a connection must pass to get back into the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that is closed when this is dropped in the midst of a call: its state is then anyone's guess.
pub(crate) struct Lease(Option<PoolConnection<MySql>>);

impl Lease {
    pub(crate) async fn acquire(pool: &MySqlPool) -> Result<Self, Error> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    pub(crate) fn connection(&mut self) -> &mut MySqlConnection {
        self.0.as_mut().expect("it is given back only once")
    }

    /// Gives the connection back. The pool tests it first, without a bound of its own.
    pub(crate) fn give_back(mut self) {
        if let Some(mut connection) = self.0.take() {
            tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
