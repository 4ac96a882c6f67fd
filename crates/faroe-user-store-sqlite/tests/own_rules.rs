//! P72, P81: tables of an application with rules and fields of their own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserFieldValue, UserFields, UserStore,
    },
};
use faroe_sqlite::rusqlite::Connection;
use faroe_testkit::promise;
use faroe_user_store_sqlite::{IdGeneration, SqliteUserStore, UsersTable};
use tempfile::TempDir;

const DEFAULT: &str = include_str!("../schema.sql");
const ADDRESS: &str = "email_address TEXT NOT NULL UNIQUE";
const ID: &str = "id TEXT NOT NULL PRIMARY KEY";
const NUMBER: &str = "id INTEGER PRIMARY KEY AUTOINCREMENT";

struct Application {
    _folder: TempDir,
    path: PathBuf,
    connection: Connection,
}

impl Application {
    /// The default table, made by the application, with some texts replaced and some statements more.
    fn new(changes: &[(&str, &str)], more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("application.sqlite");
        let connection = Connection::open(&path).unwrap();
        let schema = changes
            .iter()
            .fold(DEFAULT.to_owned(), |schema, (from, to)| {
                assert!(schema.contains(from), "{from}");
                schema.replacen(from, to, 1)
            });
        connection.execute_batch(&schema).unwrap();
        connection.execute_batch(more).unwrap();
        Self {
            _folder: folder,
            path,
            connection,
        }
    }

    fn open(&self) -> impl Future<Output = SqliteUserStore> + Send + use<> {
        let opening = self.open_as(UsersTable::default());
        async { opening.await.unwrap() }
    }

    fn open_as(
        &self,
        table: UsersTable,
    ) -> impl Future<Output = Result<SqliteUserStore, AdapterError>> + Send + use<> {
        SqliteUserStore::connect_existing(self.path.clone(), table)
    }

    fn rows(&self) -> i64 {
        let count = "SELECT count(*) FROM users";
        self.connection
            .query_row(count, [], |row| row.get(0))
            .unwrap()
    }
}

fn hash() -> PasswordHash {
    PasswordHash {
        algorithm_id: "algorithm".into(),
        salt: b"salt".to_vec().into(),
        hash: b"hash".to_vec().into(),
    }
}

fn numbers() -> UsersTable {
    let mut table = UsersTable::default();
    table.id_generation = IdGeneration::Database;
    table
}

fn ignoring() -> UsersTable {
    let mut table = UsersTable::default();
    table.ignores_email_address_case = true;
    table
}

async fn create(users: &SqliteUserStore, address: &str) -> User {
    match users.create_user(NewUser::new(address, hash())).await {
        Ok(CreateUserOutcome::Created(user)) => user,
        other => panic!("{address}: {other:?}"),
    }
}

/// Fails unless the user is refused, with a reason that names the rule and no value.
async fn is_refused(users: &SqliteUserStore, rule: &str) {
    let new_user = NewUser::new("canary@example.com", hash());
    let error = users.create_user(new_user).await.unwrap_err();
    assert!(error.is_refusal(), "{error:?}");
    let error = ErrorChain(&error).to_string();
    assert!(error.contains(rule), "{rule}: {error}");
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn p72_a_look_up_finds_the_user_whom_an_index_without_letter_case_protects() {
    let no_case = "CREATE UNIQUE INDEX i ON users (email_address COLLATE NOCASE)";
    let lower = "CREATE UNIQUE INDEX i ON users (lower(\"email_address\"))";
    let column = "email_address TEXT NOT NULL UNIQUE COLLATE NOCASE";
    for (address, index) in [(column, ""), (ADDRESS, no_case), (ADDRESS, lower)] {
        let application = Application::new(&[(ADDRESS, address)], index);
        let users = application.open().await;
        application.open_as(ignoring()).await.unwrap();
        let user = create(&users, "Ada@example.com").await;
        for spelling in ["Ada@example.com", "ada@example.com", "ADA@EXAMPLE.COM"] {
            let found = users.get_user_by_email_address(spelling).await;
            assert_eq!(found.unwrap().as_ref(), Some(&user), "{spelling}, {index}");
            let again = users.create_user(NewUser::new(spelling, hash())).await;
            let used = CreateUserOutcome::EmailAddressAlreadyUsed;
            assert_eq!(again.unwrap(), used, "{spelling}, {index}");
        }
        let other = create(&users, "grace@example.com").await;
        let update = users.update_user_email_address(&other.id, "ADA@example.com", Counter::ZERO);
        let used = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
        assert_eq!(update.await.unwrap(), used, "{index}");
    }
    let application = Application::new(&[], "");
    let users = application.open().await;
    create(&users, "Ada@example.com").await;
    let found = users.get_user_by_email_address("ada@example.com").await;
    assert_eq!(found.unwrap(), None);
    let error = application.open_as(ignoring()).await.unwrap_err();
    let error = ErrorChain(&error).to_string();
    assert!(error.contains("ignores letter case"), "{error}");
    assert!(error.contains("email_address_case"), "{error}");
    promise::report("P72", "SQLite: 3 kinds of indexes without letter case");
}

#[tokio::test]
async fn p72_two_addresses_that_differ_in_letter_case_only_are_told_before_it_is_ignored() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.sqlite");
    let users = SqliteUserStore::connect(&path).await.unwrap();
    create(&users, "ada@example.com").await;
    let other = create(&users, "Ada@example.com").await;
    let error = SqliteUserStore::connect_ignoring_case(&path).await;
    let error = ErrorChain(&error.unwrap_err()).to_string();
    assert!(error.contains("no two users"), "{error}");
    assert!(!error.contains("da@"), "{error}");
    let deleted = users.delete_user(&other.id).await.unwrap();
    assert_eq!(deleted, UpdateUserOutcome::Updated);
    let users = SqliteUserStore::connect_ignoring_case(&path).await.unwrap();
    let found = users.get_user_by_email_address("ADA@example.com").await;
    assert_eq!(found.unwrap().unwrap().email_address, "ada@example.com");
}

