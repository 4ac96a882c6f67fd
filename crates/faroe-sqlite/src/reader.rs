//! Reads: concurrent ones share one transaction, and threads use connections of their own.
//!
//! Within a process SQLite takes its locks on a file one after the other. That costs as much as a look-up, and threads that
//! meet there sleep. So a task that reads yields to the other tasks first. When it runs again, it runs all queries that wait
//! by then on its thread's connection, its own and theirs.

use std::{
    array,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{Connection, Error};

use crate::{
    job::{Job, Ran},
    open,
    place::Place,
    writer::{Writer, execute},
};

/// Connections that read. Threads beyond that share one.
pub(crate) const LANES: usize = 16;

/// Reads that share one transaction at most.
const BATCH: usize = 64;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LANE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % LANES;
}

/// The index of the lane that this thread uses.
pub(crate) fn lane() -> usize {
    LANE.with(|lane| *lane)
}

/// The connections that read, and the queries that wait for them.
pub(crate) struct Reader {
    place: Arc<Place>,
    /// Takes the queries that find the file locked, because it can wait.
    writer: Writer,
    lanes: [Lane; LANES],
}

#[derive(Default)]
struct Lane {
    /// As many as there are callers, each of which will run those that are left.
    waiting: Mutex<Vec<Box<dyn Job>>>,
    /// `None` before the first query and after a failure.
    connection: Mutex<Option<Connection>>,
}

impl Reader {
    pub(crate) fn new(place: Arc<Place>, writer: Writer) -> Self {
        Self {
            place,
            writer,
            lanes: array::from_fn(|_| Lane::default()),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Opens a new connection that reads the file that the writer has open.
    pub(crate) fn open(&self) -> Result<Connection, Error> {
        // A connection to a file that was removed would make a new write-ahead log.
        self.place.check()?;
        let connection = open::reader(self.place.path())?;
        self.place.check()?;
        Ok(connection)
    }

    /// Runs a query, here or by another caller.
    pub(crate) async fn run(&self, job: Box<dyn Job>) {
        let lane = &self.lanes[lane()];
        lock(&lane.waiting).push(job);
        tokio::task::yield_now().await;
        loop {
            let batch = lane.next_batch();
            if batch.is_empty() {
                return;
            }
            self.run_batch(batch, &mut lock(&lane.connection));
        }
    }

    fn run_batch(&self, batch: Vec<Box<dyn Job>>, connection: &mut Option<Connection>) {
        let checked = self.place.check_now_and_then();
        let opened = checked.and_then(|()| connection.take().map_or_else(|| self.open(), Ok));
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return fail(batch, error),
        };
        // Without a transaction each read has one of its own.
        let is_shared = batch.len() > 1 && execute(&opened, "BEGIN").is_ok();
        for job in batch {
            self.run_one(job, &opened);
        }
        // SQLite may have ended the transaction because of an error.
        if is_shared && !opened.is_autocommit() && execute(&opened, "COMMIT").is_err() {
            return;
        }
        *connection = Some(opened);
    }

    /// Runs and answers a query if its caller still waits.
    fn run_one(&self, mut job: Box<dyn Job>, connection: &Connection) {
        if job.is_abandoned() {
            return;
        }
        match job.run(connection) {
            Ran::Well | Ran::Badly => job.finish(),
            Ran::Busy => self.writer.add_or_finish(job),
        }
    }
}

impl Lane {
    fn next_batch(&self) -> Vec<Box<dyn Job>> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }
}

fn fail(batch: Vec<Box<dyn Job>>, error: Error) {
    let error = Arc::new(error);
    for job in batch {
        job.fail(Arc::clone(&error));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
