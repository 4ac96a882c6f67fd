//! Concurrent callers of one file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cell::RefCell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use faroe_core::error::{AdapterError, ErrorChain};
use faroe_sqlite::{
    Database, Remembered, Synchronous,
    rusqlite::{self, Connection},
};
use futures::{FutureExt, future::join_all};
use tempfile::TempDir;
use tokio::{runtime::Builder, sync::Notify, task::JoinHandle};

const SCHEMA: &[&str] = &[
    "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;
     INSERT INTO counter VALUES (0, 0);
     CREATE TABLE name (name TEXT NOT NULL PRIMARY KEY) STRICT;
     CREATE TABLE child (counter INTEGER REFERENCES counter (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
     CREATE TRIGGER refuse BEFORE INSERT ON name WHEN new.name LIKE 'refused%'
        BEGIN SELECT RAISE(ABORT, 'canary'); END;
     CREATE TRIGGER undo BEFORE INSERT ON name WHEN new.name = 'undone'
        BEGIN SELECT RAISE(ROLLBACK, 'canary'); END;",
];

async fn open(folder: &TempDir) -> Database {
    let path = folder.path().join("test.sqlite");
    let database = Database::open(path, Synchronous::Normal).unwrap();
    database.upgrade("test", SCHEMA).await.unwrap();
    database
}

/// Reads first and writes later, so that two concurrent ones would lose one.
fn increment(connection: &Connection) -> rusqlite::Result<i64> {
    let value: i64 = connection.query_row("SELECT value FROM counter WHERE id = 0", [], |row| {
        row.get(0)
    })?;
    connection.execute("UPDATE counter SET value = ?1 WHERE id = 0", [value + 1])?;
    Ok(value + 1)
}

fn add_name(
    name: &'static str,
) -> impl Fn(&Connection) -> rusqlite::Result<usize> + Send + 'static {
    move |connection| connection.execute("INSERT INTO name VALUES (?1)", [name])
}

async fn value(database: &Database) -> i64 {
    let query = |connection: &Connection| {
        connection.query_row("SELECT value FROM counter WHERE id = 0", [], |row| {
            row.get(0)
        })
    };
    database.read("read the counter", query).await.unwrap()
}

async fn names(database: &Database) -> Vec<String> {
    let query = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT name FROM name ORDER BY name")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    database.read("read the names", query).await.unwrap()
}

/// Keeps the writer busy from now until the sender is used or dropped, so that what is written meanwhile shares a
/// transaction of its own.
async fn occupy(database: &Database) -> (mpsc::Sender<()>, JoinHandle<Result<(), AdapterError>>) {
    let (free, occupied) = mpsc::channel::<()>();
    let occupied = std::sync::Mutex::new(occupied);
    let started = Arc::new(Notify::new());
    let start = Arc::clone(&started);
    let wait = move |_: &Connection| {
        start.notify_one();
        let _freed = occupied.lock().unwrap().recv();
        Ok(())
    };
    let database = database.clone();
    let write = tokio::spawn(async move { database.write("occupy the writer", wait).await });
    started.notified().await;
    (free, write)
}

#[tokio::test]
async fn increments_of_many_tasks_on_two_handles_add_up() {
    let folder = TempDir::new().unwrap();
    let handles = [open(&folder).await, open(&folder).await];
    let results =
        join_all((0..200).map(|task| handles[task % 2].write("increment", increment))).await;
    let mut seen: Vec<i64> = results.into_iter().map(Result::unwrap).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
    assert_eq!(value(&handles[0]).await, 200);
}

#[tokio::test]
async fn a_read_sees_what_another_handle_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (open(&folder).await, open(&folder).await);
    for expected in 1..=100 {
        one.write("increment", increment).await.unwrap();
        assert_eq!(value(&other).await, expected);
    }
}

#[tokio::test]
async fn each_write_of_a_shared_transaction_has_its_own_result() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let (free, _occupied) = occupy(&database).await;
    let orphan = |connection: &Connection| connection.execute("INSERT INTO child VALUES (77)", []);
    let panic = |_: &Connection| -> rusqlite::Result<usize> { panic!("as a change might") };
    let write = |name: &'static str| database.write("add a name", add_name(name));
    let (a, again, orphan, refused, b, undone, panicked, c, ()) = tokio::join!(
        biased;
        write("a"),
        write("a"),
        database.write("add an orphan", orphan),
        write("refused"),
        write("b"),
        write("undone"),
        database.write("panic", panic),
        write("c"),
        async { drop(free) },
    );
    for result in [a, b, c] {
        assert_eq!(result.unwrap(), 1);
    }
    for result in [again, orphan, refused, undone, panicked] {
        assert!(result.is_err());
    }
    assert_eq!(names(&database).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_write_that_fails_changes_nothing() {
    let folder = TempDir::new().unwrap();
    for database in [open(&folder).await, in_memory().await] {
        let half = |connection: &Connection| {
            increment(connection)?;
            add_name("refused")(connection)
        };
        database.write("do half of it", half).await.unwrap_err();
        assert_eq!(value(&database).await, 0);
    }
}

async fn in_memory() -> Database {
    let database = Database::in_memory().unwrap();
    database.upgrade("test", SCHEMA).await.unwrap();
    database
}

#[tokio::test]
async fn a_database_in_memory_reads_what_it_wrote() {
    let database = in_memory().await;
    join_all((0..50).map(|_| database.write("increment", increment))).await;
    assert_eq!(value(&database.clone()).await, 50);
    assert_eq!(value(&in_memory().await).await, 0);
}

#[tokio::test]
async fn a_write_whose_caller_has_gone_before_its_turn_is_not_made() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let (free, occupied) = occupy(&database).await;
    {
        let mut abandoned = pin!(database.write("add a name", add_name("abandoned")));
        assert!(futures::poll!(&mut abandoned).is_pending());
    }
    drop(free);
    occupied.await.unwrap().unwrap();
    database
        .write("add a name", add_name("kept"))
        .await
        .unwrap();
    assert_eq!(names(&database).await, ["kept"]);
}

