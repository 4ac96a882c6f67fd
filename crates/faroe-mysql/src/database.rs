//! The handle of a database.

use std::{sync::Arc, time::Duration};

use faroe_core::error::AdapterError;
use faroe_sql::{AskRole, Connections, Lease, PoolOptions, Role, bounded, is_a_replica};
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Error, Executor, MySql, MySqlConnection, MySqlPool, Row,
    mysql::{MySqlArguments, MySqlRow},
    query::Query,
    raw_sql,
};

use crate::{
    error::{is_deadlock, leaves_connection_intact, mysql_error},
    options::Options,
};

/// Attempts at a statement that deadlocks roll back.
const ATTEMPTS: usize = 8;

/// Asks the server for its role. A server that was set to read-only is taken for a replica, as failovers leave the old primary.
const ASK_ROLE: &str = "SELECT CASE
    WHEN CONCAT(@@global.read_only) NOT IN ('0', 'OFF') OR CONCAT(@@global.innodb_read_only) NOT IN ('0', 'OFF')
    THEN 'replica' ELSE 'primary' END";

/// A statement with its values.
pub type MySqlQuery<'q> = Query<'q, MySql, MySqlArguments>;

/// The outcome of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Number of rows inserted, deleted, read, or found by an update, even if the update left them as they were.
    pub rows_affected: u64,
    /// Rows that the statement returned.
    pub rows: Vec<MySqlRow>,
}

/// A MySQL or MariaDB database. Clones share its pool of connections.
///
/// Every call is one transaction, on any connection of the pool, and ends in bounded time. A transaction that a deadlock
/// rolled back is retried. A call that is dropped before its end may or may not have had its effect; its connection is
/// closed.
///
/// Each connection is checked once a second, and before its use after a pause: one that is broken, or whose server has become
/// read-only, is replaced by a new one, by name. A new connection to a read-only server is refused. So no answer comes from a
/// server that has been read-only for more than a second.
#[derive(Clone, Debug)]
pub struct Database {
    connections: Connections<MySql>,
    call_timeout: Duration,
}

impl Database {
    /// Connects by a URL; see [`Options::from_url`].
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached, refuses the user, shows an invalid certificate or is read-only.
    /// It takes no longer than the acquire timeout.
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
        // The pool hides the reason of a failure and connects again; so the first connection is made without it.
        let first = async {
            let mut first = MySqlConnection::connect_with(&connection).await?;
            begin_session(&mut first, &session).await?;
            match ask_role(&mut first).await? {
                Role::Primary | Role::ReadOnly => first.close().await,
                Role::Replica => Err(is_a_replica()),
            }
        };
        let first = bounded(options.pool.acquire_timeout, first).await;
        first.map_err(|error| mysql_error(OPERATION, &error))?;
        let ask: AskRole<MySql> = |connection| Box::pin(ask_role(connection));
        let connections = Connections::new(&options.pool, connection, ask, |pool| {
            pool.after_connect(move |connection, _| {
                let session = Arc::clone(&session);
                Box::pin(async move { begin_session(connection, &session).await })
            })
        });
        Ok(Self {
            connections,
            call_timeout: options.pool.call_timeout(),
        })
    }

    /// Uses an existing pool, with its acquire timeout. A call times out after 2.5 seconds. Its sessions must be in strict
    /// mode, which refuses values that are too long instead of truncating them. Connections are tested as the pool's options
    /// say, and not checked for a failover: only one that refuses a write because its server is read-only is closed.
    pub fn new(pool: MySqlPool) -> Self {
        Self {
            connections: Connections::unwatched(pool),
            call_timeout: PoolOptions::default().call_timeout(),
        }
    }

    /// The pool.
    pub fn pool(&self) -> &MySqlPool {
        self.connections.pool()
    }

    /// Takes a connection for several statements.
    pub(crate) async fn lease(&self) -> Result<Lease<MySql>, Error> {
        self.connections.acquire().await
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    ///
    /// The driver's error, which may hold values: convert it by [`mysql_error`](crate::mysql_error).
    pub async fn run<'q>(
        &self,
        query: impl Fn() -> MySqlQuery<'q> + Send + Sync,
    ) -> Result<Outcome, Error> {
        let mut lease = self.lease().await?;
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
        let result = bounded(self.call_timeout, run).await;
        given_back(lease, result)
    }

    /// Runs two statements to their end, in one transaction.
    ///
    /// # Errors
    ///
    /// As for [`Database::run`]. When one of them fails, or the second concerns no row ([`Error::RowNotFound`]), nothing is changed.
    pub async fn run_both<'q>(
        &self,
        first: impl Fn() -> MySqlQuery<'q> + Send + Sync,
        second: impl Fn() -> MySqlQuery<'q> + Send + Sync,
    ) -> Result<Outcome, Error> {
        let mut lease = self.lease().await?;
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
        let result = bounded(self.call_timeout, run_both).await;
        given_back(lease, result)
    }
}

/// Gives the connection back unless the error means that it cannot be used again.
fn given_back<T>(lease: Lease<MySql>, result: Result<T, Error>) -> Result<T, Error> {
    match &result {
        Err(error) if !leaves_connection_intact(error) => lease.give_up(error),
        _ => lease.give_back(),
    }
    result
}

async fn begin_session(connection: &mut MySqlConnection, session: &Arc<str>) -> Result<(), Error> {
    let session = raw_sql(AssertSqlSafe(Arc::clone(session)));
    connection.execute(session).await?;
    Ok(())
}

async fn ask_role(connection: &mut MySqlConnection) -> Result<Role, Error> {
    let answer = match connection.fetch_one(raw_sql(ASK_ROLE)).await {
        Ok(answer) => answer,
        // A database that is like MySQL may not know the question.
        Err(error) if leaves_connection_intact(&error) => return Ok(Role::Primary),
        Err(error) => return Err(error),
    };
    Ok(match answer.try_get::<&str, _>(0)? {
        "replica" => Role::Replica,
        _ => Role::Primary,
    })
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

/// Runs both statements in one transaction, and returns the outcome of the second.
async fn run_both(
    connection: &mut MySqlConnection,
    first: MySqlQuery<'_>,
    second: MySqlQuery<'_>,
) -> Result<Outcome, Error> {
    let mut transaction = connection.begin().await?;
    let outcome = async {
        run(&mut transaction, first).await?;
        let outcome = run(&mut transaction, second).await?;
        if outcome.rows.is_empty() && outcome.rows_affected == 0 {
            return Err(Error::RowNotFound);
        }
        Ok(outcome)
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
