//! Files: new ones, existing ones, and those that are not a database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use faroe_core::error::ErrorChain;
use faroe_sqlite::{Database, Synchronous, rusqlite::Connection};
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
