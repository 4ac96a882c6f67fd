//! A database behind its handle, and outages of its server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::error::{AdapterError, ErrorChain};
use faroe_mysql::{
    Database, MySqlQuery, Options, Outcome, mysql_error,
    sqlx::{AssertSqlSafe, Error, Row, query},
    violated_unique_index,
};
use futures::future::join_all;
use tokio::net::TcpListener;

use crate::server::{Case, Schema, cases, random};

#[path = "support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    server::run(&Schema::create(), Vec::new(), CASES)
}

const CASES: &[Case] = cases![
    processes_that_start_at_once_upgrade_once,
    later_versions_add_their_steps,
    tables_of_a_newer_version_are_refused,
    a_step_that_fails_is_tried_again_the_next_time,
    a_user_who_may_not_create_tables_can_use_those_that_are_there,
    a_server_that_is_down_is_a_clear_error_at_once,
    a_server_that_does_not_answer_is_an_error_in_time,
    a_wrong_password_is_a_clear_error_without_it,
    connections_that_were_killed_are_replaced,
    a_statement_that_takes_too_long_is_ended,
    a_wait_for_a_lock_that_takes_too_long_is_a_conflict,
    a_call_that_is_dropped_harms_no_other,
    errors_name_the_index_and_hold_no_value,
    a_deadlock_is_tried_again,
    of_two_statements_both_are_made_or_none,
];

async fn database(schema: &Schema) -> Database {
    Database::connect(&schema.url()).await.unwrap()
}

fn chain(error: &AdapterError) -> String {
    ErrorChain(error).to_string()
}

async fn run(database: &Database, sql: impl Into<String>) -> Result<Outcome, Error> {
    let sql: Arc<str> = sql.into().into();
    database
        .run(|| query(AssertSqlSafe(Arc::clone(&sql))))
        .await
}

const STEPS: &[&str] = &[
    "CREATE TABLE first (id BIGINT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
    "INSERT INTO first VALUES ()",
    "ALTER TABLE first ADD COLUMN name VARCHAR(10) NOT NULL DEFAULT 'one'",
];

async fn processes_that_start_at_once_upgrade_once(schema: &'static Schema) {
    let schema = schema.another().await;
    let databases = join_all((0..8).map(|_| database(&schema))).await;
    let upgrades = databases
        .iter()
        .map(|database| database.upgrade("test", STEPS));
    let upgrades = join_all(upgrades).await;
    assert!(upgrades.iter().all(Result::is_ok), "{upgrades:?}");
    let found = run(&databases[0], "SELECT id FROM first WHERE name = 'one'")
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 1);
}

async fn later_versions_add_their_steps(schema: &'static Schema) {
    let schema = schema.another().await;
    let database = database(&schema).await;
    database.upgrade("test", &STEPS[..2]).await.unwrap();
    run(&database, "INSERT INTO first VALUES ()").await.unwrap();
    for _ in 0..2 {
        database.upgrade("test", STEPS).await.unwrap();
        let found = run(&database, "SELECT id FROM first WHERE name = 'one'")
            .await
            .unwrap();
        assert_eq!(found.rows.len(), 2);
    }
    // Another component counts for itself.
    database
        .upgrade("other", &["CREATE TABLE third (id BIGINT)"])
        .await
        .unwrap();
}

async fn tables_of_a_newer_version_are_refused(schema: &'static Schema) {
    let schema = schema.another().await;
    let database = database(&schema).await;
    database.upgrade("test", STEPS).await.unwrap();
    let error = database.upgrade("test", &STEPS[..1]).await.unwrap_err();
    assert!(chain(&error).contains("newer version of test"), "{error:?}");
}

const FAILING: &[&str] = &[STEPS[0], "DROP TABLE absent"];

async fn a_step_that_fails_is_tried_again_the_next_time(schema: &'static Schema) {
    let schema = schema.another().await;
    let database = database(&schema).await;
    let error = database.upgrade("test", FAILING).await.unwrap_err();
    assert!(chain(&error).contains("error 1051"), "{error:?}");
    database.upgrade("test", STEPS).await.unwrap();
    let found = run(&database, "SELECT id FROM first WHERE name = 'one'")
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 1);
}

