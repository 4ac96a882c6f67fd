//! The place of a database's files, and the check that they are still there.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Error, ffi};

/// The time after which a read checks the files again.
const INTERVAL: Duration = Duration::from_secs(1);

const MOVED: &str = "the file was removed or replaced while it was in use; \
     put it back, or restart this process to use the file that is there now";

/// The files that were opened at a path.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// The write-ahead log, which exists as long as a connection is open. SQLite keeps it beside the file that links lead to.
    log: PathBuf,
    file_identity: Identity,
    log_identity: Identity,
    opened: Instant,
    /// Milliseconds from the opening to the last check.
    last_check: AtomicU64,
    is_moved: AtomicBool,
}

impl Place {
    /// The files of a connection that has been opened at this path and has read. Its file was `before` when it was opened.
    pub(crate) fn of(
        connection: &Connection,
        path: &Path,
        before: Identity,
    ) -> Result<Self, io::Error> {
        let mut log = OsString::from(connection.path().unwrap_or_default());
        log.push("-wal");
        let log = PathBuf::from(log);
        let place = Self {
            path: path.to_path_buf(),
            log_identity: Identity::at(&log)?,
            log,
            file_identity: before,
            opened: Instant::now(),
            last_check: AtomicU64::new(0),
            is_moved: AtomicBool::new(false),
        };
        if place.is_moved() {
            return Err(io::Error::other("it was replaced meanwhile"));
        }
        Ok(place)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the paths still lead to the files that were opened. Costs two system calls.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.last_check.store(self.now(), Ordering::Relaxed);
        let is_moved = self.is_moved();
        self.is_moved.store(is_moved, Ordering::Relaxed);
        if is_moved { Err(moved()) } else { Ok(()) }
    }

    /// Checks the same, at most once a second: files that were moved are noticed a second later at most.
    pub(crate) fn check_now_and_then(&self) -> Result<(), Error> {
        let age = self
            .now()
            .saturating_sub(self.last_check.load(Ordering::Relaxed));
        if u128::from(age) >= INTERVAL.as_millis() {
            self.check()
        } else if self.is_moved.load(Ordering::Relaxed) {
            Err(moved())
        } else {
            Ok(())
        }
    }

    fn is_moved(&self) -> bool {
        let is_at = |identity: &Identity, path| {
            // Permissions that were taken away, or too many open files, are no move.
            Identity::at(path).map_or_else(
                |error| error.kind() == io::ErrorKind::NotFound,
                |found| found != *identity,
            )
        };
        is_at(&self.file_identity, &self.path) || is_at(&self.log_identity, &self.log)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn moved() -> Error {
    Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED),
        Some(MOVED.to_owned()),
    )
}

/// The identity of a file, which no other file has while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    /// The identity of the file at this path.
    pub(crate) fn at(path: &Path) -> Result<Self, io::Error> {
        let metadata = fs::metadata(path)?;
        Ok(Self::of(&metadata))
    }

    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Elsewhere a file that is in use can be neither removed nor replaced.
    #[cfg(not(unix))]
    fn of(_metadata: &fs::Metadata) -> Self {
        Self {}
    }
}
