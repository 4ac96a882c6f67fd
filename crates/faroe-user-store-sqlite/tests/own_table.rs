//! An existing table of an application.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_sqlite::rusqlite::Connection;
use faroe_user_store_sqlite::{IdGeneration, PasswordHashFormat, SqliteUserStore, UsersTable};
use tempfile::TempDir;

struct Application {
    _folder: TempDir,
    path: PathBuf,
    connection: Connection,
}

impl Application {
    fn new(schema: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("application.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(schema).unwrap();
        Self {
            _folder: folder,
            path,
            connection,
        }
    }

    fn connect(
        &self,
        table: UsersTable,
    ) -> impl Future<Output = Result<SqliteUserStore, AdapterError>> + Send + use<> {
        SqliteUserStore::connect_existing(self.path.clone(), table)
    }
}

const DEFAULT: &str = include_str!("../schema.sql");

/// The default table, made by the application, with one text replaced.
fn with(from: &str, to: &str) -> Application {
    assert!(DEFAULT.contains(from));
    Application::new(&DEFAULT.replacen(from, to, 1))
}

fn named(name: &str) -> UsersTable {
    let mut table = UsersTable::default();
    table.name = name.into();
    table
}

fn numbers() -> UsersTable {
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
        salt: b"salt".to_vec().into(),
        hash: b"hash".to_vec().into(),
    }
}

async fn create(users: &SqliteUserStore, address: &str) -> User {
    match users
        .create_user(NewUser::new(address, hash()))
        .await
        .unwrap()
    {
        CreateUserOutcome::Created(user) => user,
        other => panic!("{address}: {other:?}"),
    }
}

