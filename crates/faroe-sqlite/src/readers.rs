//! Reads: those that come together share one transaction, for SQLite's locks cost as much as a look-up.

use std::{
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, Error};

use crate::{
    job::{Job, Ran},
    open,
    writer::Writer,
};

/// Connections that are kept for the next reads; as many as threads may read at once on a large machine.
const IDLE_CONNECTIONS: usize = 64;

/// Reads that share one transaction at most, so that other tasks get their turn between two.
const BATCH: usize = 64;

/// The connections that read, and the reads that wait for one.
pub(crate) struct Readers {
    path: PathBuf,
    /// Where a read goes that finds the file locked: it can wait there.
    writer: Writer,
    waiting: Mutex<Waiting>,
    idle: Mutex<Vec<Connection>>,
}

/// As many as there are callers who wait for them.
#[derive(Default)]
struct Waiting {
    jobs: Vec<Box<dyn Job>>,
    /// Whether a task is on its way to run them.
    is_attended: bool,
}

impl Readers {
    pub(crate) fn new(path: &Path, writer: Writer) -> Self {
        Self {
            path: path.to_path_buf(),
            writer,
            waiting: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has a job run soon, with those that are added before its turn comes.
    pub(crate) fn add(self: &Arc<Self>, job: Box<dyn Job>) {
        let mut waiting = lock(&self.waiting);
        waiting.jobs.push(job);
        if !mem::replace(&mut waiting.is_attended, true) {
            drop(waiting);
            let attendant = Attendant {
                readers: Arc::clone(self),
                is_done: false,
            };
            tokio::spawn(attendant.run());
        }
    }

    /// Runs and answers the jobs. Returns those that found the file locked.
    fn run(&self, batch: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(error) => {
                let error = Arc::new(error);
                batch
                    .into_iter()
                    .for_each(|job| job.fail(Arc::clone(&error)));
                return Vec::new();
            }
        };
        // Without a transaction each read has one of its own.
        let is_shared = batch.len() > 1 && execute(&connection, "BEGIN").is_ok();
        let mut busy = Vec::new();
        for mut job in batch {
            match job.run(&connection) {
                Ran::Well | Ran::Badly => job.finish(),
                Ran::Busy => busy.push(job),
            }
        }
        // SQLite may have ended it already, because of an error.
        if is_shared && !connection.is_autocommit() && execute(&connection, "COMMIT").is_err() {
            return busy;
        }
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
        busy
    }

    fn connection(&self) -> Result<Connection, Error> {
        let idle = lock(&self.idle).pop();
        idle.map_or_else(|| open::reader(&self.path), Ok)
    }
}

/// The one who runs what waits.
struct Attendant {
    readers: Arc<Readers>,
    /// Nothing waits any more; what comes from now on has an attendant of its own.
    is_done: bool,
}

impl Attendant {
    /// Runs what waits, each time after every other task that can run now has had its chance to add to it.
    async fn run(mut self) {
        while !self.is_done {
            tokio::task::yield_now().await;
            let batch = self.take();
            for job in self.readers.run(batch) {
                self.readers.writer.add(job).await;
            }
        }
    }

    fn take(&mut self) -> Vec<Box<dyn Job>> {
        let mut waiting = lock(&self.readers.waiting);
        let count = waiting.jobs.len().min(BATCH);
        let mut batch: Vec<_> = waiting.jobs.drain(..count).collect();
        self.is_done = waiting.jobs.is_empty();
        waiting.is_attended = !self.is_done;
        drop(waiting);
        batch.retain(|job| !job.is_abandoned());
        batch
    }
}

impl Drop for Attendant {
    /// A runtime that ends takes its tasks with it, but the database may be used from another.
    fn drop(&mut self) {
        if !self.is_done {
            *lock(&self.readers.waiting) = Waiting::default();
        }
    }
}

pub(crate) fn execute(connection: &Connection, statement: &str) -> Result<(), Error> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
