//! Files: new ones, existing ones, and those that are not a database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use faroe_core::error::{AdapterError, ErrorChain};
use faroe_sqlite::{
    Database, Remembered, Synchronous,
    rusqlite::{Connection, backup::Progress},
};
use faroe_testkit::promise;
use futures::future::join_all;
use tempfile::TempDir;

fn error(path: &Path) -> String {
    let error = Database::open(path, Synchronous::Full).unwrap_err();
    let chain = ErrorChain(&error).to_string();
    assert!(chain.contains(path.to_str().unwrap()), "{chain}");
    chain
}

#[test]
fn what_cannot_be_opened_is_a_clear_error() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "not a database, but long enough to be mistaken for one\n".repeat(100),
    )
    .unwrap();
    assert!(error(&text).contains("file is not a database"));
    let missing = folder.path().join("missing").join("test.sqlite");
    assert!(error(&missing).contains("No such file or directory"));
    assert!(!missing.parent().unwrap().exists());
    error(folder.path());
    // Even root cannot create a file here.
    #[cfg(target_os = "linux")]
    assert!(error(Path::new("/sys/test.sqlite")).starts_with("create the SQLite database"));
    let absent = folder.path().join("absent.sqlite");
    Database::open_existing(&absent, Synchronous::Full).unwrap_err();
    assert!(!absent.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new().unwrap();
    let database = Database::open(folder.path().join("test.sqlite"), Synchronous::Full).unwrap();
    database
        .upgrade("test", &["CREATE TABLE a (a)"])
        .await
        .unwrap();
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    // The database, its write-ahead log and the index of that.
    assert_eq!(files, 3);
}

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a file?mode=memory#%41.sqlite");
    for expected in 0..3 {
        let database = Database::open(&path, Synchronous::Full).unwrap();
        database
            .upgrade("test", &["CREATE TABLE number (number)"])
            .await
            .unwrap();
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM number", [], |row| {
                row.get::<_, i64>(0)
            })
        };
        assert_eq!(database.read("count", count).await.unwrap(), expected);
        let add = |connection: &Connection| connection.execute("INSERT INTO number VALUES (1)", []);
        database.write("add", add).await.unwrap();
    }
}

const FIRST: &[&str] =
    &["CREATE TABLE note (text TEXT NOT NULL); INSERT INTO note VALUES ('first')"];
const SECOND: &[&str] = &[
    FIRST[0],
    "ALTER TABLE note ADD COLUMN stars INTEGER NOT NULL DEFAULT 3",
];
const BROKEN: &[&str] = &[
    SECOND[0],
    SECOND[1],
    "CREATE TABLE other (a)",
    "CREATE TABLE note (a)",
];

async fn notes(database: &Database) -> Vec<(String, i64)> {
    let query = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT text, stars FROM note")?;
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    database.read("read the notes", query).await.unwrap()
}

#[tokio::test]
async fn each_step_of_a_schema_runs_once_whoever_comes_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let handles: Vec<Database> = (0..8)
        .map(|_| Database::open(&path, Synchronous::Normal).unwrap())
        .collect();
    for steps in [FIRST, SECOND, SECOND] {
        let upgrades = handles
            .iter()
            .map(|database| database.upgrade("notes", steps));
        assert!(join_all(upgrades).await.iter().all(Result::is_ok));
    }
    assert_eq!(notes(&handles[0]).await, [("first".to_owned(), 3)]);

    let error = handles[0].upgrade("notes", FIRST).await.unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("newer version of notes")
    );
    handles[0]
        .upgrade("other", &["CREATE TABLE its_own (a)"])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_step_that_fails_undoes_the_others() {
    let database = Database::in_memory().unwrap();
    database.upgrade("notes", FIRST).await.unwrap();
    database.upgrade("notes", BROKEN).await.unwrap_err();
    database.upgrade("notes", SECOND).await.unwrap();
    assert_eq!(notes(&database).await.len(), 1);
    let other = |connection: &Connection| connection.execute("INSERT INTO other VALUES (1)", []);
    database.write("add", other).await.unwrap_err();
}

#[tokio::test]
async fn a_quoted_name_that_no_column_has_is_an_error() {
    let database = Database::in_memory().unwrap();
    database.upgrade("notes", FIRST).await.unwrap();
    let query = |connection: &Connection| {
        connection.query_row("SELECT \"absent\" FROM note", [], |_| Ok(()))
    };
    let error = database.read("read", query).await.unwrap_err();
    assert!(ErrorChain(&error).to_string().contains("no such column"));
}

