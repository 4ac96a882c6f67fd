//! The handle of a database.

use std::{error::Error as StdError, fmt, path::Path, sync::Arc};

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error};

use crate::{
    changes::Changes,
    error::sqlite_error,
    job::job,
    open::{self, Synchronous},
    reader::Reader,
    writer::{Writer, WriterThread},
};

/// A SQLite database. Clones share its connections.
///
/// Every call takes effect at one moment between its call and its return, and a read sees every write that was
/// acknowledged before, also by another process. A call that is dropped before its end may or may not have had its effect.
///
/// Dropping the last clone closes the connections, and waits until they are closed, usually for milliseconds. If nobody else
/// has the file open, it is then a single whole file: all writes have moved there from the write-ahead log, which is removed.
///
/// If the file or its write-ahead log is removed or replaced meanwhile, no write is acknowledged any more, and reads fail
/// after a second at most. Both work again when the same file is put back.
#[derive(Clone)]
pub struct Database(Arc<Connections>);

/// The connections, in the order in which they are closed: the one that writes comes last, because only it can empty and
/// remove the write-ahead log.
struct Connections {
    /// `None` for a database in memory: its one connection is the writer's.
    reader: Option<Reader>,
    writer: Writer,
    _thread: WriterThread,
}

impl Database {
    /// Opens the file, and creates it if it is missing. Blocks, usually for milliseconds.
    ///
    /// # Errors
    ///
    /// When the folder is missing or not writable, and as for [`Database::open_existing`].
    pub fn open(path: impl AsRef<Path>, synchronous: Synchronous) -> Result<Self, AdapterError> {
        let path = path.as_ref();
        open::create_file(path).map_err(|error| {
            AdapterError::new(
                format!("create the SQLite database {}", path.display()),
                error,
            )
        })?;
        Self::open_existing(path, synchronous)
    }

    /// Opens the file, which must exist.
    ///
    /// # Errors
    ///
    /// When the file is missing, not writable or not a SQLite database, or stays locked for five seconds.
    pub fn open_existing(
        path: impl AsRef<Path>,
        synchronous: Synchronous,
    ) -> Result<Self, AdapterError> {
        let path = path.as_ref();
        let open = || {
            let (connection, place) = open::writer(path, synchronous)?;
            let place = Arc::new(place);
            let (writer, thread) = Writer::start(connection, Some(Arc::clone(&place)))?;
            Ok(Self::of(
                Some(Reader::new(place, writer.clone())),
                writer,
                thread,
            ))
        };
        open().map_err(|error: Box<dyn StdError + Send + Sync>| {
            AdapterError::new(
                format!("open the SQLite database {}", path.display()),
                error,
            )
        })
    }

    /// Opens a new database in memory, which exists until the last clone of this handle is dropped.
    ///
    /// # Errors
    ///
    /// When memory or a thread cannot be allocated.
    pub fn in_memory() -> Result<Self, AdapterError> {
        const OPERATION: &str = "open a SQLite database in memory";
        let connection = open::in_memory().map_err(|error| sqlite_error(OPERATION, error))?;
        let started = Writer::start(connection, None);
        let (writer, thread) = started.map_err(|error| AdapterError::new(OPERATION, error))?;
        Ok(Self::of(None, writer, thread))
    }

    fn of(reader: Option<Reader>, writer: Writer, thread: WriterThread) -> Self {
        Self(Arc::new(Connections {
            reader,
            writer,
            _thread: thread,
        }))
    }

    /// Runs a query. `operation` names it in errors, such as `get a user`.
    ///
    /// The query runs on a thread of the runtime, between other tasks: look up a few rows by an index, no more. Concurrent
    /// queries share one transaction. A query that finds the file locked waits for a turn to write, and then runs again.
    ///
    /// # Errors
    ///
    /// When the query fails, or the file was removed or replaced.
    pub async fn read<T, Q>(&self, operation: &'static str, query: Q) -> Result<T, AdapterError>
    where
        T: Send + 'static,
        Q: Fn(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (job, answer) = job(operation, query);
        match &self.0.reader {
            Some(reader) => reader.run(job).await,
            None => self.0.writer.add(job).await,
        }
        answer.wait().await
    }

    /// Runs a change in a transaction that holds the write lock, and commits it if it returns `Ok`; otherwise nothing is
    /// changed. Waits when 1,024 writes are queued.
    ///
    /// The change must neither commit nor roll back. It may run again, from the same state, when another change in the same
    /// transaction failed.
    ///
    /// # Errors
    ///
    /// When the change or the commit fails, another process holds the write lock for longer than 1.5 seconds, or the file was
    /// removed or replaced. In the last case the change may be in the file that was there before.
    pub async fn write<T, C>(&self, operation: &'static str, change: C) -> Result<T, AdapterError>
    where
        T: Send + 'static,
        C: Fn(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (job, answer) = job(operation, change);
        self.0.writer.add(job).await;
        answer.wait().await
    }

    /// Watches the file for changes, also by other processes. `None` for a database in memory.
    pub(crate) fn changes(&self) -> Result<Option<Changes>, Error> {
        match &self.0.reader {
            Some(reader) => Changes::seen_by(reader.open()?),
            None => Ok(None),
        }
    }

    /// Checks now and then that the file was neither removed nor replaced.
    pub(crate) fn check_now_and_then(&self) -> Result<(), Error> {
        let reader = self.0.reader.as_ref();
        reader.map_or(Ok(()), |reader| reader.place().check_now_and_then())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.reader.as_ref().map(|reader| reader.place().path());
        f.debug_struct("Database")
            .field("path", &path)
            .finish_non_exhaustive()
    }
}