async fn a_user_who_may_not_create_tables_can_use_those_that_are_there(schema: &'static Schema) {
    let schema = schema.another().await;
    database(&schema)
        .await
        .upgrade("test", STEPS)
        .await
        .unwrap();
    let user = format!("faroe_{}", random());
    schema
        .execute(format!(
            "CREATE USER {user} IDENTIFIED BY 'canary'; GRANT SELECT ON {}.* TO {user}",
            schema.name(),
        ))
        .await;
    let options = Options::from_url(&schema.url()).unwrap();
    let reader = Options::new(options.connection.username(&user).password("canary"));
    let reader = Database::connect_with(&reader).await.unwrap();
    reader.upgrade("test", STEPS).await.unwrap();
    let error = reader.upgrade("other", STEPS).await.unwrap_err();
    assert!(chain(&error).contains("denied"), "{error:?}");
    schema.execute(format!("DROP USER {user}")).await;
}

async fn a_server_that_is_down_is_a_clear_error_at_once(_: &'static Schema) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mysql://user:canary@{}/app", free.local_addr().unwrap());
    drop(free);
    let start = Instant::now();
    let error = Database::connect(&url).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(chain(&error).contains("refused"), "{error:?}");
    assert!(!format!("{error:?}{}", chain(&error)).contains("canary"));
}

async fn a_server_that_does_not_answer_is_an_error_in_time(_: &'static Schema) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("mysql://user@{address}/app?acquire_timeout_ms=100");
    let error = Database::connect(&url).await.unwrap_err();
    assert!(
        chain(&error).contains("did not answer in time"),
        "{error:?}"
    );
}

async fn a_wrong_password_is_a_clear_error_without_it(schema: &'static Schema) {
    let options = Options::from_url(&schema.url()).unwrap();
    let connection = options
        .connection
        .username("faroe_no_such_user")
        .password("canary");
    let error = Database::connect_with(&Options::new(connection))
        .await
        .unwrap_err();
    assert!(
        chain(&error).contains("Access denied for user 'faroe_no_such_user'"),
        "{error:?}"
    );
    assert!(!format!("{error:?}{}", chain(&error)).contains("canary"));
}

async fn connection_id(database: &Database) -> u64 {
    run(database, "SELECT CONNECTION_ID()").await.unwrap().rows[0].get_unchecked(0)
}

async fn connections_that_were_killed_are_replaced(schema: &'static Schema) {
    let database = Database::connect(&schema.url_with("max_connections=1"))
        .await
        .unwrap();
    let killed = connection_id(&database).await;
    schema.execute(format!("KILL {killed}")).await;
    // The call that finds the connection broken may fail, and closes it; the next call gets a new one.
    let _: Option<Outcome> = run(&database, "SELECT 1").await.ok();
    assert_ne!(connection_id(&database).await, killed);
}

async fn a_statement_that_takes_too_long_is_ended(schema: &'static Schema) {
    let url = schema.url_with("statement_timeout_ms=200&max_connections=1");
    let database = Database::connect(&url).await.unwrap();
    let start = Instant::now();
    // MariaDB ends it with an error; MySQL ends the sleep only, or the client the call.
    let _: Result<Outcome, Error> = run(&database, "SELECT SLEEP(60)").await;
    assert!(start.elapsed() < Duration::from_secs(10));
    run(&database, "SELECT 1").await.unwrap();
}

async fn pair(schema: &Schema) -> String {
    let table = format!("pair_{}", random());
    schema
        .execute(format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB; \
             INSERT INTO {table} VALUES (1, 0), (2, 0)"
        ))
        .await;
    table
}

async fn a_wait_for_a_lock_that_takes_too_long_is_a_conflict(schema: &'static Schema) {
    let table = pair(schema).await;
    let database = Database::connect(&schema.url_with("statement_timeout_ms=1000"))
        .await
        .unwrap();
    let mut other = database.pool().begin().await.unwrap();
    let lock = format!("SELECT n FROM {table} WHERE id = 1 FOR UPDATE");
    query(AssertSqlSafe(lock))
        .execute(&mut *other)
        .await
        .unwrap();
    let error = run(&database, format!("UPDATE {table} SET n = 7 WHERE id = 1"))
        .await
        .unwrap_err();
    // The limit of the statement or that of the wait for the lock, whichever comes first.
    let error = mysql_error("update", &error);
    assert!(
        chain(&error).contains("timeout") || chain(&error).contains("interrupted"),
        "{error:?}"
    );
    other.rollback().await.unwrap();
    let found = run(&database, format!("SELECT n FROM {table} WHERE id = 1"))
        .await
        .unwrap();
    assert_eq!(found.rows[0].get::<i32, _>(0), 0);
}

