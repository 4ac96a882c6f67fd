//! The handle.

use std::{io, sync::Arc, time::Duration};

use faroe_core::error::AdapterError;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Error, Executor, PgConnection, PgPool, Postgres,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::time::timeout;

use crate::{
    error::{leaves_connection_intact, postgres_error},
    lease::Lease,
    options::{Options, STATEMENT_TIMEOUT},
};

/// A connection that was used this recently is not tested before it is used again.
const FRESH: Duration = Duration::from_secs(1);

/// How much longer than the server itself this waits for a statement to end.
const GRACE: Duration = Duration::from_millis(500);

/// What came of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many rows were inserted, updated, deleted or read.
    pub rows_affected: u64,
    /// The rows that it returned.
    pub rows: Vec<PgRow>,
}

/// A PostgreSQL database. Clones share its pool of connections.
///
/// Every call is one statement in one transaction, on any connection of the pool, and ends in bounded time. A call that
/// is dropped before its end may have its effect or not; its connection is closed.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    call_timeout: Duration,
    /// How a transaction is begun, where statements may not be prepared for longer than that.
    begin: Option<Arc<str>>,
}

impl Database {
    /// Connects as the URL says; see [`Options::from_url`].
    ///
    /// # Errors
    ///
    /// When the URL is wrong or the server cannot be reached, refuses the user or is not the one that it should be;
    /// within the acquire timeout.
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
        // The pool would hide the reason of a failure and try again; so the first connection is made without it.
        let first = timeout(
            options.acquire_timeout,
            PgConnection::connect_with(&connection),
        );
        let first = first.await.unwrap_or_else(|_| Err(timed_out()));
        let first = first.map_err(|error| postgres_error(OPERATION, &error))?;
        // It worked; how it ends tells nothing.
        let _closed = timeout(GRACE, first.close()).await;
        let pool = PgPoolOptions::new()
            .min_connections(options.min_connections)
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for >= FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(connection);
        Ok(Self {
            pool,
            call_timeout: options.statement_timeout.saturating_add(GRACE),
            begin: options.pgbouncer.then(|| begin(options.statement_timeout)),
        })
    }

    /// Uses a pool that is there already. Its own acquire timeout holds, and 2.5 seconds for a statement.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            call_timeout: STATEMENT_TIMEOUT.saturating_add(GRACE),
            begin: None,
        }
    }

    /// Prepares no statement for longer than a transaction, as PgBouncer in transaction mode wants it. Each call is then
    /// a transaction with a beginning and an end, which takes two more round trips.
    #[must_use]
    pub fn behind_pgbouncer(self) -> Self {
        Self {
            begin: Some(begin(STATEMENT_TIMEOUT)),
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
    /// The driver's own, which may hold values: pass it on by [`postgres_error`](crate::postgres_error) only.
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
        let result = timeout(self.call_timeout, run).await;
        let result = result.unwrap_or_else(|_| Err(timed_out()));
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

fn timed_out() -> Error {
    Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        "the server did not answer in time",
    ))
}
