//! Existing tables of an application.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_postgres::sqlx::{AssertSqlSafe, Row, query};
use faroe_user_store_postgres::{IdGeneration, PasswordHashFormat, PostgresUserStore, UsersTable};
use tokio::task::JoinSet;

use crate::server::{Case, Schema, cases};

#[path = "../../faroe-postgres/tests/support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    server::run(&Schema::create(), Vec::new(), CASES)
}

const CASES: &[Case] = cases![
    the_worked_example_of_the_front_page_works,
    columns_of_the_application_keep_their_values,
    a_number_is_found_only_as_it_is_written,
    a_uuid_is_found_only_as_it_is_written,
    addresses_and_ids_are_compared_exactly_where_the_columns_do_not,
    a_stricter_index_on_addresses_says_already_used,
    a_unique_column_of_the_application_is_an_error_unless_the_address_is_used,
    a_counter_never_wraps,
    no_user_is_looked_for_without_an_index,
    an_unfit_table_is_refused_with_its_defect,
    deleting_a_user_obeys_the_applications_foreign_keys,
    a_check_writes_nothing_and_notices_that_nothing_can_be_written,
    privileges_that_are_lacking_are_told,
    a_sample_has_the_hashes_of_users_with_a_password,
    servers_that_start_at_once_all_start_and_a_table_that_is_not_ours_is_refused,
];

const DEFAULT: &str = include_str!("../schema.sql");
const TEXT_ID: &str = "id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY";
const ADDRESS: &str = "email_address TEXT COLLATE \"C\" NOT NULL UNIQUE";

/// A schema with the default table, a part of it replaced.
async fn with(schema: &Schema, from: &str, to: &str) -> Schema {
    assert!(DEFAULT.contains(from), "{from}");
    let schema = schema.another().await;
    schema.execute(DEFAULT.replacen(from, to, 1)).await;
    schema
}

async fn connect(schema: &Schema, table: UsersTable) -> PostgresUserStore {
    PostgresUserStore::connect_existing(&schema.url(), table)
        .await
        .unwrap()
}

fn generated() -> UsersTable {
    let mut table = UsersTable::default();
    table.id_generation = IdGeneration::Database;
    table
}

fn encoded() -> UsersTable {
    let mut table = UsersTable::default();
    table.password_hash_format = PasswordHashFormat::Encoded;
    table
}

fn hash() -> PasswordHash {
    PasswordHash {
        algorithm_id: "algorithm".into(),
        salt: vec![1].into(),
        hash: vec![2].into(),
    }
}

async fn create(users: &PostgresUserStore, address: &str) -> User {
    match users
        .create_user(NewUser::new(address, hash()))
        .await
        .unwrap()
    {
        CreateUserOutcome::Created(user) => user,
        other => panic!("{address}: {other:?}"),
    }
}

fn chain(error: &AdapterError) -> String {
    ErrorChain(error).to_string()
}

async fn the_worked_example_of_the_front_page_works(schema: &'static Schema) {
    let schema = schema.another().await;
    let readme = include_str!("../README.md");
    for block in readme.split("```sql").skip(1) {
        schema.execute(block.split("```").next().unwrap()).await;
    }
    schema
        .execute("INSERT INTO accounts (email) VALUES ('old@example.com')")
        .await;
    let mut table = generated();
    table.name = "accounts".into();
    table.columns.id = "number".into();
    table.columns.email_address = "email".into();
    table.columns.display_name = Some("nickname".into());
    (table.columns.disabled, table.columns.disabled_counter) = (None, None);
    let users = connect(&schema, table).await;
    let user = create(&users, "ada@example.com").await;
    assert_eq!(user.id.as_str(), "2");
    schema
        .execute("UPDATE accounts SET nickname = 'Ada' WHERE number = 2")
        .await;
    let found = users
        .get_user_by_email_address("ada@example.com")
        .await
        .unwrap()
        .unwrap();
    let mut expected = user;
    expected.display_name = "Ada".into();
    assert_eq!(found, expected);
    let row = query("SELECT plan FROM accounts WHERE number = 2");
    let row = row.fetch_one(&mut schema.connection().await).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "free");
    // This user has no password until one is set.
    let id = UserId::from("1");
    let old = users.get_user(&id).await.unwrap().unwrap();
    assert_eq!(old.email_address, "old@example.com");
    assert!(PasswordHash::from(&old).is_empty());
    let new = hash();
    let set = users.update_user_password_hash(&id, &new, old.password_hash_counter);
    assert_eq!(set.await.unwrap(), UpdateUserOutcome::Updated);
    let with_password = users.get_user(&id).await.unwrap().unwrap();
    assert_eq!(PasswordHash::from(&with_password), new);
}