#[tokio::test]
async fn more_writes_than_the_queue_holds_are_all_made() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let results = join_all((0..3000).map(|_| database.write("increment", increment))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(value(&database).await, 3000);
}

#[tokio::test]
async fn each_read_of_a_shared_transaction_has_its_own_result() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let read = |number: i64| {
        database.read("read", move |connection| match number % 3 {
            0 => connection.query_row("SELECT ?1", [number], |row| row.get(0)),
            1 => connection.query_row("SELECT nothing", [], |row| row.get(0)),
            _ => panic!("as a query might"),
        })
    };
    let results: Vec<Result<i64, _>> = join_all((0..200).map(read)).await;
    for (number, result) in (0..).zip(results) {
        match number % 3 {
            0 => assert_eq!(result.unwrap(), number),
            _ => assert!(result.is_err(), "{number}"),
        }
    }
    assert_eq!(value(&database).await, 0);
}

/// The counter and a text, and the number of look-ups in the file.
struct LookUps {
    remembered: Remembered<String>,
    runs: Arc<AtomicUsize>,
}

impl LookUps {
    fn new(database: &Database) -> Self {
        let runs: Arc<AtomicUsize> = Arc::default();
        let query = {
            let runs = Arc::clone(&runs);
            move |connection: &Connection, key: &str| {
                runs.fetch_add(1, Ordering::Relaxed);
                let query = "SELECT value || ?1 FROM counter WHERE id = 0";
                connection.query_row(query, [key], |row| row.get(0))
            }
        };
        Self {
            remembered: Remembered::new(database.clone(), "look up", query).unwrap(),
            runs,
        }
    }