#[tokio::test]
async fn any_names_are_only_names() {
    let names = [
        "select",
        "a b",
        "it's",
        "quo\"te",
        "back`tick",
        "[bracket]",
        "?1",
        "x; DROP TABLE \"users\"",
        "名前",
        "a.b",
        "--",
    ];
    let mut table = UsersTable::default();
    table.name = "or\"der; --.ü".into();
    let columns = &mut table.columns;
    let optional = [
        &mut columns.disabled,
        &mut columns.disabled_counter,
        &mut columns.display_name,
    ];
    for (column, name) in [
        &mut columns.id,
        &mut columns.email_address,
        &mut columns.password_hash,
        &mut columns.password_hash_algorithm_id,
        &mut columns.password_salt,
        &mut columns.email_address_counter,
        &mut columns.password_hash_counter,
        &mut columns.sessions_counter,
    ]
    .into_iter()
    .chain(optional.into_iter().flatten())
    .zip(names)
    {
        *column = name.to_owned();
    }
    let quoted = names.map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    let application = Application::new(&format!(
        "CREATE TABLE \"or\"\"der; --.ü\" ({}, UNIQUE ({}), UNIQUE ({}))",
        quoted.join(", "),
        quoted[0],
        quoted[1]
    ));
    let users = application.connect(table).await.unwrap();
    let user = create(&users, "ada@example.com").await;
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user.clone()));
    let again = users
        .create_user(NewUser::new("ada@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(again, CreateUserOutcome::EmailAddressAlreadyUsed);
    let update = users
        .update_user_password_hash(&user.id, &hash(), Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateUserOutcome::Updated);
    assert_eq!(
        users.delete_user(&user.id).await.unwrap(),
        UpdateUserOutcome::Updated
    );
}

#[tokio::test]
async fn columns_of_the_application_keep_their_values() {
    let application = with(
        "id TEXT",
        "colour TEXT NOT NULL DEFAULT 'green', upper TEXT AS (upper(email_address)), id TEXT",
    );
    let users = application.connect(UsersTable::default()).await.unwrap();
    let user = create(&users, "ada@example.com").await;
    let set = "UPDATE users SET colour = 'blue', display_name = 'Ada', disabled = 1, disabled_counter = 7";
    assert_eq!(application.connection.execute(set, []).unwrap(), 1);

    let update = users
        .update_user_email_address(&user.id, "ada@example.org", Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateUserEmailAddressOutcome::Updated);
    let colour: String = application
        .connection
        .query_row("SELECT colour FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(colour, "blue");
    let read = users.get_user(&user.id).await.unwrap().unwrap();
    assert_eq!((read.display_name.as_str(), read.disabled), ("Ada", true));
    assert_eq!(read.disabled_counter, Counter::new(7).unwrap());
    let new = create(&users, "grace@example.com").await;
    assert_eq!((new.display_name.as_str(), new.disabled), ("", false));
}

#[tokio::test]
async fn a_number_is_found_only_as_it_is_written() {
    let application = with(
        "id TEXT NOT NULL PRIMARY KEY",
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
    );
    let users = application.connect(numbers()).await.unwrap();
    let user = create(&users, "ada@example.com").await;
    assert_eq!(user.id.as_str(), "1");
    assert!(users.get_user(&user.id).await.unwrap().is_some());
    for id in [
        "01",
        "1 ",
        " 1",
        "+1",
        "1.0",
        "1e0",
        "0x1",
        "1\0",
        "",
        "-1",
        "x",
        "１",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "NULL",
        "Infinity",
    ] {
        let id = UserId::from(id);
        assert_eq!(users.get_user(&id).await.unwrap(), None, "{id}");
        assert_eq!(
            users.delete_user(&id).await.unwrap(),
            UpdateUserOutcome::UserNotFound,
            "{id}"
        );
        let increment = users
            .increment_user_sessions_counter(&id, Counter::ZERO)
            .await;
        assert_eq!(increment.unwrap(), UpdateUserOutcome::UserNotFound, "{id}");
    }
}

#[tokio::test]
async fn addresses_are_compared_exactly_where_the_column_does_not() {
    for column in ["TEXT UNIQUE COLLATE NOCASE", "TEXT UNIQUE COLLATE RTRIM"] {
        let application = with(
            "email_address TEXT NOT NULL UNIQUE",
            &format!("email_address {column}"),
        );
        let users = application.connect(UsersTable::default()).await.unwrap();
        create(&users, "ada@example.com").await;
        for other in [
            "ada@example.com ",
            "adá@example.com",
            "ada@example.co_",
            "%",
        ] {
            assert_eq!(
                users.get_user_by_email_address(other).await.unwrap(),
                None,
                "{other}"
            );
        }
        assert!(
            users
                .get_user_by_email_address("ada@example.com")
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn an_index_on_addresses_that_is_stricter_says_already_used() {
    let application = with(
        "email_address TEXT NOT NULL UNIQUE",
        "email_address TEXT UNIQUE COLLATE NOCASE",
    );
    let users = application.connect(UsersTable::default()).await.unwrap();
    create(&users, "ada@example.com").await;
    let created = users
        .create_user(NewUser::new("ADA@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(created, CreateUserOutcome::EmailAddressAlreadyUsed);
    let grace = create(&users, "grace@example.com").await;
    let update = users
        .update_user_email_address(&grace.id, "ADA@example.com", Counter::ZERO)
        .await;
    assert_eq!(
        update.unwrap(),
        UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed
    );
    // Only in the case of one's own address.
    let update = users
        .update_user_email_address(&grace.id, "GRACE@example.com", Counter::ZERO)
        .await;
    assert_eq!(update.unwrap(), UpdateUserEmailAddressOutcome::Updated);
}

#[tokio::test]
async fn a_unique_column_of_the_application_is_an_error_unless_the_address_is_used() {
    let application = with(
        "id TEXT",
        "badge TEXT NOT NULL DEFAULT 'none' UNIQUE, id TEXT",
    );
    let users = application.connect(UsersTable::default()).await.unwrap();
    create(&users, "ada@example.com").await;
    let error = users
        .create_user(NewUser::new("canary@example.com", hash()))
        .await
        .unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("UNIQUE constraint failed: users.badge")
    );
    assert!(!format!("{error:?}").contains("canary"));
    let again = users
        .create_user(NewUser::new("ada@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(again, CreateUserOutcome::EmailAddressAlreadyUsed);
}

#[tokio::test]
async fn a_conflict_replaces_nobody_whatever_the_schema_says() {
    let application = with(
        "email_address TEXT NOT NULL UNIQUE",
        "email_address TEXT NOT NULL UNIQUE ON CONFLICT REPLACE",
    );
    let users = application.connect(UsersTable::default()).await.unwrap();
    let ada = create(&users, "ada@example.com").await;
    let again = users
        .create_user(NewUser::new("ada@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(again, CreateUserOutcome::EmailAddressAlreadyUsed);
    let grace = create(&users, "grace@example.com").await;
    let update = users
        .update_user_email_address(&grace.id, "ada@example.com", Counter::ZERO)
        .await;
    assert_eq!(
        update.unwrap(),
        UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed
    );
    assert_eq!(users.get_user(&ada.id).await.unwrap(), Some(ada));
}

#[tokio::test]
async fn a_counter_never_wraps() {
    let application = Application::new(DEFAULT);
    let users = application.connect(UsersTable::default()).await.unwrap();
    let id = create(&users, "ada@example.com").await.id;
    let set = "UPDATE users SET email_address_counter = ?1, password_hash_counter = ?1, sessions_counter = ?1";
    application.connection.execute(set, [i32::MAX]).unwrap();
    let before = users.get_user(&id).await.unwrap();
    users
        .increment_user_sessions_counter(&id, Counter::MAX)
        .await
        .unwrap_err();
    users
        .update_user_password_hash(&id, &hash(), Counter::MAX)
        .await
        .unwrap_err();
    users
        .update_user_email_address(&id, "a@b", Counter::MAX)
        .await
        .unwrap_err();
    assert_eq!(users.get_user(&id).await.unwrap(), before);
    let absent = users
        .increment_user_sessions_counter(&"absent".into(), Counter::MAX)
        .await;
    assert_eq!(absent.unwrap(), UpdateUserOutcome::UserNotFound);
}

fn refusal(connected: Result<SqliteUserStore, AdapterError>) -> String {
    ErrorChain(&connected.unwrap_err()).to_string()
}

#[tokio::test]
async fn an_unfit_table_is_refused_with_its_defect() {
    let number = "id INTEGER PRIMARY KEY";
    for (from, to, table, expected) in [
        (
            "TABLE users",
            "TABLE people",
            UsersTable::default(),
            "there is no table \"users\"",
        ),
        (
            ") STRICT;",
            ") STRICT; ALTER TABLE users RENAME TO t; CREATE VIEW users AS SELECT * FROM t;",
            UsersTable::default(),
            "is a view",
        ),
        (
            "password_salt BLOB NOT NULL,",
            "",
            UsersTable::default(),
            "lacks the columns [\"password_salt\"]",
        ),
        (
            "TEXT NOT NULL UNIQUE",
            "TEXT NOT NULL",
            UsersTable::default(),
            "\"email_address\" of the table \"users\" has no unique index",
        ),
        (
            "id TEXT NOT NULL PRIMARY KEY",
            "id TEXT NOT NULL",
            UsersTable::default(),
            "\"id\" of the table \"users\" has no unique index",
        ),
        (
            "id TEXT",
            "colour TEXT NOT NULL, id TEXT",
            UsersTable::default(),
            "\"colour\" of the table \"users\" may not be NULL",
        ),
        (
            "id TEXT NOT NULL PRIMARY KEY",
            number,
            UsersTable::default(),
            "let the database generate the IDs",
        ),
        (
            "id TEXT NOT NULL PRIMARY KEY",
            number,
            numbers(),
            "is not AUTOINCREMENT",
        ),
        (
            "id TEXT",
            "id TEXT",
            numbers(),
            "no default that generates IDs",
        ),
        // Everything is told at once, with the settings that help.
        (
            "id TEXT NOT NULL PRIMARY KEY,
    email_address TEXT NOT NULL UNIQUE,
    password_hash BLOB NOT NULL,",
            "id INTEGER PRIMARY KEY,
    email_address TEXT,
    plan TEXT NOT NULL,",
            UsersTable::default(),
            "4 defects: (1) the table \"users\" lacks the columns [\"password_hash\"]; add them, or name its own with the keys of \
             users_table.columns: password_hash; (2) the column \"plan\" of the table \"users\" may not be NULL and has no \
             default, so no user can be created; give it a default, or let clients fill it by users_table.signup_fields; (3) the column \"id\" of the table \"users\" holds \
             numbers; let the database generate the IDs (users_table.id_generation = \"database\"), or name another one by \
             users_table.columns.id; (4) the column \"email_address\" of the table \"users\" has no unique index",
        ),
        (
            "id TEXT",
            "id TEXT",
            encoded(),
            "3 defects: (1) the column \"password_hash\" of the table \"users\" is of the type BLOB, not TEXT; change it, set \
             users_table.password_hash_format = \"parts\", or name another one by users_table.columns.password_hash; (2) the \
             column \"password_hash_algorithm_id\" of the table \"users\" may not be NULL",
        ),
        ("id TEXT", "id TEXT", named(""), "empty name"),
        ("id TEXT", "id TEXT", named("a\0b"), "contains NUL"),
    ] {
        let refusal = refusal(with(from, to).connect(table).await);
        assert!(
            refusal.starts_with("check the users table in SQLite: "),
            "{refusal}"
        );
        assert!(refusal.contains(expected), "{expected}: {refusal}");
    }
    let partial = "UNIQUE INDEX some ON users (email_address) WHERE disabled = 0";
    let expression = "UNIQUE INDEX lower ON users (lower(email_address))";
    let pair = "UNIQUE INDEX pair ON users (disabled, email_address)";
    for index in [partial, expression, pair] {
        let schema = format!(
            "{}; CREATE {index}",
            DEFAULT.replace("TEXT NOT NULL UNIQUE", "TEXT NOT NULL")
        );
        let refusal = refusal(
            Application::new(&schema)
                .connect(UsersTable::default())
                .await,
        );
        assert!(
            refusal.contains("no unique index of its own on all rows"),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_default_of_the_database_may_make_the_ids() {
    let application = with(
        "id TEXT NOT NULL PRIMARY KEY",
        "id TEXT NOT NULL PRIMARY KEY DEFAULT (hex(randomblob(8)))",
    );
    let users = application.connect(numbers()).await.unwrap();
    let user = create(&users, "ada@example.com").await;
    assert_eq!(user.id.as_str().len(), 16);
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
}

#[tokio::test]
async fn deleting_a_user_obeys_the_applications_foreign_keys() {
    let application = Application::new(&format!(
        "{DEFAULT}
         CREATE TABLE note (owner TEXT REFERENCES users (id) ON DELETE CASCADE);
         CREATE TABLE invoice (owner TEXT REFERENCES users (id));"
    ));
    let users = application.connect(UsersTable::default()).await.unwrap();
    let (ada, grace) = (
        create(&users, "ada@example.com").await,
        create(&users, "grace@example.com").await,
    );
    let connection = &application.connection;
    connection
        .execute("INSERT INTO note VALUES (?1)", [ada.id.as_str()])
        .unwrap();
    connection
        .execute("INSERT INTO invoice VALUES (?1)", [grace.id.as_str()])
        .unwrap();
    assert_eq!(
        users.delete_user(&ada.id).await.unwrap(),
        UpdateUserOutcome::Updated
    );
    let notes: i64 = connection
        .query_row("SELECT count(*) FROM note", [], |row| row.get(0))
        .unwrap();
    assert_eq!(notes, 0);
    users.delete_user(&grace.id).await.unwrap_err();
    assert!(users.get_user(&grace.id).await.unwrap().is_some());
}

#[tokio::test]
async fn users_survive_a_restart_and_a_table_that_is_not_ours_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.sqlite");
    let user = create(
        &SqliteUserStore::connect(&path).await.unwrap(),
        "ada@example.com",
    )
    .await;
    let users = SqliteUserStore::connect(&path).await.unwrap();
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));

    let application = Application::new("CREATE TABLE users (id)");
    let error = SqliteUserStore::connect(&application.path)
        .await
        .unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("table users already exists")
    );
    let absent = folder.path().join("absent.sqlite");
    SqliteUserStore::connect_existing(&absent, UsersTable::default())
        .await
        .unwrap_err();
    assert!(!absent.exists());
}

#[tokio::test]
async fn a_check_notices_that_nothing_can_be_written() {
    let application = with(
        "id TEXT NOT NULL PRIMARY KEY",
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
    );
    let users = application.connect(numbers()).await.unwrap();
    let user = create(&users, "ada@example.com").await;
    users.check().await.unwrap();
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));

    application
        .connection
        .execute_batch("BEGIN IMMEDIATE")
        .unwrap();
    let error = users.check().await.unwrap_err();
    assert!(
        ErrorChain(&error).to_string().contains("locked"),
        "{error:?}"
    );
    application.connection.execute_batch("COMMIT").unwrap();
    users.check().await.unwrap();
}

#[tokio::test]
async fn a_sample_has_the_hashes_of_users_with_a_password() {
    let application = with(
        "password_hash_algorithm_id TEXT NOT NULL",
        "password_hash_algorithm_id TEXT",
    );
    let users = application.connect(UsersTable::default()).await.unwrap();
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
        ("b", "'', password_hash = x''"),
        ("c", "'other'"),
    ] {
        let set = "UPDATE users SET password_hash_algorithm_id";
        let set = format!("{set} = {id} WHERE email_address = '{address}@example.com'");
        application.connection.execute(&set, ()).unwrap();
    }
    let sample = users.sample_password_hashes().await.unwrap();
    let mut ids: Vec<_> = sample.iter().map(|hash| &*hash.algorithm_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["", "algorithm", "algorithm", "other"]);
}

#[tokio::test]
async fn a_user_whose_password_columns_are_null_has_no_password_until_one_is_set() {
    let nullable = DEFAULT
        .replace("password_hash BLOB NOT NULL", "password_hash BLOB")
        .replace(
            "password_hash_algorithm_id TEXT NOT NULL",
            "password_hash_algorithm_id TEXT",
        )
        .replace("password_salt BLOB NOT NULL", "password_salt BLOB");
    let application = Application::new(&nullable);
    let insert = "INSERT INTO users (id, email_address) VALUES ('1', 'old@example.com')";
    application.connection.execute(insert, ()).unwrap();
    let users = application.connect(UsersTable::default()).await.unwrap();
    let old = users.get_user_by_email_address("old@example.com").await;
    let old = old.unwrap().unwrap();
    assert_eq!(users.get_user(&old.id).await.unwrap(), Some(old.clone()));
    assert!(PasswordHash::from(&old).is_empty());
    let new = hash();
    let set = users.update_user_password_hash(&old.id, &new, old.password_hash_counter);
    assert_eq!(set.await.unwrap(), UpdateUserOutcome::Updated);
    let with_password = users.get_user(&old.id).await.unwrap().unwrap();
    assert_eq!(PasswordHash::from(&with_password), new);
}
