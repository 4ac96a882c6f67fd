//! The handle.

use std::{io, sync::Arc, time::Duration};

use faroe_core::error::AdapterError;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Error, Executor, MySql, MySqlConnection, MySqlPool,
    mysql::{MySqlArguments, MySqlPoolOptions, MySqlRow},
    query::Query,
    raw_sql,
};
use tokio::time::timeout;

use crate::{
    error::{is_deadlock, leaves_connection_intact, mysql_error},
    lease::Lease,
    options::{Options, STATEMENT_TIMEOUT},
};

/// A connection that was used this recently is not tested before it is used again.
const FRESH: Duration = Duration::from_secs(1);

/// How much longer than the server itself this waits for a statement to end.
const GRACE: Duration = Duration::from_millis(500);

/// How often a statement is tried that a deadlock has rolled back.
const ATTEMPTS: usize = 8;

/// A statement with its values.
pub type MySqlQuery<'q> = Query<'q, MySql, MySqlArguments>;

/// What came of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many rows were inserted, deleted or read, or were found by an update, whether or not it made them different.
    pub rows_affected: u64,
    /// The rows that it returned.
    pub rows: Vec<MySqlRow>,
}

/// A MySQL or MariaDB database. Clones share its pool of connections.
///
/// Every call is one transaction, on any connection of the pool, and ends in bounded time. One that a deadlock has rolled
/// back is tried again. A call that is dropped before its end may have its effect or not; its connection is closed.
#[derive(Clone, Debug)]
pub struct Database {
    pool: MySqlPool,
    call_timeout: Duration,
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
        const OPERATION: &str = "connect to MySQL";
        let (connection, session) = (options.connection(), options.session());
        // The pool would hide the reason of a failure and try again; so the first connection is made without it.
        let first = async {
            let mut first = MySqlConnection::connect_with(&connection).await?;
            begin_session(&mut first, &session).await?;
            first.close().await
        };
        let first = timeout(options.acquire_timeout, first).await;
        let first = first.unwrap_or_else(|_| Err(timed_out()));
        first.map_err(|error| mysql_error(OPERATION, &error))?;
        let pool = MySqlPoolOptions::new()
            .min_connections(options.min_connections)
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let session = Arc::clone(&session);
                Box::pin(async move { begin_session(connection, &session).await })
            })
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
        })
    }

    /// Uses a pool that is there already. Its own acquire timeout holds, and 2.5 seconds for a call. Its sessions must be in
    /// strict mode, in which nothing that is too long is cut off.
    pub fn new(pool: MySqlPool) -> Self {
        Self {
            pool,
            call_timeout: STATEMENT_TIMEOUT.saturating_add(GRACE),
        }
    }

    /// The pool.
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    ///
    /// The driver's own, which may hold values: pass it on by [`mysql_error`](crate::mysql_error) only.
    pub async fn run<'q>(
        &self,
        query: impl Fn() -> MySqlQuery<'q> + Send + Sync,
    ) -> Result<Outcome, Error> {
        let mut lease = Lease::acquire(&self.pool).await?;
        let run = async {
            let mut attempts = 1;
            loop {
                let result = run(lease.connection(), query()).await;
                match &result {
                    Err(error) if is_deadlock(error) && attempts < ATTEMPTS => attempts += 1,
                    _ => return result,
                }
            }
        };
        let result = timeout(self.call_timeout, run).await;
        given_back(lease, result.unwrap_or_else(|_| Err(timed_out())))
    }

    /// Runs two statements to their end, in one transaction.
    ///
    /// # Errors
    ///
    /// As for [`Database::run`]. When one of them fails, nothing is changed.
    pub async fn run_both<'q>(
        &self,
        first: impl Fn() -> MySqlQuery<'q> + Send + Sync,
        second: impl Fn() -> MySqlQuery<'q> + Send + Sync,
    ) -> Result<Outcome, Error> {
        let mut lease = Lease::acquire(&self.pool).await?;
        let run_both = async {
            let mut attempts = 1;
            loop {
                let result = run_both(lease.connection(), first(), second()).await;
                match &result {
                    Err(error) if is_deadlock(error) && attempts < ATTEMPTS => attempts += 1,
                    _ => return result,
                }
            }
        };
        let result = timeout(self.call_timeout, run_both).await;
        given_back(lease, result.unwrap_or_else(|_| Err(timed_out())))
    }
}

/// Gives the connection back unless the error says that it cannot be used again.
fn given_back<T>(lease: Lease, result: Result<T, Error>) -> Result<T, Error> {
    if result.as_ref().err().is_none_or(leaves_connection_intact) {
        lease.give_back();
    }
    result
}

async fn begin_session(connection: &mut MySqlConnection, session: &Arc<str>) -> Result<(), Error> {
    let session = raw_sql(AssertSqlSafe(Arc::clone(session)));
    connection.execute(session).await?;
    Ok(())
}

async fn run(connection: &mut MySqlConnection, query: MySqlQuery<'_>) -> Result<Outcome, Error> {
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

/// What came of the second statement.
async fn run_both(
    connection: &mut MySqlConnection,
    first: MySqlQuery<'_>,
    second: MySqlQuery<'_>,
) -> Result<Outcome, Error> {
    let mut transaction = connection.begin().await?;
    let outcome = async {
        run(&mut transaction, first).await?;
        run(&mut transaction, second).await
    };
    match outcome.await {
        Ok(outcome) => {
            transaction.commit().await?;
            Ok(outcome)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

fn timed_out() -> Error {
    Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        "the server did not answer in time",
    ))
}
