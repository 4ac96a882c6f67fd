//! The detection of changes to a database, without a lock or a system call. This has unsafe code.
//!
//! In WAL mode all connections to a file, also those of other processes, share a piece of memory, the WAL-index. It begins
//! with a header of 48 bytes: the length of the committed part of the log, and a checksum of all of it. SQLite writes it
//! again at the end of each commit, before the commit can be seen, and reads it at the start of each transaction:
//! <https://www.sqlite.org/walformat.html#the_wal_index_file_format>. Asked for `PRAGMA data_version` it looks there too,
//! but first takes locks on the file, for which threads wait.
#![expect(
    unsafe_code,
    reason = "SQLite has no safe call that shows this memory, and with its locks a check of a session takes a fifth longer"
)]

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use rusqlite::{Connection, Error, ffi};

/// The header's length, in words of 4 bytes.
const WORDS: usize = 12;

/// The format of a header, which is its first word. Another format, or a header not yet written, is not used.
const VERSION: u32 = 3_007_000;

/// The size in bytes of the pieces in which the WAL-index is mapped.
const REGION: i32 = 32_768;

/// Watches a database for changes.
pub(crate) struct Changes {
    /// Lives for as long as the connection.
    header: NonNull<[AtomicU32; WORDS]>,
    /// Holds the memory, and is not used otherwise.
    _connection: Mutex<Connection>,
}

/// The state of a database at some moment. Two that are equal mean that nothing was changed between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State([u32; WORDS]);

// SAFETY: the pointer leads to memory that belongs to no thread, and is only read through, by atomic operations.
unsafe impl Send for Changes {}
// SAFETY: as above; the connection is behind a mutex.
unsafe impl Sync for Changes {}

impl Changes {
    /// Watches through this connection. `None` if it shares no memory with others.
    pub(crate) fn seen_by(connection: Connection) -> Result<Option<Self>, Error> {
        // The memory is mapped by the first read.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let header = wal_index(&connection).map(|start| Self {
            header: start.cast(),
            _connection: Mutex::new(connection),
        });
        Ok(header)
    }

    /// The current state. Later reads see this state or a later one. `None` if it is not known.
    pub(crate) fn state(&self) -> Option<State> {
        // SAFETY: the connection, which this holds, keeps the memory mapped and its file as long as it is; it is aligned to
        // pages and longer than the header.
        let header = unsafe { self.header.as_ref() };
        // Read during a write, this may be old in part. It is never entirely old once the change can be seen: SQLite lets no
        // connection see it before the last word is written.
        let state = header.each_ref().map(|word| word.load(Ordering::Acquire));
        (state[0] == VERSION).then_some(State(state))
    }
}

/// The start of the WAL-index of a connection that has read in WAL mode.
fn wal_index(connection: &Connection) -> Option<NonNull<c_void>> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    let mut start: *mut c_void = ptr::null_mut();
    // SAFETY: the connection is used only here meanwhile. SQLite writes the pointer to its file, which by its documentation
    // is valid while the connection is open. Its methods follow the documented interface: version 2 and later has
    // `xShmMap`, which with 0 as the fourth argument returns existing memory and creates none.
    let result = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        );
        let methods = file.as_ref()?.pMethods.as_ref()?;
        if methods.iVersion < 2 {
            return None;
        }
        methods.xShmMap?(file, 0, REGION, 0, &raw mut start)
    };
    if result == ffi::SQLITE_OK {
        NonNull::new(start)
    } else {
        None
    }
}