async fn columns_of_the_application_keep_their_values(schema: &'static Schema) {
    let columns = format!("colour TEXT NOT NULL DEFAULT 'green', {TEXT_ID}");
    let schema = with(schema, TEXT_ID, &columns).await;
    let users = connect(&schema, UsersTable::default()).await;
    let user = create(&users, "ada@example.com").await;
    schema
        .execute("UPDATE users SET colour = 'blue', display_name = 'Ada', disabled = TRUE, disabled_counter = 7")
        .await;
    let update = users.update_user_email_address(&user.id, "ada@example.org", Counter::ZERO);
    assert_eq!(
        update.await.unwrap(),
        UpdateUserEmailAddressOutcome::Updated
    );
    let row = query("SELECT colour FROM users");
    let row = row.fetch_one(&mut schema.connection().await).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "blue");
    let read = users.get_user(&user.id).await.unwrap().unwrap();
    assert_eq!((read.display_name.as_str(), read.disabled), ("Ada", true));
    assert_eq!(read.disabled_counter, Counter::new(7).unwrap());
    let new = create(&users, "grace@example.com").await;
    assert_eq!((new.display_name.as_str(), new.disabled), ("", false));
}

async fn is_nobody(users: &PostgresUserStore, id: &str) {
    let id = UserId::from(id);
    assert_eq!(users.get_user(&id).await.unwrap(), None, "{id}");
    let delete = users.delete_user(&id).await.unwrap();
    assert_eq!(delete, UpdateUserOutcome::UserNotFound, "{id}");
    for counter in [Counter::ZERO, Counter::MAX] {
        let increment = users.increment_user_sessions_counter(&id, counter).await;
        assert_eq!(increment.unwrap(), UpdateUserOutcome::UserNotFound, "{id}");
    }
}

async fn a_number_is_found_only_as_it_is_written(schema: &'static Schema) {
    for id in ["SMALLSERIAL", "SERIAL", "BIGSERIAL"] {
        let schema = with(schema, TEXT_ID, &format!("id {id} PRIMARY KEY")).await;
        let users = connect(&schema, generated()).await;
        let user = create(&users, "ada@example.com").await;
        assert_eq!(user.id.as_str(), "1");
        for id in [
            "01",
            "1 ",
            " 1",
            "+1",
            "1.0",
            "1e0",
            "0x1",
            "0b1",
            "1_",
            "1\0",
            "",
            "-1",
            "-0",
            "x",
            "１",
            "65537",
            "9223372036854775807",
            "9223372036854775808",
            "99999999999999999999999999",
            "NULL",
            "Infinity",
        ] {
            is_nobody(&users, id).await;
        }
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
    }
}

async fn a_uuid_is_found_only_as_it_is_written(schema: &'static Schema) {
    let id = "id UUID PRIMARY KEY DEFAULT gen_random_uuid()";
    let schema = with(schema, TEXT_ID, id).await;
    let users = connect(&schema, generated()).await;
    let user = create(&users, "ada@example.com").await;
    let id = user.id.as_str();
    let others = [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("{id} "),
        String::new(),
        "0".repeat(36),
        "00000000-0000-0000-0000-000000000000".into(),
        "gggggggg-0000-0000-0000-000000000000".into(),
    ];
    for other in others.iter().filter(|other| *other != id) {
        is_nobody(&users, other).await;
    }
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
}

const IGNORES_CASE: &str = "CREATE COLLATION ignores_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

async fn ignoring_case(schema: &Schema) -> Schema {
    let schema = schema.another().await;
    schema.execute(IGNORES_CASE).await;
    schema
        .execute(DEFAULT.replace("COLLATE \"C\"", "COLLATE ignores_case"))
        .await;
    schema
}

async fn addresses_and_ids_are_compared_exactly_where_the_columns_do_not(schema: &'static Schema) {
    let schema = ignoring_case(schema).await;
    let users = connect(&schema, UsersTable::default()).await;
    let user = create(&users, "ada@example.com").await;
    is_nobody(&users, &user.id.as_str().to_uppercase()).await;
    for other in [
        "adá@example.com",
        "ada@example.com ",
        "ada@example.co_",
        "%",
    ] {
        let found = users.get_user_by_email_address(other).await.unwrap();
        assert_eq!(found, None, "{other}");
    }
    let found = users
        .get_user_by_email_address("ada@example.com")
        .await
        .unwrap();
    assert_eq!(found, Some(user));
}

