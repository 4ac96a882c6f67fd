//! Opening connections.

use std::{
    error::Error as StdError,
    fs::OpenOptions,
    io::ErrorKind,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Error, OpenFlags, config::DbConfig};

use crate::{
    error::is_busy,
    place::{Identity, Place},
};

/// The longest wait of a write for another process. Shorter than the two seconds that the core waits.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1500);

/// The longest wait while other processes open or close the same file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared.
const PREPARED_STATEMENTS: usize = 64;

/// The moment at which a write is safe on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Before it is acknowledged. For users.
    Full,
    /// Soon after it is acknowledged: a power failure may undo the last writes, and never corrupts the file. For data that may
    /// be lost.
    Normal,
}

impl Synchronous {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// Creates the file for its owner only, if there is none.
pub(crate) fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens the connection that writes.
pub(crate) fn writer(
    path: &Path,
    synchronous: Synchronous,
) -> Result<(Connection, Place), Box<dyn StdError + Send + Sync>> {
    let identity = Identity::at(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if connection.is_readonly("main")? {
        return Err("the file is not writable".into());
    }
    let mode = use_write_ahead_log(&connection)?;
    if mode != "wal" {
        return Err(format!("a write-ahead log is unavailable, only {mode}").into());
    }
    connection.pragma_update(None, "synchronous", synchronous.as_str())?;
    let connection = prepared(connection)?;
    // The first read opens the write-ahead log.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let place = Place::of(&connection, path, identity)?;
    Ok((connection, place))
}

/// Opens a database that exists as long as its one connection.
pub(crate) fn in_memory() -> Result<Connection, Error> {
    prepared(Connection::open_in_memory()?)
}

/// Opens a connection that only reads, and that never waits for a lock.
pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    prepared(connection)
}

fn prepared(connection: Connection) -> Result<Connection, Error> {
    connection.pragma_update(None, "foreign_keys", true)?;
    // A quoted name of no column is an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}

/// SQLite does not wait by itself when two connections change the mode at once.
fn use_write_ahead_log(connection: &Connection) -> Result<String, Error> {
    let deadline = Instant::now() + OPEN_TIMEOUT;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match mode {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            mode => return mode,
        }
    }
}
