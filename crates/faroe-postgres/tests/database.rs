//! A database behind its handle, and outages of its server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use faroe_core::error::{AdapterError, ErrorChain};
use faroe_postgres::{
    Database, Options, Outcome, postgres_error,
    sqlx::{AssertSqlSafe, Row, query, raw_sql},
    violated_unique_constraint,
};
use futures::future::join_all;
use libtest_mimic::Trial;
use tokio::{net::TcpListener, runtime};

use crate::{
    pgbouncer::PgBouncer,
    server::{Case, Schema, cases, random},
};

#[path = "support/pgbouncer.rs"]
mod pgbouncer;
#[path = "support/server.rs"]
mod server;

fn main() -> ExitCode {
    let schema = Schema::create();
    let has_pgbouncer = env::var_os(pgbouncer::VARIABLE).is_some();
    let pooled = ["session", "transaction"].map(|mode| {
        let url = schema.clone().map(|schema| schema.server_url().to_owned());
        let trial = Trial::test(
            format!("pgbouncer_in_{mode}_mode_needs_what_the_readme_says"),
            move || {
                let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
                runtime.block_on(through_pgbouncer(mode, &url?));
                Ok(())
            },
        );
        trial
            .with_kind(if has_pgbouncer {
                ""
            } else {
                "FAROE_TEST_PGBOUNCER is not set"
            })
            .with_ignored_flag(schema.is_err() || !has_pgbouncer)
    });
    server::run(&schema, pooled.into(), CASES)
}

const CASES: &[Case] = cases![
    processes_that_start_at_once_upgrade_once,
    later_versions_add_their_steps,
    tables_of_a_newer_version_are_refused,
    a_step_that_fails_undoes_the_others,
    a_user_who_may_not_create_tables_can_use_those_that_are_there,
    a_server_that_is_down_is_a_clear_error_at_once,
    a_server_that_does_not_answer_is_an_error_in_time,
    a_wrong_password_is_a_clear_error_without_it,
    connections_that_were_killed_are_replaced,
    a_statement_that_takes_too_long_is_ended,
    a_call_that_is_dropped_harms_no_other,
    errors_name_the_constraint_and_hold_no_value,
    a_deadlock_is_a_conflict,
    no_statement_outlives_its_transaction_behind_pgbouncer,
];

async fn database(schema: &Schema) -> Database {
    Database::connect(&schema.url()).await.unwrap()
}

fn chain(error: &AdapterError) -> String {
    ErrorChain(error).to_string()
}

const STEPS: &[&str] = &[
    "CREATE TABLE first (id BIGINT PRIMARY KEY); INSERT INTO first VALUES (1)",
    "ALTER TABLE first ADD COLUMN name TEXT NOT NULL DEFAULT 'one'; CREATE TABLE second (id BIGINT)",
];

async fn processes_that_start_at_once_upgrade_once(schema: &'static Schema) {
    let schema = schema.another().await;
    let databases = join_all((0..8).map(|_| database(&schema))).await;
    let upgrades = join_all(
        databases
            .iter()
            .map(|database| database.upgrade("test", STEPS)),
    )
    .await;
    assert!(upgrades.iter().all(Result::is_ok), "{upgrades:?}");
    let rows = databases[0]
        .run(query("SELECT id FROM first WHERE name = 'one'"))
        .await
        .unwrap()
        .rows;
    assert_eq!(rows.len(), 1);
}