async fn a_call_that_is_dropped_harms_no_other(schema: &'static Schema) {
    let database = Database::connect(&schema.url_with("max_connections=1"))
        .await
        .unwrap();
    let before = connection_id(&database).await;
    let sleep = run(&database, "SELECT SLEEP(1.5)");
    tokio::time::timeout(Duration::from_millis(100), sleep)
        .await
        .unwrap_err();
    let start = Instant::now();
    let after = connection_id(&database).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_ne!(before, after);
}

async fn errors_name_the_index_and_hold_no_value(schema: &'static Schema) {
    let table = format!("names_{}", random());
    schema
        .execute(format!(
            "CREATE TABLE {table} (
                name VARCHAR(20) CHARACTER SET latin1, CONSTRAINT no_mark CHECK (name <> 'canary!'),
                CONSTRAINT only_once UNIQUE (name)
             ) ENGINE=InnoDB;
             CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} FOR EACH ROW
                IF new.name LIKE 'refused%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no canary'; END IF;
             INSERT INTO {table} VALUES ('canary')",
        ))
        .await;
    let database = database(schema).await;
    let sql: Arc<str> = format!("INSERT INTO {table} VALUES (?)").into();
    for (name, is_unique) in [
        ("canary", true),
        ("canary!", false),
        ("refused canary", false),
        ("a canary that is too long for it", false),
        ("canary 🐤", false),
    ] {
        let insert = || query(AssertSqlSafe(Arc::clone(&sql))).bind(name);
        let error = database.run(insert).await.unwrap_err();
        assert_eq!(
            violated_unique_index(&error),
            is_unique.then_some("only_once"),
            "{name}"
        );
        let error = mysql_error("add a name", &error);
        assert!(
            !format!("{error:?}{}", chain(&error)).contains("canary"),
            "{error:?}"
        );
        assert!(chain(&error).contains("error "), "{error:?}");
        assert!(!error.is_conflict());
    }
}

async fn a_deadlock_is_tried_again(schema: &'static Schema) {
    let table = pair(schema).await;
    let database = database(schema).await;
    let add: [Arc<str>; 2] =
        [1, 2].map(|id| format!("UPDATE {table} SET n = n + 1 WHERE id = {id}").into());
    let adding = |id: usize| -> MySqlQuery<'static> { query(AssertSqlSafe(Arc::clone(&add[id]))) };
    // Each takes both rows, in one order or the other.
    let calls = (0..40).map(|call| {
        let (first, second) = (call % 2, 1 - call % 2);
        database.run_both(move || adding(first), move || adding(second))
    });
    let mut made = 0;
    for result in join_all(calls).await {
        match result {
            Ok(outcome) => made += i32::try_from(outcome.rows_affected).unwrap(),
            Err(error) => assert!(mysql_error("add", &error).is_conflict(), "{error:?}"),
        }
    }
    assert!(made > 0);
    let found = run(&database, format!("SELECT n FROM {table}"))
        .await
        .unwrap();
    assert_eq!(
        found
            .rows
            .iter()
            .map(|row| row.get(0))
            .collect::<Vec<i32>>(),
        [made, made]
    );
}

async fn of_two_statements_both_are_made_or_none(schema: &'static Schema) {
    let table = pair(schema).await;
    let database = Database::connect(&schema.url_with("max_connections=1"))
        .await
        .unwrap();
    let [first, second]: [Arc<str>; 2] = [
        format!("UPDATE {table} SET n = 7").into(),
        format!("INSERT INTO {table} VALUES (1, 0)").into(),
    ];
    let error = database.run_both(
        || query(AssertSqlSafe(Arc::clone(&first))),
        || query(AssertSqlSafe(Arc::clone(&second))),
    );
    let error = error.await.unwrap_err();
    assert_eq!(violated_unique_index(&error), Some("PRIMARY"));
    let found = run(&database, format!("SELECT n FROM {table} WHERE n = 7"))
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 0);
}