#[tokio::test]
async fn p72_columns_that_the_protocol_knows_are_filled() {
    let changes = [
        (" DEFAULT ''", ""),
        (
            "disabled INTEGER NOT NULL DEFAULT 0",
            "disabled INTEGER NOT NULL",
        ),
        (
            "disabled_counter INTEGER NOT NULL DEFAULT 0",
            "disabled_counter INTEGER NOT NULL",
        ),
    ];
    let application = Application::new(&changes, "");
    let users = application.open().await;
    let user = create(&users, "ada@example.com").await;
    assert_eq!((user.display_name.as_str(), user.disabled), ("", false));
    assert_eq!(user.disabled_counter, Counter::ZERO);

    // A default stays what the application made it.
    let changes = [(
        "display_name TEXT NOT NULL DEFAULT ''",
        "display_name TEXT NOT NULL DEFAULT 'you'",
    )];
    let application = Application::new(&changes, "");
    let users = application.open().await;
    let user = create(&users, "ada@example.com").await;
    assert_eq!(user.display_name, "you");
}

#[tokio::test]
async fn p72_a_user_whom_a_rule_refuses_leaves_no_row() {
    let raises = "CREATE TRIGGER t AFTER INSERT ON users
        BEGIN SELECT RAISE(ABORT, 'canary says no'); END";
    let rewrites = "CREATE TRIGGER t AFTER INSERT ON users
        BEGIN UPDATE users SET email_address = 'eve@example.com' WHERE id = NEW.id; END";
    let removes = "CREATE TRIGGER t AFTER INSERT ON users
        BEGIN DELETE FROM users WHERE id = NEW.id; END";
    let check = "email_address TEXT NOT NULL UNIQUE
        CONSTRAINT only_ours CHECK (email_address LIKE '%@ours.example')";
    let badge = "badge TEXT NOT NULL DEFAULT 'none' UNIQUE, id TEXT NOT NULL PRIMARY KEY";
    let first = "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt)
        VALUES ('1', 'first@example.com', x'00', 'a', x'00')";
    for (changes, more, rule, rows) in [
        (vec![(ADDRESS, check)], "", "only_ours", 0),
        (vec![], raises, "constraint", 0),
        (vec![], rewrites, "a trigger changed the new row", 0),
        (vec![], removes, "a trigger changed the new row", 0),
        (vec![(ID, badge)], first, "users.badge", 1),
    ] {
        let application = Application::new(&changes, more);
        let users = application.open().await;
        is_refused(&users, rule).await;
        assert_eq!(application.rows(), rows, "{rule}");
    }
    promise::report("P72", "SQLite: 5 rules that refuse a user, no row left");
}

#[tokio::test]
async fn p72_a_trigger_that_lower_cases_addresses_shows_in_the_answer() {
    let trigger = "CREATE TRIGGER t AFTER INSERT ON users
        BEGIN UPDATE users SET email_address = lower(NEW.email_address) WHERE id = NEW.id; END";
    for (id, table) in [(ID, UsersTable::default()), (NUMBER, numbers())] {
        let application = Application::new(&[(ID, id)], trigger);
        let users = application.open_as(table).await.unwrap();
        let user = create(&users, "Ada@Example.com").await;
        assert_eq!(user.email_address, "ada@example.com");
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
    }
}