async fn a_stricter_index_on_addresses_says_already_used(schema: &'static Schema) {
    let lower = with(schema, ADDRESS, ADDRESS).await;
    lower
        .execute("CREATE UNIQUE INDEX lower_address ON users (lower(email_address))")
        .await;
    for schema in [ignoring_case(schema).await, lower] {
        let users = connect(&schema, UsersTable::default()).await;
        create(&users, "ada@example.com").await;
        let created = users
            .create_user(NewUser::new("ADA@example.com", hash()))
            .await
            .unwrap();
        assert_eq!(created, CreateUserOutcome::EmailAddressAlreadyUsed);
        let grace = create(&users, "grace@example.com").await;
        let update = users.update_user_email_address(&grace.id, "ADA@example.com", Counter::ZERO);
        assert_eq!(
            update.await.unwrap(),
            UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed
        );
        // Only in the case of one's own address.
        let update = users.update_user_email_address(&grace.id, "GRACE@example.com", Counter::ZERO);
        assert_eq!(
            update.await.unwrap(),
            UpdateUserEmailAddressOutcome::Updated
        );
    }
}

async fn a_unique_column_of_the_application_is_an_error_unless_the_address_is_used(
    schema: &'static Schema,
) {
    let columns = format!("badge TEXT NOT NULL DEFAULT 'none' UNIQUE, {TEXT_ID}");
    let schema = with(schema, TEXT_ID, &columns).await;
    let users = connect(&schema, UsersTable::default()).await;
    create(&users, "ada@example.com").await;
    let error = users
        .create_user(NewUser::new("canary@example.com", hash()))
        .await
        .unwrap_err();
    assert!(
        chain(&error).contains("constraint users_badge_key"),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("canary"));
    let again = users
        .create_user(NewUser::new("ada@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(again, CreateUserOutcome::EmailAddressAlreadyUsed);
}

async fn a_counter_never_wraps(schema: &'static Schema) {
    for integer in ["INTEGER", "BIGINT"] {
        let schema = schema.another().await;
        schema.execute(DEFAULT.replace("INTEGER", integer)).await;
        let users = connect(&schema, UsersTable::default()).await;
        let id = create(&users, "ada@example.com").await.id;
        let (last, set) = (i32::MAX - 1, "UPDATE users SET email_address_counter");
        schema
            .execute(format!(
                "{set} = {last}, password_hash_counter = {last}, sessions_counter = {last}"
            ))
            .await;
        let last = Counter::new(last).unwrap();
        let increment = users.increment_user_sessions_counter(&id, last).await;
        assert_eq!(increment.unwrap(), UpdateUserOutcome::Updated);
        let update = users.update_user_password_hash(&id, &hash(), last).await;
        assert_eq!(update.unwrap(), UpdateUserOutcome::Updated);
        let update = users.update_user_email_address(&id, "a@b", last).await;
        assert_eq!(update.unwrap(), UpdateUserEmailAddressOutcome::Updated);

        let before = users.get_user(&id).await.unwrap();
        let max = Counter::MAX;
        users
            .increment_user_sessions_counter(&id, max)
            .await
            .unwrap_err();
        users
            .update_user_password_hash(&id, &hash(), max)
            .await
            .unwrap_err();
        users
            .update_user_email_address(&id, "c@d", max)
            .await
            .unwrap_err();
        assert_eq!(users.get_user(&id).await.unwrap(), before);
    }
}

/// PostgreSQL counts the rows that were read one after the other, and tells before long.
async fn no_user_is_looked_for_without_an_index(schema: &'static Schema) {
    let texts = with(schema, ADDRESS, ADDRESS).await;
    let numbers = with(
        schema,
        TEXT_ID,
        "id INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    )
    .await;
    let uuids = with(
        schema,
        TEXT_ID,
        "id UUID PRIMARY KEY DEFAULT gen_random_uuid()",
    )
    .await;
    let varying = with(
        schema,
        TEXT_ID,
        "id VARCHAR(99) PRIMARY KEY DEFAULT md5(random()::text)",
    )
    .await;
    let padded = with(
        schema,
        TEXT_ID,
        "id CHAR(32) PRIMARY KEY DEFAULT md5(random()::text)",
    )
    .await;
    for (schema, id) in [
        (ignoring_case(schema).await, "n::text"),
        (texts, "n::text"),
        (numbers, "1000000 + n"),
        (uuids, "gen_random_uuid()"),
        (varying, "n::text"),
        (padded, "n::text"),
    ] {
        schema
            .execute(format!(
                "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt)
                 SELECT {id}, n || '@example.com', '', '', '' FROM generate_series(1, 2000) n;
                 ANALYZE users"
            ))
            .await;
        let table = if id == "n::text" {
            UsersTable::default()
        } else {
            generated()
        };
        let users = connect(&schema, table).await;
        let user = create(&users, "ada@example.com").await;
        assert!(users.get_user(&user.id).await.unwrap().is_some());
        let found = users.get_user_by_email_address("ada@example.com").await;
        assert!(found.unwrap().is_some());
        let zero = Counter::ZERO;
        let update = users
            .update_user_email_address(&user.id, "ada@example.org", zero)
            .await;
        assert_eq!(update.unwrap(), UpdateUserEmailAddressOutcome::Updated);
        let update = users
            .update_user_password_hash(&user.id, &hash(), zero)
            .await;
        assert_eq!(update.unwrap(), UpdateUserOutcome::Updated);
        let increment = users.increment_user_sessions_counter(&user.id, zero).await;
        assert_eq!(increment.unwrap(), UpdateUserOutcome::Updated);
        let delete = users.delete_user(&user.id).await.unwrap();
        assert_eq!(delete, UpdateUserOutcome::Updated);
        drop(users);

        let (deadline, mut by_index) = (Instant::now() + Duration::from_secs(30), 0);
        while by_index < 6 {
            assert!(
                Instant::now() < deadline,
                "{by_index} look-ups were counted"
            );
            let counts = format!(
                "SELECT coalesce(idx_scan, 0), seq_tup_read FROM pg_stat_all_tables
                 WHERE relid = '{}.users'::regclass",
                schema.name()
            );
            let row = query(AssertSqlSafe(counts));
            let row = row.fetch_one(&mut schema.connection().await).await.unwrap();
            by_index = row.get::<i64, _>(0);
            assert_eq!(row.get::<i64, _>(1), 0, "{id}");
        }
    }
}

async fn refusal(schema: &Schema, table: UsersTable) -> String {
    let connected = PostgresUserStore::connect_existing(&schema.url(), table).await;
    let refusal = chain(&connected.unwrap_err());
    assert!(
        refusal.starts_with("check the users table in PostgreSQL: "),
        "{refusal}"
    );
    refusal
}

async fn an_unfit_table_is_refused_with_its_defect(schema: &'static Schema) {
    let ours = UsersTable::default;
    let named = |name: &str| {
        let mut table = UsersTable::default();
        table.name = name.into();
        table
    };
    let serial = "id SERIAL PRIMARY KEY";
    let plain = "email_address TEXT NOT NULL";
    let index = |index: &str| format!(");\nCREATE UNIQUE INDEX ON users {index};");
    for (changes, table, expected) in [
        (vec![], named("people"), "there is no table \"people\""),
        (
            vec![],
            named("users\"; DROP TABLE users; --"),
            "there is no table",
        ),
        (
            vec![(
                ");",
                "); ALTER TABLE users RENAME TO t; CREATE VIEW users AS SELECT * FROM t;",
            )],
            ours(),
            "there is no table \"users\"",
        ),
        (
            vec![("password_salt BYTEA NOT NULL,", "")],
            ours(),
            "lacks the columns [\"password_salt\"]",
        ),
        (
            vec![(ADDRESS, plain)],
            ours(),
            "\"email_address\" of the table \"users\" has no unique index",
        ),
        (
            vec![(TEXT_ID, "id TEXT NOT NULL")],
            ours(),
            "\"id\" of the table \"users\" has no unique index",
        ),
        (
            vec![
                (ADDRESS, plain),
                (");", &index("(email_address) WHERE disabled")),
            ],
            ours(),
            "\"email_address\" of the table \"users\" has no unique index",
        ),
        (
            vec![(ADDRESS, plain), (");", &index("(lower(email_address))"))],
            ours(),
            "\"email_address\" of the table \"users\" has no unique index",
        ),
        (
            vec![
                (ADDRESS, plain),
                (");", &index("(disabled, email_address)")),
            ],
            ours(),
            "\"email_address\" of the table \"users\" has no unique index",
        ),
        (
            vec![(TEXT_ID, "colour TEXT NOT NULL, id TEXT PRIMARY KEY")],
            ours(),
            "\"colour\" of the table \"users\" may not be NULL",
        ),
        (
            vec![(TEXT_ID, serial)],
            ours(),
            "let the database generate the IDs",
        ),
        (vec![], generated(), "no default that generates IDs"),
        (
            vec![(TEXT_ID, "id DATE PRIMARY KEY")],
            ours(),
            "is of the type pg_catalog.date, not text, integer or uuid",
        ),
        (
            vec![(ADDRESS, "email_address CHAR(100) UNIQUE")],
            ours(),
            "is of the type pg_catalog.bpchar, not text",
        ),
        (
            vec![("password_hash BYTEA", "password_hash TEXT")],
            ours(),
            "is of the type pg_catalog.text, not bytea; change it, set users_table.password_hash_format = \"encoded\", or name",
        ),
        (
            vec![],
            encoded(),
            "3 defects: (1) the column \"password_hash\" of the table \"users\" is of the type pg_catalog.bytea, not text; change \
             it, set users_table.password_hash_format = \"parts\", or name another one by users_table.columns.password_hash; (2)",
        ),
        (
            vec![("password_hash BYTEA", "password_hash VARCHAR(96)")],
            encoded(),
            "holds 96 characters and needs 97; make it longer, or name another one by users_table.columns.password_hash",
        ),
        (vec![], named(""), "empty name"),
        // Everything is told at once, with the settings that help.
        (
            vec![
                ("password_salt BYTEA NOT NULL,", "plan TEXT NOT NULL,"),
                (TEXT_ID, "id INTEGER PRIMARY KEY"),
                (ADDRESS, plain),
            ],
            ours(),
            "4 defects: (1) the table \"users\" lacks the columns [\"password_salt\"]; add them, or name its own with the keys of \
             users_table.columns: password_salt, or set users_table.password_hash_format = \"encoded\" if hashes are in one column \
             of text; (2) the column \"plan\" of the table \"users\" may not be NULL and has no \
             default, so no user can be created; give it a default, or let clients fill it by users_table.signup_fields; (3) the column \"id\" of the table \"users\" holds no \
             text; let the database generate the IDs (users_table.id_generation = \"database\"), or name another one by \
             users_table.columns.id; (4) the column \"email_address\" of the table \"users\" has no unique index",
        ),
    ] {
        let schema = schema.another().await;
        let definition = changes
            .iter()
            .fold(DEFAULT.to_owned(), |definition, (from, to)| {
                assert!(definition.contains(from), "{from}");
                definition.replacen(from, to, 1)
            });
        schema.execute(definition).await;
        let refusal = refusal(&schema, table).await;
        assert!(refusal.contains(expected), "{expected}: {refusal}");
    }
}

async fn deleting_a_user_obeys_the_applications_foreign_keys(schema: &'static Schema) {
    let schema = with(schema, TEXT_ID, TEXT_ID).await;
    schema
        .execute(
            "CREATE TABLE note (owner TEXT REFERENCES users (id) ON DELETE CASCADE);
             CREATE TABLE invoice (owner TEXT REFERENCES users (id))",
        )
        .await;
    let users = connect(&schema, UsersTable::default()).await;
    let (ada, grace) = (
        create(&users, "ada@example.com").await,
        create(&users, "grace@example.com").await,
    );
    schema
        .execute(format!(
            "INSERT INTO note VALUES ('{}'); INSERT INTO invoice VALUES ('{}')",
            ada.id, grace.id
        ))
        .await;
    assert_eq!(
        users.delete_user(&ada.id).await.unwrap(),
        UpdateUserOutcome::Updated
    );
    let row = query("SELECT count(*) FROM note");
    let row = row.fetch_one(&mut schema.connection().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);
    let error = users.delete_user(&grace.id).await.unwrap_err();
    assert!(chain(&error).contains("invoice_owner_fkey"), "{error:?}");
    assert!(users.get_user(&grace.id).await.unwrap().is_some());
}

async fn a_check_writes_nothing_and_notices_that_nothing_can_be_written(schema: &'static Schema) {
    let schema = with(
        schema,
        TEXT_ID,
        "id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    )
    .await;
    schema
        .execute(
            "CREATE TABLE log (line TEXT);
             CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END $$;
             CREATE TRIGGER each_statement AFTER INSERT OR UPDATE OR DELETE ON users
                FOR EACH STATEMENT EXECUTE FUNCTION write()",
        )
        .await;
    let users = connect(&schema, generated()).await;
    users.check().await.unwrap();
    let row = query("SELECT count(*) FROM log");
    let row = row.fetch_one(&mut schema.connection().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);

    let read_only = format!("{}&options[default_transaction_read_only]=on", schema.url());
    let users = PostgresUserStore::connect_existing(&read_only, generated()).await;
    let users = users.unwrap();
    assert_eq!(users.get_user(&"1".into()).await.unwrap(), None);
    let error = users.check().await.unwrap_err();
    assert!(chain(&error).contains("25006"), "{error:?}");
}

async fn privileges_that_are_lacking_are_told(schema: &'static Schema) {
    let schema = with(schema, TEXT_ID, TEXT_ID).await;
    let (name, role) = (schema.name(), format!("faroe_{}", server::random()));
    let all = "email_address, password_hash, password_hash_algorithm_id, password_salt, email_address_counter, \
               password_hash_counter, sessions_counter";
    let steps = [
        (
            format!("SELECT ON users TO {role}"),
            "INSERT, UPDATE, DELETE on the table \"users\"",
        ),
        (
            format!("INSERT (id, {all}), UPDATE ({all}) ON users TO {role}"),
            "INSERT, DELETE on",
        ),
        (
            format!("INSERT (disabled, disabled_counter), DELETE ON users TO {role}"),
            "",
        ),
    ];
    schema
        .execute(format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}"
        ))
        .await;
    let url = format!("{}&options[role]={role}", schema.url());
    for (grant, lacking) in steps {
        schema.execute(format!("GRANT {grant}")).await;
        let connected = PostgresUserStore::connect_existing(&url, UsersTable::default()).await;
        match connected {
            Ok(users) => {
                assert_eq!(lacking, "");
                users.check().await.unwrap();
                let user = create(&users, "ada@example.com").await;
                let _ = users.delete_user(&user.id).await.unwrap();
            }
            Err(error) => assert!(
                chain(&error).contains(lacking) && !lacking.is_empty(),
                "{error:?}"
            ),
        }
    }
    schema
        .execute(format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

async fn a_sample_has_the_hashes_of_users_with_a_password(schema: &'static Schema) {
    let schema = with(
        schema,
        "password_hash_algorithm_id TEXT NOT NULL",
        "password_hash_algorithm_id TEXT",
    )
    .await;
    let users = connect(&schema, UsersTable::default()).await;
    assert_eq!(users.sample_password_hashes().await.unwrap(), []);
    for address in [
        "a@example.com",
        "b@example.com",
        "c@example.com",
        "d@example.com",
        "e@example.com",
    ] {
        create(&users, address).await;
    }
    for (address, id) in [
        ("a", "NULL"),
        ("b", "'', password_hash = ''"),
        ("c", "'other'"),
    ] {
        let set = "UPDATE users SET password_hash_algorithm_id";
        schema
            .execute(format!(
                "{set} = {id} WHERE email_address = '{address}@example.com'"
            ))
            .await;
    }
    let sample = users.sample_password_hashes().await.unwrap();
    let mut ids: Vec<_> = sample.iter().map(|hash| &*hash.algorithm_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["", "algorithm", "algorithm", "other"]);
}

async fn servers_that_start_at_once_all_start_and_a_table_that_is_not_ours_is_refused(
    schema: &'static Schema,
) {
    let fresh = schema.another().await;
    let mut servers = JoinSet::new();
    for _ in 0..8 {
        let url = fresh.url();
        servers.spawn(async move { PostgresUserStore::connect(&url).await.unwrap() });
    }
    let servers = servers.join_all().await;
    let user = create(&servers[0], "ada@example.com").await;
    assert_eq!(servers[7].get_user(&user.id).await.unwrap(), Some(user));

    let taken = schema.another().await;
    taken.execute("CREATE TABLE users (id INT)").await;
    let error = PostgresUserStore::connect(&taken.url()).await.unwrap_err();
    assert!(
        chain(&error).contains("\"users\" already exists"),
        "{error:?}"
    );
}
