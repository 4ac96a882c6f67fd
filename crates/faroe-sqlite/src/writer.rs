//! The one thread that writes, and its queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::error::{shared, without_message_of_trigger};

/// Writes that may wait; more wait for a place in the queue.
const QUEUE: usize = 1024;

/// Writes that share one transaction at most.
const BATCH: usize = 64;

/// The way to the thread. The thread ends after the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || work(&connection, jobs))?;
        Ok(Self { queue })
    }

    pub(crate) async fn run<T, C>(
        &self,
        operation: &'static str,
        change: C,
    ) -> Result<T, AdapterError>
    where
        T: Send + 'static,
        C: Fn(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let gone = || {
            AdapterError::new(
                operation,
                "the call panicked or the database's thread has ended",
            )
        };
        let (reply, answer) = oneshot::channel();
        let job = Change {
            change,
            result: None,
            reply,
        };
        self.queue.send(Box::new(job)).await.map_err(|_| gone())?;
        match answer.await {
            Ok(result) => result.map_err(|error| shared(operation, error)),
            Err(_) => Err(gone()),
        }
    }
}

/// A change that waits for its turn, then for its commit.
trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Runs the change, inside a transaction. Tells whether it may be committed.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers with what the change returned.
    fn finish(self: Box<Self>);

    /// Answers that the transaction has failed.
    fn fail(self: Box<Self>, error: Arc<Error>);
}

struct Change<T, C> {
    change: C,
    /// What the change returned; `None` before it has run and after it has panicked.
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Arc<Error>>>,
}

impl<T, C> Job for Change<T, C>
where
    T: Send,
    C: Fn(&Connection) -> Result<T, Error> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        // What a panic leaves behind in the connection is rolled back.
        self.result = catch_unwind(AssertUnwindSafe(|| (self.change)(connection))).ok();
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>) {
        if let Some(result) = self.result {
            // The caller may have gone; then nobody needs the answer.
            let _gone = self.reply.send(result.map_err(Arc::new));
        }
    }

    fn fail(self: Box<Self>, error: Arc<Error>) {
        let _gone = self.reply.send(Err(error));
    }
}

fn work(connection: &Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        batch.retain(|job| !job.is_abandoned());
        match commit(connection, &mut batch) {
            Ok(()) => batch.drain(..).for_each(|job| job.finish()),
            Err(Failure::OfTransaction(error)) => fail(&mut batch, error),
            // Each on its own, so that each has its own result.
            Err(Failure::OfOne(_)) => batch
                .drain(..)
                .for_each(|job| commit_alone(connection, job)),
        }
    }
}

fn commit_alone(connection: &Connection, job: Box<dyn Job>) {
    let mut batch = vec![job];
    match commit(connection, &mut batch) {
        Ok(()) | Err(Failure::OfOne(None)) => batch.drain(..).for_each(|job| job.finish()),
        Err(Failure::OfTransaction(error) | Failure::OfOne(Some(error))) => fail(&mut batch, error),
    }
}

fn fail(batch: &mut Vec<Box<dyn Job>>, error: Error) {
    let error = Arc::new(without_message_of_trigger(error));
    for job in batch.drain(..) {
        job.fail(Arc::clone(&error));
    }
}

/// Why nothing was committed.
enum Failure {
    /// One of the changes failed, or broke a constraint that is checked at the end (the error): it alone is to blame.
    OfOne(Option<Error>),
    /// The lock, the disk: nobody's fault.
    OfTransaction(Error),
}

/// Runs all changes in one transaction and commits it. After a failure nothing is changed.
fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    execute(connection, "BEGIN IMMEDIATE").map_err(Failure::OfTransaction)?;
    if !batch.iter_mut().all(|job| job.run(connection)) {
        roll_back(connection);
        return Err(Failure::OfOne(None));
    }
    execute(connection, "COMMIT").map_err(|error| {
        roll_back(connection);
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Failure::OfOne(Some(error)),
            _ => Failure::OfTransaction(error),
        }
    })
}

/// Ends the transaction, unless SQLite has already ended it.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // There is nothing better to do with an error than to let the next `BEGIN` report it.
        let _error = execute(connection, "ROLLBACK");
    }
}

fn execute(connection: &Connection, statement: &str) -> Result<(), Error> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
