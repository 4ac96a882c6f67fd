//! The size of a pool and the timeouts of its calls.

use std::{num::NonZeroU32, time::Duration};

use faroe_address::{InvalidServiceUrl, Parameter};
use sqlx::Database;

/// The time after which an idle connection is closed: shorter than the time after which load balancers drop it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(180);

/// The age at which a connection is closed, so that names are looked up again and no server keeps all connections forever.
const MAX_LIFETIME: Duration = Duration::from_secs(1800);

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
    /// Takes over a parameter of a URL: `min_connections`, `max_connections`, `acquire_timeout_ms`, `statement_timeout_ms`, or
    /// `connect_timeout`, which is the acquire timeout in seconds, or 0 for the default. Returns `false` for any other.
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
            "connect_timeout" => {
                let seconds: u16 = parameter.parse()?;
                self.acquire_timeout = match seconds {
                    0 => Self::default().acquire_timeout,
                    seconds => Duration::from_secs(seconds.into()),
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The options of the driver's pool. It tests no connection, which [`Connections`](crate::Connections) do.
    pub(crate) fn build<DB: Database>(&self) -> sqlx::pool::PoolOptions<DB> {
        sqlx::pool::PoolOptions::new()
            .min_connections(self.min_connections)
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(IDLE_TIMEOUT)
            .max_lifetime(MAX_LIFETIME)
            .test_before_acquire(false)
    }

    /// The longest time that a call waits for a statement: half a second longer than the server works on it.
    pub fn call_timeout(&self) -> Duration {
        self.statement_timeout
            .saturating_add(Duration::from_millis(500))
    }
}