async fn later_versions_add_their_steps(schema: &'static Schema) {
    let schema = schema.another().await;
    let database = database(&schema).await;
    database.upgrade("test", &STEPS[..1]).await.unwrap();
    database
        .run(query("INSERT INTO first (id) VALUES (2)"))
        .await
        .unwrap();
    for _ in 0..2 {
        database.upgrade("test", STEPS).await.unwrap();
        let rows = database
            .run(query("SELECT id FROM first WHERE name = 'one'"))
            .await
            .unwrap()
            .rows;
        assert_eq!(rows.len(), 2);
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

async fn a_step_that_fails_undoes_the_others(schema: &'static Schema) {
    let schema = schema.another().await;
    let database = database(&schema).await;
    let steps = &[
        "CREATE TABLE first (id BIGINT)",
        "CREATE TABLE second (id NO_SUCH_TYPE)",
    ];
    let error = database.upgrade("test", steps).await.unwrap_err();
    assert!(chain(&error).contains("no_such_type"), "{error:?}");
    database.upgrade("test", STEPS).await.unwrap();
}

async fn a_user_who_may_not_create_tables_can_use_those_that_are_there(schema: &'static Schema) {
    let schema = schema.another().await;
    database(&schema)
        .await
        .upgrade("test", STEPS)
        .await
        .unwrap();
    let url = schema.url();
    let role = format!("{}_reader", schema.name());
    schema
        .execute(format!(
            "CREATE ROLE {role}; GRANT {role} TO current_user; GRANT USAGE ON SCHEMA {0} TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {role}",
            schema.name(),
        ))
        .await;
    let reader = Database::connect(&format!("{url}&options[role]={role}"))
        .await
        .unwrap();
    reader.upgrade("test", STEPS).await.unwrap();
    let error = reader.upgrade("other", STEPS).await.unwrap_err();
    assert!(chain(&error).contains("permission denied"), "{error:?}");
    schema
        .execute(format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

async fn a_server_that_is_down_is_a_clear_error_at_once(_: &'static Schema) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://user:canary@{}/app", free.local_addr().unwrap());
    drop(free);
    let start = Instant::now();
    let error = Database::connect(&url).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(chain(&error).contains("refused"), "{error:?}");
    assert!(!format!("{error:?}{}", chain(&error)).contains("canary"));
}

async fn a_server_that_does_not_answer_is_an_error_in_time(_: &'static Schema) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "postgres://user@{}/app?acquire_timeout_ms=100",
        silent.local_addr().unwrap()
    );
    let error = Database::connect(&url).await.unwrap_err();
    assert!(
        chain(&error).contains("did not answer in time"),
        "{error:?}"
    );
}

async fn a_wrong_password_is_a_clear_error_without_it(schema: &'static Schema) {
    // A server may be configured to require no password, but it always refuses an unknown user.
    let options = Options::from_url(&schema.url()).unwrap();
    let mut options = Options::new(
        options
            .connection
            .username("faroe_no_such_user")
            .password("canary"),
    );
    options.pool.max_connections = 1;
    let error = Database::connect_with(&options).await.unwrap_err();
    assert!(chain(&error).contains("faroe_no_such_user"), "{error:?}");
    assert!(!format!("{error:?}{}", chain(&error)).contains("canary"));
}

async fn process_id(database: &Database) -> i32 {
    let outcome = database
        .run(query("SELECT pg_backend_pid()"))
        .await
        .unwrap();
    outcome.rows[0].get(0)
}

async fn connections_that_were_killed_are_replaced(schema: &'static Schema) {
    let database = Database::connect(&format!("{}&max_connections=1", schema.url()))
        .await
        .unwrap();
    let killed = process_id(&database).await;
    schema
        .execute(format!("SELECT pg_terminate_backend({killed}, 10000)"))
        .await;
    // The call that finds the connection broken may fail, and closes it; the next call gets a new one.
    let _: Option<Outcome> = database.run(query("SELECT 1")).await.ok();
    assert_ne!(process_id(&database).await, killed);
}

async fn a_statement_that_takes_too_long_is_ended(schema: &'static Schema) {
    let url = format!(
        "{}&statement_timeout_ms=100&max_connections=1",
        schema.url()
    );
    for url in [url.clone(), format!("{url}&pgbouncer=true")] {
        let database = Database::connect(&url).await.unwrap();
        let start = Instant::now();
        let error = database
            .run(query("SELECT pg_sleep(60)"))
            .await
            .unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(
            chain(&postgres_error("sleep", &error)).contains("statement timeout"),
            "{error:?}"
        );
        database.run(query("SELECT 1")).await.unwrap();
    }
}

async fn a_call_that_is_dropped_harms_no_other(schema: &'static Schema) {
    let database = Database::connect(&format!("{}&max_connections=1", schema.url()))
        .await
        .unwrap();
    let before = process_id(&database).await;
    let sleep = database.run(query("SELECT pg_sleep(1.5)"));
    tokio::time::timeout(Duration::from_millis(100), sleep)
        .await
        .unwrap_err();
    let start = Instant::now();
    let after = process_id(&database).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_ne!(before, after);
}

async fn errors_name_the_constraint_and_hold_no_value(schema: &'static Schema) {
    let table = format!("names_{}", random());
    schema
        .execute(format!(
            "CREATE TABLE {table} (name VARCHAR(20) CONSTRAINT only_once_{table} UNIQUE CHECK (name <> 'canary!'));
             CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION 'no %', new.name; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN (new.name LIKE 'refused%')
                EXECUTE FUNCTION refuse_{table}();
             INSERT INTO {table} VALUES ('canary')",
        ))
        .await;
    let database = database(schema).await;
    let insert: Arc<str> = format!("INSERT INTO {table} VALUES ($1)").into();
    for (name, is_unique) in [
        ("canary", true),
        ("canary!", false),
        ("refused canary", false),
        ("a canary that is too long for it", false),
        ("canary\0", false),
    ] {
        let insert = query(AssertSqlSafe(Arc::clone(&insert))).bind(name);
        let error = database.run(insert).await.unwrap_err();
        let constraint = violated_unique_constraint(&error).map(str::to_owned);
        assert_eq!(constraint, is_unique.then(|| format!("only_once_{table}")));
        let error = postgres_error("add a name", &error);
        assert!(
            !format!("{error:?}{}", chain(&error)).contains("canary"),
            "{error:?}"
        );
        assert!(chain(&error).contains("SQLSTATE "), "{error:?}");
        assert!(!error.is_conflict());
    }
}

async fn a_deadlock_is_a_conflict(schema: &'static Schema) {
    let table = format!("pair_{}", random());
    schema
        .execute(format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY); INSERT INTO {table} VALUES (1), (2)"
        ))
        .await;
    let lock =
        |id: i32| AssertSqlSafe(format!("SELECT id FROM {table} WHERE id = {id} FOR UPDATE"));
    let database = database(schema).await;
    let [mut one, mut other] = [
        database.pool().begin().await.unwrap(),
        database.pool().begin().await.unwrap(),
    ];
    query(lock(1)).execute(&mut *one).await.unwrap();
    query(lock(2)).execute(&mut *other).await.unwrap();
    let (first, second) = tokio::join!(query(lock(2)).execute(&mut *one), async {
        let result = query(lock(1)).execute(&mut *other).await;
        // The database chooses one of the two and rolls it back.
        other.rollback().await.unwrap();
        result
    });
    let errors: Vec<_> = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(errors.len(), 1);
    assert!(postgres_error("lock", &errors[0]).is_conflict());
}

async fn no_statement_outlives_its_transaction_behind_pgbouncer(schema: &'static Schema) {
    let url = format!("{}&max_connections=1", schema.url());
    for (url, expected) in [(url.clone(), 1_i64), (format!("{url}&pgbouncer=true"), 0)] {
        let database = Database::connect(&url).await.unwrap();
        database
            .run(query("SELECT $1::int8").bind(1_i64))
            .await
            .unwrap();
        let count = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%$1::int8%'";
        let mut connection = database.pool().acquire().await.unwrap();
        let count = raw_sql(count).fetch_one(&mut *connection).await.unwrap();
        let found: i64 = count.try_get_unchecked(0).unwrap();
        assert_eq!(found, expected);
    }
}

async fn through_pgbouncer(mode: &'static str, url: &str) {
    let options = Options::from_url(url).unwrap();
    let name = options
        .connection
        .get_database()
        .unwrap_or("postgres")
        .to_owned();
    let pgbouncer = PgBouncer::start(mode, url);
    let is_session = mode == "session";
    let parameters = if is_session { "" } else { "&pgbouncer=true" };
    let database = pgbouncer.connect(&name, parameters).await;
    if is_session {
        let table: &'static str = Box::leak(
            format!(
                "CREATE TABLE pgbouncer_{0} (id INT); DROP TABLE pgbouncer_{0}",
                random()
            )
            .into_boxed_str(),
        );
        let steps: &'static [&'static str] = Box::leak(Box::new([table]));
        database.upgrade("pgbouncer", steps).await.unwrap();
        let forget = query("DELETE FROM faroe_schema_version WHERE component = 'pgbouncer'");
        database.run(forget).await.unwrap();
    }
    // Concurrent calls meet statements that another session has prepared.
    let calls = (0..200_i64).map(|number| {
        let select = query("SELECT $1::int8 + 1").bind(number);
        let database = database.clone();
        async move { database.run(select).await }
    });
    for (number, outcome) in (1_i64..).zip(join_all(calls).await) {
        assert_eq!(outcome.unwrap().rows[0].get::<i64, _>(0), number);
    }
}