const NUMBERS: &[&str] = &["CREATE TABLE number (number INTEGER NOT NULL) STRICT"];

async fn numbers(path: &Path) -> Database {
    let database = Database::open(path, Synchronous::Full).unwrap();
    database.upgrade("test", NUMBERS).await.unwrap();
    database
}

async fn add(database: &Database) -> Result<usize, AdapterError> {
    let add = |connection: &Connection| connection.execute("INSERT INTO number VALUES (1)", []);
    database.write("add a number", add).await
}

async fn count(database: &Database) -> Result<i64, AdapterError> {
    let count = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM number", [], |row| row.get(0))
    };
    database.read("count the numbers", count).await
}

/// The numbers in a file, read by nobody who knows of a write-ahead log elsewhere.
fn numbers_in(file: &Path) -> i64 {
    let connection = Connection::open(file).unwrap();
    let integrity: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
    connection
        .query_row("SELECT count(*) FROM number", [], |row| row.get(0))
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p64_a_database_that_is_closed_is_one_whole_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    for round in 1..=5 {
        let database = numbers(&path).await;
        let other = numbers(&path).await;
        let query = |connection: &Connection, _: &str| {
            connection.query_row("SELECT count(*) FROM number", [], |row| row.get(0))
        };
        let remembered: Remembered<i64> =
            Remembered::new(database.clone(), "count", query).unwrap();
        let tasks = (0..100).map(|_| {
            let (database, remembered) = (database.clone(), remembered.clone());
            tokio::spawn(async move {
                add(&database).await.unwrap();
                remembered.get("").await.unwrap();
                count(&database).await.unwrap()
            })
        });
        join_all(tasks).await;
        drop((remembered, other, database));
        assert_eq!(names(folder.path()), ["test.sqlite"]);
        let copy = TempDir::new().unwrap();
        let copied = copy.path().join("copy.sqlite");
        fs::copy(&path, &copied).unwrap();
        assert_eq!(numbers_in(&copied), 100 * round);
    }
    promise::report("P64", "SQLite: closed five times, one whole file each time");
}

#[tokio::test]
async fn p64_a_program_that_has_the_file_open_keeps_the_log_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let database = numbers(&path).await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN; SELECT * FROM number").unwrap();
    add(&database).await.unwrap();
    drop(database);
    assert!(path.with_extension("sqlite-wal").exists());
    drop(other);
    assert_eq!(names(folder.path()), ["test.sqlite"]);
    assert_eq!(numbers_in(&path), 1);
    promise::report(
        "P64",
        "SQLite: closed while another program has the file open",
    );
}

