//! The size of a pool and the timeouts of its calls.

use std::{num::NonZeroU32, time::Duration};

use faroe_address::{InvalidServiceUrl, Parameter};
use sqlx::{Connection, Database};

/// A connection that was used this recently is not tested before it is used again.
const FRESH: Duration = Duration::from_secs(1);

/// The size of a pool of connections and the timeouts of its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Idle connections that are kept open. Default: 0.
    pub min_connections: u32,
    /// Connections at most; further calls wait for one. Default: 10.
    pub max_connections: u32,
    /// The longest wait for a connection. Default: 3 seconds.
    pub acquire_timeout: Duration,
    /// The longest time that the server works on a statement. Default: 2 seconds, the longest time that the core waits.
    pub statement_timeout: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            min_connections: 0,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(2),
        }
    }
}

impl PoolOptions {
    /// Takes over a parameter of a URL: `min_connections`, `max_connections`, `acquire_timeout_ms` or
    /// `statement_timeout_ms`. Returns `false` for any other.
    ///
    /// # Errors
    ///
    /// When its value is not a number, or is zero other than for `min_connections`.
    pub fn read(&mut self, parameter: &Parameter<'_>) -> Result<bool, InvalidServiceUrl> {
        match parameter.name() {
            "min_connections" => self.min_connections = parameter.parse()?,
            "max_connections" => self.max_connections = parameter.parse::<NonZeroU32>()?.get(),
            "acquire_timeout_ms" => self.acquire_timeout = parameter.milliseconds()?,
            "statement_timeout_ms" => self.statement_timeout = parameter.milliseconds()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The options of the driver's pool. It tests a connection that was idle for a second before the connection is used
    /// again, so that an outage is over as soon as the server is back.
    pub fn build<DB: Database>(&self) -> sqlx::pool::PoolOptions<DB> {
        sqlx::pool::PoolOptions::new()
            .min_connections(self.min_connections)
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection: &mut DB::Connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for >= FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
    }

    /// The longest time that a call waits for a statement: half a second longer than the server works on it.
    pub fn call_timeout(&self) -> Duration {
        self.statement_timeout
            .saturating_add(Duration::from_millis(500))
    }
}
