//! The handle of a database.

use std::{sync::Arc, time::Duration};

use faroe_core::error::AdapterError;
use faroe_sql::{Lease, PoolOptions, bounded};
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Error, Executor, PgConnection, PgPool, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;

use crate::{
    error::{leaves_connection_intact, postgres_error},
    options::Options,
};

/// The longest wait for the server's goodbye when a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The outcome of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Number of rows inserted, updated, deleted or read.
    pub rows_affected: u64,
    /// Rows that the statement returned.
    pub rows: Vec<PgRow>,
}

/// A PostgreSQL database. Clones share its pool of connections.
///
/// Every call is one statement in one transaction, on any connection of the pool, and ends in bounded time. A call that
/// is dropped before its end may or may not have had its effect; its connection is closed.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    call_timeout: Duration,
    /// The statement that begins a transaction. `None` unless prepared statements must not outlive a transaction.
    begin: Option<Arc<str>>,
}

impl Database {
    /// Connects by a URL; see [`Options::from_url`].
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached, refuses the user or shows an invalid certificate. It takes no
    /// longer than the acquire timeout.
    pub async fn connect(url: &str) -> Result<Self, AdapterError> {
        Self::connect_with(&Options::from_url(url)?).await
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// As for [`Database::connect`].
    pub async fn connect_with(options: &Options) -> Result<Self, AdapterError> {
        const OPERATION: &str = "connect to PostgreSQL";
        let connection = options.connection();
        // The pool hides the reason of a failure and connects again; so the first connection is made without it.
        let first = PgConnection::connect_with(&connection);
        let first = bounded(options.pool.acquire_timeout, first).await;
        let first = first.map_err(|error| postgres_error(OPERATION, &error))?;
        // The connection has proved that it works; the way it ends does not matter.
        let _closed = timeout(CLOSE_TIMEOUT, first.close()).await;
        Ok(Self {
            pool: options.pool.build().connect_lazy_with(connection),
            call_timeout: options.pool.call_timeout(),
            begin: options
                .pgbouncer
                .then(|| begin(options.pool.statement_timeout)),
        })
    }

    /// Uses an existing pool, with its acquire timeout. A statement times out after 2.5 seconds.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            call_timeout: PoolOptions::default().call_timeout(),
            begin: None,
        }
    }

    /// Prepares no statement for longer than a transaction, as PgBouncer in transaction mode requires. Each call then begins
    /// and commits a transaction, which takes two more round trips.
    #[must_use]
    pub fn behind_pgbouncer(self) -> Self {
        Self {
            begin: Some(begin(PoolOptions::default().statement_timeout)),
            ..self
        }
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    ///
    /// The driver's error, which may hold values: convert it by [`postgres_error`](crate::postgres_error).
    pub async fn run(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Outcome, Error> {
        let mut lease = Lease::acquire(&self.pool).await?;
        let run = async {
            let connection = lease.connection();
            let Some(begin) = &self.begin else {
                return run(connection, query).await;
            };
            let begin = AssertSqlSafe(Arc::clone(begin));
            let mut transaction = connection.begin_with(begin).await?;
            let outcome = run(&mut transaction, query.persistent(false)).await?;
            transaction.commit().await?;
            Ok(outcome)
        };
        let result = bounded(self.call_timeout, run).await;
        if result.as_ref().err().is_none_or(leaves_connection_intact) {
            lease.give_back();
        }
        result
    }
}

async fn run(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    let mut steps = connection.fetch_many(query);
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => outcome.rows_affected += done.rows_affected(),
            Either::Right(row) => outcome.rows.push(row),
        }
    }
    Ok(outcome)
}

fn begin(statement_timeout: Duration) -> Arc<str> {
    let milliseconds = statement_timeout.as_millis();
    format!("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {milliseconds}")
        .into()
}
