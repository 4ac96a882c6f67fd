//! The connections of a database.

use std::{cell::Cell, fmt, sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Connection, Database, Error, Pool, pool};
use tokio::time::timeout;

use crate::{
    AskRole, Lease, PoolOptions, Role, is_a_replica,
    role::{GIVEN_BACK, Watch},
};

/// The pool of a database. Clones share it.
///
/// Each connection is checked when it is new, and then once a second: before a call that finds it idle, or after a call. It is
/// closed if it is broken, does not answer within half a second, or leads to a server that is no primary; all idle ones are
/// then closed too, and the next are made by the name that the pool was given. So an outage or a failover is over for all calls
/// as soon as one has noticed it, and a pause costs no call.
pub struct Connections<DB: Database> {
    pool: Pool<DB>,
    watch: Option<Arc<Watch<DB>>>,
    acquire_timeout: Duration,
}

impl<DB: Database> Connections<DB> {
    /// A pool with these options, whose connections are checked by this question. `prepare` adds what the database needs.
    pub fn new(
        options: &PoolOptions,
        connection: <DB::Connection as Connection>::Options,
        ask: AskRole<DB>,
        prepare: impl FnOnce(pool::PoolOptions<DB>) -> pool::PoolOptions<DB>,
    ) -> Self
    where
        <DB::Connection as Connection>::Options: ConnectOptions<Connection = DB::Connection>,
    {
        let watch = Arc::new(Watch::new(ask));
        let watched = Arc::clone(&watch);
        let pool = options.build().before_acquire(move |_, metadata| {
            let may_use = watched.may_use(metadata.idle_for);
            Box::pin(async move { Ok(may_use) })
        });
        Self {
            pool: prepare(pool).connect_lazy_with(connection),
            watch: Some(watch),
            acquire_timeout: options.acquire_timeout,
        }
    }

    /// A pool of the caller's, whose connections are used unchecked.
    pub fn unwatched(pool: Pool<DB>) -> Self {
        Self {
            acquire_timeout: pool.options().get_acquire_timeout(),
            pool,
            watch: None,
        }
    }

    /// The pool itself.
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Takes a connection for one call.
    ///
    /// # Errors
    ///
    /// As for [`Pool::acquire`], and when a new connection leads to a replica.
    pub async fn acquire(&self) -> Result<Lease<DB>, Error> {
        let Some(watch) = &self.watch else {
            return Ok(Lease::new(self.pool.acquire().await?, None));
        };
        let acquired = timeout(self.acquire_timeout, self.acquire_watched(watch)).await;
        acquired.unwrap_or(Err(Error::PoolTimedOut))
    }

    async fn acquire_watched(&self, watch: &Arc<Watch<DB>>) -> Result<Lease<DB>, Error> {
        loop {
            let take = async {
                let connection = self.pool.acquire().await?;
                Ok::<_, Error>((connection, GIVEN_BACK.with(Cell::get)))
            };
            let (connection, given_back) = GIVEN_BACK.scope(Cell::new(None), take).await?;
            let mut lease = Lease::new(connection, Some(Arc::clone(watch)));
            let Some(given_back) = given_back else {
                return match watch.ask(lease.connection()).await? {
                    Role::Primary => Ok(lease),
                    Role::ReadOnly => Ok(lease.for_one_call()),
                    Role::Replica => Err(is_a_replica()),
                };
            };
            if !watch.is_due(given_back)
                || matches!(watch.ask(lease.connection()).await, Ok(Role::Primary))
            {
                return Ok(lease);
            }
            watch.distrust();
        }
    }
}

impl<DB: Database> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            watch: self.watch.clone(),
            acquire_timeout: self.acquire_timeout,
        }
    }
}

impl<DB: Database> fmt::Debug for Connections<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