    async fn read(&self, key: &str) -> String {
        self.remembered.get(key).await.unwrap()
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn what_is_remembered_is_looked_up_anew_after_any_change() {
    let folder = TempDir::new().unwrap();
    let (database, other) = (open(&folder).await, open(&folder).await);
    let process = Connection::open(folder.path().join("test.sqlite")).unwrap();
    let look_ups = LookUps::new(&database);
    for round in 0..50 {
        let value = 3 * round;
        for key in ["a", "b", "a", "b"] {
            assert_eq!(look_ups.read(key).await, format!("{value}{key}"));
        }
        assert_eq!(look_ups.runs(), 4 * round + 2, "two keys, remembered");
        database.write("increment", increment).await.unwrap();
        assert_eq!(look_ups.read("a").await, format!("{}a", value + 1));
        other.write("increment", increment).await.unwrap();
        assert_eq!(look_ups.read("a").await, format!("{}a", value + 2));
        assert_eq!(look_ups.runs(), 4 * round + 4, "changed twice");
        increment(&process).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_look_up_is_never_older_than_what_was_acknowledged_before_it() {
    let folder = TempDir::new().unwrap();
    let (database, other) = (open(&folder).await, open(&folder).await);
    let look_ups = Arc::new(LookUps::new(&database));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let has_ended = Arc::new(AtomicBool::new(false));
    let look = |_| {
        let (look_ups, acknowledged) = (Arc::clone(&look_ups), Arc::clone(&acknowledged));
        let has_ended = Arc::clone(&has_ended);
        tokio::spawn(async move {
            while !has_ended.load(Ordering::Acquire) {
                let least = acknowledged.load(Ordering::Acquire);
                let value: usize = look_ups.read("").await.parse().unwrap();
                assert!(value >= least, "{value} after {least}");
                // Remembered answers never wait, and a test that fails must be able to end this.
                tokio::task::yield_now().await;
            }
        })
    };
    let lookers: Vec<_> = (0..4).map(look).collect();
    for count in 0..2000 {
        let database = if count % 2 == 0 { &database } else { &other };
        database.write("increment", increment).await.unwrap();
        acknowledged.store(count + 1, Ordering::Release);
    }
    has_ended.store(true, Ordering::Release);
    for looker in lookers {
        looker.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_remembered_outlives_neither_the_log_nor_a_change_in_a_new_one() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let process = Connection::open(folder.path().join("test.sqlite")).unwrap();
    let look_ups = LookUps::new(&database);
    for round in 0..5 {
        assert_eq!(look_ups.read("a").await, format!("{round}a"));
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy: i64 = process.query_row(checkpoint, [], |row| row.get(0)).unwrap();
        assert_eq!(is_busy, 0);
        assert_eq!(look_ups.read("a").await, format!("{round}a"));
        increment(&process).unwrap();
    }
}

#[tokio::test]
async fn a_look_up_that_fails_says_of_what_and_is_made_again() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let runs: Arc<AtomicUsize> = Arc::default();
    let query = {
        let runs = Arc::clone(&runs);
        move |connection: &Connection, key: &str| {
            runs.fetch_add(1, Ordering::Relaxed);
            let query = "SELECT name FROM name WHERE name = ?1";
            connection.query_row(query, [key], |row| row.get(0))
        }
    };
    let names = Remembered::<String>::new(database.clone(), "look a name up", query).unwrap();
    for _ in 0..2 {
        let error = names.get("anna").await.unwrap_err();
        assert!(error.to_string().contains("look a name up"), "{error}");
    }
    assert_eq!(
        runs.load(Ordering::Relaxed),
        2,
        "nothing has changed between them"
    );
    database
        .write("add a name", add_name("anna"))
        .await
        .unwrap();
    assert_eq!(names.get("anna").await.unwrap(), "anna");
}

#[tokio::test]
async fn look_ups_at_once_have_each_its_own_answer() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let look_ups = LookUps::new(&database);
    for round in 0..3 {
        let keys: Vec<String> = (0..3000).map(|key| format!(" {}", key % 1500)).collect();
        let answers = join_all(keys.iter().map(|key| look_ups.read(key))).await;
        for (key, answer) in keys.iter().zip(answers) {
            assert_eq!(answer, format!("{round}{key}"));
        }
        database.write("increment", increment).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_remembered_of_a_database_in_memory() {
    let database = in_memory().await;
    let look_ups = LookUps::new(&database);
    for value in 0..5 {
        assert_eq!(look_ups.read("a").await, format!("{value}a"));
        database.write("increment", increment).await.unwrap();
    }
    assert_eq!(look_ups.runs(), 5);
}

#[test]
fn a_database_is_of_use_after_the_runtime_that_read_it_has_ended() {
    let folder = TempDir::new().unwrap();
    let runtime = || Builder::new_current_thread().build().unwrap();
    let first = runtime();
    let database = first.block_on(async {
        let database = open(&folder).await;
        assert!(value(&database).now_or_never().is_none());
        database
    });
    drop(first);
    assert_eq!(runtime().block_on(value(&database)), 0);
}

struct EndOfThread(mpsc::Sender<()>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let _gone = self.0.send(());
    }
}

thread_local! {
    static END_OF_THREAD: RefCell<Option<EndOfThread>> = const { RefCell::new(None) };
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_thread() {
    let database = in_memory().await;
    let (sender, ended) = mpsc::channel();
    let watch = move |_: &Connection| {
        END_OF_THREAD.set(Some(EndOfThread(sender.clone())));
        Ok(())
    };
    database.write("watch the thread", watch).await.unwrap();
    let clone = database.clone();
    drop(database);
    assert_eq!(value(&clone).await, 0);
    drop(clone);
    ended.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[tokio::test]
async fn a_write_waits_for_another_process_and_then_gives_up() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let other = Connection::open(folder.path().join("test.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(value(&database).await, 0);
    let error = database.write("increment", increment).await.unwrap_err();
    assert!(
        ErrorChain(&error).to_string().contains("locked"),
        "{error:?}"
    );
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(database.write("increment", increment).await.unwrap(), 1);
}

#[tokio::test]
async fn a_change_that_is_repeated_starts_from_the_same_state() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let (free, _occupied) = occupy(&database).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = {
        let runs = Arc::clone(&runs);
        move |connection: &Connection| {
            runs.fetch_add(1, Ordering::Relaxed);
            increment(connection)
        }
    };
    let (counted, refused, ()) = tokio::join!(
        biased;
        database.write("increment", counted),
        database.write("add a name", add_name("refused")),
        async { drop(free) },
    );
    assert_eq!(counted.unwrap(), 1);
    refused.unwrap_err();
    assert_eq!(value(&database).await, 1);
    // Once together with the other, once on its own.
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn errors_name_the_operation_and_hold_no_value() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    database
        .write("add a name", add_name("canary"))
        .await
        .unwrap();
    for (name, cause) in [
        ("canary", "UNIQUE constraint failed: name.name"),
        ("refused canary", ""),
    ] {
        let error = database
            .write("add a name", add_name(name))
            .await
            .unwrap_err();
        let chain = ErrorChain(&error).to_string();
        assert!(chain.starts_with("add a name: "), "{chain}");
        assert!(chain.contains(cause), "{chain}");
        assert!(!format!("{chain}{error:?}").contains("canary"), "{chain}");
    }
}