#[tokio::test]
async fn p72_a_user_whom_other_rows_refer_to_is_not_deleted() {
    for when in ["", " ON DELETE RESTRICT", " DEFERRABLE INITIALLY DEFERRED"] {
        let invoice = format!("CREATE TABLE invoice (owner TEXT REFERENCES users (id){when})");
        let application = Application::new(&[], &invoice);
        let users = application.open().await;
        let (ada, grace) = (
            create(&users, "ada@example.com").await,
            create(&users, "grace@example.com").await,
        );
        let insert = "INSERT INTO invoice VALUES (?1)";
        application
            .connection
            .execute(insert, [ada.id.as_str()])
            .unwrap();
        // At the same time, so that one may be committed with the other.
        let (refused, deleted) =
            tokio::join!(users.delete_user(&ada.id), users.delete_user(&grace.id));
        let error = refused.unwrap_err();
        assert!(error.is_refusal(), "{when}: {error:?}");
        let error = ErrorChain(&error).to_string();
        assert!(error.contains("FOREIGN KEY"), "{when}: {error}");
        assert_eq!(deleted.unwrap(), UpdateUserOutcome::Updated, "{when}");
        assert_eq!(users.get_user(&ada.id).await.unwrap(), Some(ada), "{when}");
        assert_eq!(application.rows(), 1);
    }
    promise::report("P72", "SQLite: 3 kinds of foreign keys, no user deleted");
}

const DISABLED: &str = "disabled INTEGER";
const FIELDS: &str =
    "full_name TEXT NOT NULL CHECK (length(full_name) <= 20), \"Größe\" REAL, number INTEGER,
    plan TEXT DEFAULT 'free' CHECK (plan IN ('free', 'paid')), member INTEGER, secret BLOB,
    upper TEXT GENERATED ALWAYS AS (upper(full_name)), disabled INTEGER";

fn with_fields(fields: &[(&str, &str)]) -> UsersTable {
    let mut table = UsersTable::default();
    table.signup_fields = fields.iter().copied().collect();
    table
}

fn all_fields() -> UsersTable {
    with_fields(&[
        ("name", "full_name"),
        ("height", "Größe"),
        ("number", "number"),
        ("plan", "plan"),
        ("member", "member"),
    ])
}

async fn create_with(
    users: &SqliteUserStore,
    address: &str,
    fields: &[(&str, UserFieldValue)],
) -> CreateUserOutcome {
    let mut new_user = NewUser::new(address, hash());
    new_user.user_fields = UserFields::from_iter(fields.iter().cloned());
    users.create_user(new_user).await.unwrap()
}

#[tokio::test]
async fn p81_fields_are_written_exactly_into_their_columns() {
    let application = Application::new(&[(DISABLED, FIELDS)], "");
    let users = application.open_as(all_fields()).await.unwrap();
    let created = create_with(
        &users,
        "ada@example.com",
        &[
            ("name", "Ada Lovelace".into()),
            ("height", 1.75.into()),
            ("number", 9_007_199_254_740_993.into()),
            ("member", true.into()),
        ],
    )
    .await;
    assert!(
        matches!(created, CreateUserOutcome::Created(_)),
        "{created:?}"
    );
    const READ: &str = "SELECT full_name || '|' || \"Größe\" || '|' || number || '|' || plan || '|' || member FROM users";
    let stored: String = application
        .connection
        .query_row(READ, (), |row| row.get(0))
        .unwrap();
    assert_eq!(stored, "Ada Lovelace|1.75|9007199254740993|free|1");
    promise::report("P81", "4 fields of 4 types in their columns");
}

#[tokio::test]
async fn p81_a_value_that_a_rule_refuses_is_an_invalid_field() {
    let trigger = "CREATE TRIGGER robots BEFORE INSERT ON users WHEN new.full_name = 'Robot'
        BEGIN SELECT RAISE(ROLLBACK, 'no robots'); END";
    let application = Application::new(&[(DISABLED, FIELDS)], trigger);
    let users = application.open_as(all_fields()).await.unwrap();
    for (name, value) in [
        ("name", "x".repeat(21).into()),
        ("name", "\0".into()),
        ("name", "Robot".into()),
        ("number", 0.5.into()),
        ("plan", "gold".into()),
        ("member", "yes".into()),
        ("full_name", "x".into()),
        ("secret", "x".into()),
    ] {
        let name: &str = name;
        let fields: [(&str, UserFieldValue); 2] = [("name", "Ada".into()), (name, value)];
        let refused = create_with(&users, "ada@example.com", &fields).await;
        assert_eq!(refused, CreateUserOutcome::InvalidUserFields, "{name}");
    }
    let found = users.get_user_by_email_address("ada@example.com").await;
    assert_eq!(found.unwrap(), None);
    let created = create_with(&users, "ada@example.com", &[("name", "Ada".into())]).await;
    assert!(matches!(created, CreateUserOutcome::Created(_)));
}

#[tokio::test]
async fn p81_a_field_without_a_column_of_its_own_is_told_at_start() {
    let application = Application::new(&[(DISABLED, FIELDS)], "");
    for (column, expected) in [
        ("nickname", "does not exist"),
        ("secret", "holds bytes"),
        ("upper", "is generated"),
        ("display_name", "already used"),
        ("Disabled", "already used"),
    ] {
        let table = with_fields(&[("name", "full_name"), ("field", column)]);
        let error = application.open_as(table).await.unwrap_err();
        let error = ErrorChain(&error).to_string();
        assert!(
            error.contains(column) && error.contains(expected),
            "{error}"
        );
    }
}
