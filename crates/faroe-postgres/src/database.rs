//! The handle of a database.

use std::{sync::Arc, time::Duration};

use faroe_core::error::AdapterError;
use faroe_sql::{AskRole, Connections, Lease, PoolOptions, Role, bounded, is_a_replica};
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Either, Error, Executor, PgConnection, PgPool, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
    raw_sql,
};
use tokio::time::timeout;

use crate::{
    error::{leaves_connection_intact, postgres_error},
    options::Options,
};

/// The longest wait for the server's goodbye when a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Asks the server for its role. A server in recovery is a replica. One that was only set to read-only is up to date.
const ASK_ROLE: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN 'replica'
    WHEN current_setting('transaction_read_only') = 'on' THEN 'read-only' ELSE 'primary' END";

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
///
/// Each connection is checked once a second, and before its use after a pause: one that is broken, or whose server has become a
/// replica or read-only, is replaced by a new one, by name. A new connection to a replica is refused. So no answer comes from a
/// server that has been a replica for more than a second.
#[derive(Clone, Debug)]
pub struct Database {
    connections: Connections<Postgres>,
    call_timeout: Duration,
    /// The statement that begins a transaction. `None` unless prepared statements must not outlive a transaction.
    begin: Option<Arc<str>>,
}

impl Database {
    /// Connects by a URL; see [`Options::from_url`].
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached, refuses the user, shows an invalid certificate or is a replica.
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
        const OPERATION: &str = "connect to PostgreSQL";
        let (connection, session) = (options.connection(), options.session());
        // The pool hides the reason of a failure and connects again; so the first connection is made without it.
        let first = async {
            let mut first = PgConnection::connect_with(&connection).await?;
            begin_session(&mut first, session.as_ref()).await?;
            match ask_role(&mut first).await? {
                Role::Primary | Role::ReadOnly => Ok(first),
                Role::Replica => Err(is_a_replica()),
            }
        };
        let first = bounded(options.pool.acquire_timeout, first).await;
        let first = first.map_err(|error| postgres_error(OPERATION, &error))?;
        // The connection has proved that it works; the way it ends does not matter.
        let _closed = timeout(CLOSE_TIMEOUT, first.close()).await;
        let ask: AskRole<Postgres> = |connection| Box::pin(ask_role(connection));
        let connections = Connections::new(&options.pool, connection, ask, |pool| {
            pool.after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move { begin_session(connection, session.as_ref()).await })
            })
        });
        Ok(Self {
            connections,
            call_timeout: options.pool.call_timeout(),
            begin: options
                .pgbouncer
                .then(|| begin(options.pool.statement_timeout)),
        })
    }

    /// Uses an existing pool, with its acquire timeout. A statement times out after 2.5 seconds. Connections are tested as the
    /// pool's options say, and not checked for a failover: only one that refuses a write because its server is read-only is
    /// closed.
    pub fn new(pool: PgPool) -> Self {
        Self {
            connections: Connections::unwatched(pool),
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
        self.connections.pool()
    }

    /// Takes a connection for several statements.
    pub(crate) async fn lease(&self) -> Result<Lease<Postgres>, Error> {
        self.connections.acquire().await
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    ///
    /// The driver's error, which may hold values: convert it by [`postgres_error`](crate::postgres_error).
    pub async fn run(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Outcome, Error> {
        let mut lease = self.lease().await?;
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
        match &result {
            Err(error) if !leaves_connection_intact(error) => lease.give_up(error),
            _ => lease.give_back(),
        }
        result
    }
}

async fn begin_session(
    connection: &mut PgConnection,
    session: Option<&Arc<str>>,
) -> Result<(), Error> {
    if let Some(session) = session {
        let session = raw_sql(AssertSqlSafe(Arc::clone(session)));
        connection.execute(session).await?;
    }
    Ok(())
}

async fn ask_role(connection: &mut PgConnection) -> Result<Role, Error> {
    let answer = match connection.fetch_one(raw_sql(ASK_ROLE)).await {
        Ok(answer) => answer,
        // A database that is like PostgreSQL may not know the question.
        Err(error) if leaves_connection_intact(&error) => return Ok(Role::Primary),
        Err(error) => return Err(error),
    };
    Ok(match answer.try_get::<&str, _>(0)? {
        "replica" => Role::Replica,
        "read-only" => Role::ReadOnly,
        _ => Role::Primary,
    })
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