/// A name, and a way to go away from the first folder, with the second to spare.
#[cfg(unix)]
type Move = (&'static str, fn(&Path, &Path));

/// The ways in which a file goes away.
#[cfg(unix)]
const MOVES: [Move; 5] = [
    ("the folder is moved", |folder, elsewhere| {
        fs::rename(folder, elsewhere.join("folder")).unwrap();
    }),
    ("the folder is moved and made again", |folder, elsewhere| {
        fs::rename(folder, elsewhere.join("folder")).unwrap();
        fs::create_dir(folder).unwrap();
    }),
    ("the file is moved", |folder, elsewhere| {
        let file = folder.join("test.sqlite");
        fs::rename(file, elsewhere.join("test.sqlite")).unwrap();
    }),
    ("the file is replaced", |folder, elsewhere| {
        let backup = elsewhere.join("backup.sqlite");
        Connection::open(&backup)
            .unwrap()
            .execute_batch(NUMBERS[0])
            .unwrap();
        fs::rename(backup, folder.join("test.sqlite")).unwrap();
    }),
    ("the write-ahead log is removed", |folder, _| {
        fs::remove_file(folder.join("test.sqlite-wal")).unwrap();
    }),
];

#[cfg(unix)]
#[tokio::test]
async fn p64_no_write_is_acknowledged_into_a_file_that_was_removed_or_replaced() {
    for (name, go_away) in MOVES {
        let (parent, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let folder = parent.path().join("data");
        fs::create_dir(&folder).unwrap();
        let database = numbers(&folder.join("test.sqlite")).await;
        add(&database).await.unwrap();
        assert_eq!(count(&database).await.unwrap(), 1);
        go_away(&folder, elsewhere.path());
        for _ in 0..2 {
            let error = add(&database).await.unwrap_err();
            let chain = ErrorChain(&error).to_string();
            assert!(chain.contains("removed or replaced"), "{name}: {chain}");
            count(&database).await.unwrap_err();
        }
    }
    promise::report(
        "P64",
        format!("SQLite: {} ways to go away, before a write", MOVES.len()),
    );
}

#[cfg(unix)]
#[tokio::test]
async fn p64_no_write_is_acknowledged_if_the_file_goes_away_during_it() {
    for (name, go_away) in MOVES {
        let (parent, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let folder = parent.path().join("data");
        fs::create_dir(&folder).unwrap();
        let database = numbers(&folder.join("test.sqlite")).await;
        let change = {
            let (folder, elsewhere) = (folder.clone(), elsewhere.path().to_path_buf());
            move |connection: &Connection| {
                connection.execute("INSERT INTO number VALUES (1)", [])?;
                go_away(&folder, &elsewhere);
                Ok(())
            }
        };
        let added = database.write("add a number", change).await;
        assert!(added.is_err(), "{name}");
    }
    promise::report(
        "P64",
        format!("SQLite: {} ways to go away, during a write", MOVES.len()),
    );
}

/// The longest time in which a read may come from a file that was removed, and a margin for a busy machine.
#[cfg(unix)]
const NOTICED: Duration = Duration::from_secs(5);

#[cfg(unix)]
#[tokio::test]
async fn p64_reads_notice_it_without_a_write_and_work_again_when_the_file_is_back() {
    let folder = TempDir::new().unwrap();
    let (path, away) = (
        folder.path().join("test.sqlite"),
        folder.path().join("away.sqlite"),
    );
    let database = numbers(&path).await;
    let query = |connection: &Connection, _: &str| {
        connection.query_row("SELECT count(*) FROM number", [], |row| row.get(0))
    };
    let remembered: Remembered<i64> = Remembered::new(database.clone(), "count", query).unwrap();
    for round in 1..=2 {
        add(&database).await.unwrap();
        assert_eq!(remembered.get("").await.unwrap(), round);
        fs::rename(&path, &away).unwrap();
        let moved = Instant::now();
        while count(&database).await.is_ok() || remembered.get("").await.is_ok() {
            assert!(moved.elapsed() < NOTICED);
        }
        fs::rename(&away, &path).unwrap();
        add(&database).await.unwrap();
        assert_eq!(count(&database).await.unwrap(), round + 1);
        assert_eq!(remembered.get("").await.unwrap(), round + 1);
        let delete = |connection: &Connection| {
            connection.execute(
                "DELETE FROM number WHERE rowid = (SELECT max(rowid) FROM number)",
                [],
            )
        };
        database.write("remove a number", delete).await.unwrap();
    }
    promise::report("P64", "SQLite: reads and remembered answers within seconds");
}

#[tokio::test]
async fn p64_a_backup_during_writes_has_all_that_was_acknowledged_before_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let database = numbers(&path).await;
    let mut copies = 0;
    for round in 1..=10 {
        let writes = join_all((0..20).map(|_| add(&database))).await;
        assert!(writes.iter().all(Result::is_ok));
        let vacuumed = folder.path().join(format!("vacuumed {round}.sqlite"));
        let backed_up = folder.path().join(format!("backed up {round}.sqlite"));
        let writing = join_all((0..20).map(|_| add(&database)));
        let back_up = async {
            let connection = Connection::open(&path).unwrap();
            connection
                .execute("VACUUM INTO ?1", [vacuumed.to_str().unwrap()])
                .unwrap();
            let progress: Option<fn(Progress)> = None;
            connection.backup("main", &backed_up, progress).unwrap();
        };
        let (writes, ()) = tokio::join!(writing, back_up);
        assert!(writes.iter().all(Result::is_ok));
        for copy in [vacuumed, backed_up] {
            let found = numbers_in(&copy);
            assert!((40 * round - 20..=40 * round).contains(&found), "{found}");
            copies += 1;
        }
    }
    promise::report("P64", format!("SQLite: {copies} backups during writes"));
}

#[tokio::test]
async fn p64_a_restored_backup_is_what_the_next_start_finds() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.sqlite");
    let backup = folder.path().join("backup.sqlite");
    let database = numbers(&path).await;
    add(&database).await.unwrap();
    let text = backup.to_str().unwrap().to_owned();
    Connection::open(&path)
        .unwrap()
        .execute("VACUUM INTO ?1", [text])
        .unwrap();
    add(&database).await.unwrap();
    drop(database);
    fs::rename(&backup, &path).unwrap();
    let database = numbers(&path).await;
    assert_eq!(count(&database).await.unwrap(), 1);
    add(&database).await.unwrap();
    promise::report("P64", "SQLite: a backup restored");
}
