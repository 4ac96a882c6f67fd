//! The one thread that writes, and its queue.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, Error, ErrorCode};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{
    error::plain,
    job::{Job, Ran},
    place::Place,
};

/// Writes that are queued. Further writes wait for a place in the queue.
const QUEUE: usize = 1024;

/// Writes that share one transaction at most.
const BATCH: usize = 64;

/// The queue of the thread, which ends after the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

/// The thread. Dropping this waits until the thread has ended and has closed its connection.
pub(crate) struct WriterThread(Option<JoinHandle<()>>);

impl Writer {
    /// Starts the thread. The database is in memory if it has no place.
    pub(crate) fn start(
        connection: Connection,
        place: Option<Arc<Place>>,
    ) -> std::io::Result<(Self, WriterThread)> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let target = Target { connection, place };
        let thread = thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || target.work(jobs))?;
        Ok((Self { queue }, WriterThread(Some(thread))))
    }

    /// Queues a job, which runs in a transaction that holds the write lock and is answered after the commit. Waits for a place
    /// in the queue; if the thread has ended, the job is dropped.
    pub(crate) async fn add(&self, job: Box<dyn Job>) {
        let _ended = self.queue.send(job).await;
    }

    /// Queues a job that has run and found the file locked. If the queue is full, that is its answer.
    pub(crate) fn add_or_finish(&self, job: Box<dyn Job>) {
        if let Err(TrySendError::Full(job)) = self.queue.try_send(job) {
            job.finish();
        }
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        let thread = self.0.take();
        // A job that holds the last handle is dropped on the thread itself.
        if let Some(thread) = thread.filter(|it| it.thread().id() != thread::current().id()) {
            let _panicked = thread.join();
        }
    }
}

/// The database that the thread writes.
struct Target {
    connection: Connection,
    /// `None` for a database in memory.
    place: Option<Arc<Place>>,
}

impl Target {
    fn work(&self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            batch.retain(|job| !job.is_abandoned());
            match self.commit(&mut batch) {
                Ok(()) => batch.drain(..).for_each(|job| job.finish()),
                Err(Failure::OfTransaction(error)) => fail(&mut batch, error),
                // Each on its own, so that each has its own result.
                Err(Failure::OfOne(_)) => batch.drain(..).for_each(|job| self.commit_alone(job)),
            }
        }
    }

    fn commit_alone(&self, job: Box<dyn Job>) {
        let mut batch = vec![job];
        match self.commit(&mut batch) {
            Ok(()) | Err(Failure::OfOne(None)) => batch.drain(..).for_each(|job| job.finish()),
            Err(Failure::OfTransaction(error) | Failure::OfOne(Some(error))) => {
                fail(&mut batch, error);
            }
        }
    }

    /// Runs all changes in one transaction and commits it. After a failure nothing is changed in the file that is there.
    fn commit(&self, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        self.check_place()?;
        commit(&self.connection, batch)?;
        // The file may have been removed or replaced during the transaction.
        self.check_place()
    }

    fn check_place(&self) -> Result<(), Failure> {
        let checked = self.place.as_ref().map_or(Ok(()), |place| place.check());
        checked.map_err(Failure::OfTransaction)
    }
}

fn fail(batch: &mut Vec<Box<dyn Job>>, error: Error) {
    let error = Arc::new(plain(error));
    for job in batch.drain(..) {
        job.fail(Arc::clone(&error));
    }
}

/// The reason why nothing was committed.
enum Failure {
    /// One of the changes failed, or violated a constraint that is checked at the end (the error).
    OfOne(Option<Error>),
    /// The lock, the disk, or a file that was removed or replaced: not caused by a change.
    OfTransaction(Error),
}

/// Runs all changes in one transaction and commits it. After a failure nothing is changed.
fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    execute(connection, "BEGIN IMMEDIATE").map_err(Failure::OfTransaction)?;
    if !batch.iter_mut().all(|job| job.run(connection) == Ran::Well) {
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
        // The next `BEGIN` reports an error.
        let _error = execute(connection, "ROLLBACK");
    }
}

pub(crate) fn execute(connection: &Connection, statement: &str) -> Result<(), Error> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
