//! P72, P81: tables of an application with rules and fields of their own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserFieldValue, UserFields, UserStore,
    },
};
use faroe_mysql::sqlx::{Row, query};
use faroe_testkit::promise;
use faroe_user_store_mysql::{IdGeneration, MysqlUserStore, UsersTable};

use crate::server::{Case, Schema, cases};

#[path = "../../faroe-mysql/tests/support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    server::run(&Schema::create(), Vec::new(), CASES)
}

const CASES: &[Case] = cases![
    p72_a_look_up_finds_the_user_whom_an_index_without_letter_case_protects,
    p72_two_addresses_that_differ_in_letter_case_only_are_told_before_it_is_ignored,
    p72_columns_that_the_protocol_knows_are_filled,
    p72_columns_that_are_too_short_for_every_user_are_told_at_start,
    p72_an_address_that_no_row_can_hold_is_refused_when_it_is_looked_for,
    p72_a_user_whom_a_rule_refuses_leaves_no_row,
    p72_a_trigger_that_lower_cases_addresses_shows_in_the_answer,
    p72_a_user_whom_other_rows_refer_to_is_not_deleted,
    p81_fields_are_written_exactly_into_their_columns,
    p81_a_value_that_a_rule_refuses_is_an_invalid_field,
    p81_a_field_without_a_column_of_its_own_is_told_at_start,
];

const DEFAULT: &str = include_str!("../schema.sql");
const ADDRESS: &str = "email_address VARBINARY(255) NOT NULL UNIQUE";
const ID: &str = "id VARBINARY(24) NOT NULL PRIMARY KEY";

/// A schema with the default table, some texts replaced, and other statements after it.
async fn with(schema: &Schema, changes: &[(&str, &str)], after: &str) -> Schema {
    let schema = schema.another().await;
    let table = changes
        .iter()
        .fold(DEFAULT.to_owned(), |table, (from, to)| {
            assert!(table.contains(from), "{from}");
            table.replacen(from, to, 1)
        });
    schema.execute(table).await;
    if !after.is_empty() {
        schema.execute(after.to_owned()).await;
    }
    schema
}

async fn open(schema: &Schema) -> MysqlUserStore {
    open_as(schema, UsersTable::default()).await.unwrap()
}

async fn open_as(schema: &Schema, table: UsersTable) -> Result<MysqlUserStore, AdapterError> {
    MysqlUserStore::connect_existing(&schema.url(), table).await
}

fn ignoring() -> UsersTable {
    let mut table = UsersTable::default();
    table.ignores_email_address_case = true;
    table
}

fn generated() -> UsersTable {
    let mut table = UsersTable::default();
    table.id_generation = IdGeneration::Database;
    table
}

fn hash() -> PasswordHash {
    PasswordHash {
        algorithm_id: "algorithm".into(),
        salt: vec![1].into(),
        hash: vec![2].into(),
    }
}

async fn create(users: &MysqlUserStore, address: &str) -> User {
    match users.create_user(NewUser::new(address, hash())).await {
        Ok(CreateUserOutcome::Created(user)) => user,
        other => panic!("{address}: {other:?}"),
    }
}

async fn rows(schema: &Schema) -> i64 {
    let count = query("SELECT count(*) FROM users");
    let row = count.fetch_one(&mut schema.connection().await).await;
    row.unwrap().get(0)
}

fn chain(error: &AdapterError) -> String {
    ErrorChain(error).to_string()
}

/// Checks that an error is a refusal that names the rule and no value.
fn assert_refused(error: &AdapterError, rule: &str) {
    assert!(error.is_refusal(), "{error:?}");
    let error = chain(error);
    assert!(error.contains(rule), "{rule}: {error}");
    assert!(!error.contains("canary"), "{error}");
}

async fn p72_a_look_up_finds_the_user_whom_an_index_without_letter_case_protects(
    schema: &'static Schema,
) {
    for collation in [
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "CHARACTER SET ascii COLLATE ascii_general_ci",
    ] {
        let address = format!("email_address VARCHAR(100) {collation} NOT NULL UNIQUE");
        let schema = with(schema, &[(ADDRESS, &address)], "").await;
        let users = open(&schema).await;
        open_as(&schema, ignoring()).await.unwrap();
        let user = create(&users, "Ada@example.com").await;
        for spelling in ["Ada@example.com", "ada@example.com", "ADA@EXAMPLE.COM"] {
            let found = users.get_user_by_email_address(spelling).await;
            assert_eq!(
                found.unwrap().as_ref(),
                Some(&user),
                "{spelling}, {collation}"
            );
            let again = users.create_user(NewUser::new(spelling, hash())).await;
            let used = CreateUserOutcome::EmailAddressAlreadyUsed;
            assert_eq!(again.unwrap(), used, "{spelling}, {collation}");
        }
        let other = create(&users, "grace@example.com").await;
        let update = users.update_user_email_address(&other.id, "ADA@example.com", Counter::ZERO);
        let used = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
        assert_eq!(update.await.unwrap(), used, "{collation}");
    }
    let schema = with(schema, &[], "").await;
    let users = open(&schema).await;
    create(&users, "Ada@example.com").await;
    let found = users.get_user_by_email_address("ada@example.com").await;
    assert_eq!(found.unwrap(), None);
    let error = chain(&open_as(&schema, ignoring()).await.unwrap_err());
    assert!(error.contains("ignores letter case"), "{error}");
    assert!(error.contains("email_address_case"), "{error}");
    assert!(error.contains("ascii_general_ci"), "{error}");
    promise::report("P72", "MySQL: 2 kinds of indexes without letter case");
}

async fn p72_two_addresses_that_differ_in_letter_case_only_are_told_before_it_is_ignored(
    schema: &'static Schema,
) {
    let schema = schema.another().await;
    let users = MysqlUserStore::connect(&schema.url()).await.unwrap();
    create(&users, "ada@example.com").await;
    let other = create(&users, "Ada@example.com").await;
    let error = MysqlUserStore::connect_ignoring_case(&schema.url()).await;
    let error = chain(&error.unwrap_err());
    assert!(error.contains("no two users"), "{error}");
    assert!(!error.contains("da@"), "{error}");
    let deleted = users.delete_user(&other.id).await.unwrap();
    assert_eq!(deleted, UpdateUserOutcome::Updated);
    let users = MysqlUserStore::connect_ignoring_case(&schema.url())
        .await
        .unwrap();
    let found = users.get_user_by_email_address("ADA@example.com").await;
    assert_eq!(found.unwrap().unwrap().email_address, "ada@example.com");
}

async fn p72_columns_that_the_protocol_knows_are_filled(schema: &'static Schema) {
    let changes = [
        (" DEFAULT ''", ""),
        (
            "disabled BOOLEAN NOT NULL DEFAULT FALSE",
            "disabled BOOLEAN NOT NULL",
        ),
        (
            "disabled_counter INT NOT NULL DEFAULT 0",
            "disabled_counter INT NOT NULL",
        ),
    ];
    let schema_without = with(schema, &changes, "").await;
    let user = create(&open(&schema_without).await, "ada@example.com").await;
    assert_eq!((user.display_name.as_str(), user.disabled), ("", false));
    assert_eq!(user.disabled_counter, Counter::ZERO);

    // A default stays what the application made it, and so does a generated column.
    let changes = [
        ("DEFAULT ''", "DEFAULT 'you'"),
        (
            "disabled_counter INT NOT NULL DEFAULT 0",
            "disabled_counter INT GENERATED ALWAYS AS (7) STORED",
        ),
    ];
    let schema_with = with(schema, &changes, "").await;
    let user = create(&open(&schema_with).await, "ada@example.com").await;
    assert_eq!(user.display_name, "you");
    assert_eq!(user.disabled_counter, Counter::new(7).unwrap());
}

async fn p72_columns_that_are_too_short_for_every_user_are_told_at_start(schema: &'static Schema) {
    let changes = [
        (ID, "id VARCHAR(20) PRIMARY KEY"),
        (
            "password_salt VARBINARY(1024)",
            "password_salt VARBINARY(15)",
        ),
    ];
    let schema = with(schema, &changes, "").await;
    let error = chain(&open_as(&schema, UsersTable::default()).await.unwrap_err());
    assert!(
        error.contains("\"id\" of the table \"users\" holds 20 characters and needs 24"),
        "{error}"
    );
    assert!(
        error.contains("users_table.columns.password_salt"),
        "{error}"
    );
}

async fn p72_an_address_that_no_row_can_hold_is_refused_when_it_is_looked_for(
    schema: &'static Schema,
) {
    for address in [
        "email_address VARCHAR(16) NOT NULL UNIQUE",
        "email_address VARBINARY(16) NOT NULL UNIQUE",
    ] {
        let schema = with(schema, &[(ADDRESS, address)], "").await;
        let users = open(&schema).await;
        let user = create(&users, "ada@ours.example").await;
        let refused = users.get_user_by_email_address("canary@example.com").await;
        assert_refused(&refused.unwrap_err(), "too short");
        let new_user = NewUser::new("canary@example.com", hash());
        assert_refused(
            &users.create_user(new_user).await.unwrap_err(),
            "email_address",
        );
        let update = users.update_user_email_address(&user.id, "canary@example.com", Counter::ZERO);
        assert_refused(&update.await.unwrap_err(), "email_address");
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
        assert_eq!(rows(&schema).await, 1);
    }
}

fn trigger(body: &str) -> String {
    format!("CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW {body}")
}

async fn p72_a_user_whom_a_rule_refuses_leaves_no_row(schema: &'static Schema) {
    let check = "email_address VARCHAR(100) NOT NULL UNIQUE,
        CONSTRAINT only_ours CHECK (email_address LIKE '%@ours.example')";
    let badge =
        "badge VARCHAR(9) NOT NULL DEFAULT 'none' UNIQUE, id VARBINARY(24) NOT NULL PRIMARY KEY";
    let first = "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt)
        VALUES ('1', 'first@example.com', '', 'a', '')";
    let raises = trigger("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'canary says no'");
    let rewrites = trigger("SET NEW.email_address = 'eve@example.com'");
    let renames = trigger("SET NEW.id = 'another'");
    for (changes, after, rule, left) in [
        (vec![(ADDRESS, check)], "", "only_ours", 0),
        (vec![], &*raises, "1644", 0),
        (vec![], &*rewrites, "a trigger changed the new row", 0),
        (vec![], &*renames, "a trigger changed the new row", 0),
        (vec![(ID, badge)], first, "badge", 1),
    ] {
        let schema = with(schema, &changes, after).await;
        let users = open(&schema).await;
        let new_user = NewUser::new("canary@example.com", hash());
        assert_refused(&users.create_user(new_user).await.unwrap_err(), rule);
        assert_eq!(rows(&schema).await, left, "{rule}");
    }
    promise::report("P72", "MySQL: 5 rules that refuse a user, no row left");
}

async fn p72_a_trigger_that_lower_cases_addresses_shows_in_the_answer(schema: &'static Schema) {
    let lower = trigger("SET NEW.email_address = LOWER(NEW.email_address)");
    let address =
        "email_address VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE";
    for (id, table) in [
        (ID, UsersTable::default()),
        ("id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", generated()),
        ("id CHAR(36) PRIMARY KEY DEFAULT (UUID())", generated()),
    ] {
        let schema = with(schema, &[(ID, id), (ADDRESS, address)], &lower).await;
        let users = open_as(&schema, table).await.unwrap();
        let user = create(&users, "Ada@Example.com").await;
        assert_eq!(user.email_address, "ada@example.com");
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
    }
}

async fn p72_a_user_whom_other_rows_refer_to_is_not_deleted(schema: &'static Schema) {
    for when in ["", " ON DELETE RESTRICT"] {
        let invoice = format!(
            "CREATE TABLE invoice (owner VARBINARY(24), FOREIGN KEY (owner) REFERENCES users (id){when})"
        );
        let schema = with(schema, &[], &invoice).await;
        let users = open(&schema).await;
        let user = create(&users, "ada@example.com").await;
        schema
            .execute(format!("INSERT INTO invoice VALUES ('{}')", user.id))
            .await;
        let refused = users.delete_user(&user.id).await.unwrap_err();
        assert_refused(&refused, "invoice");
        assert_eq!(
            users.get_user(&user.id).await.unwrap(),
            Some(user),
            "{when}"
        );
    }
    promise::report("P72", "MySQL: 2 kinds of foreign keys, no user deleted");
}

const DISABLED: &str = "disabled BOOLEAN";
const FIELDS: &str = "full_name VARCHAR(20) NOT NULL, `Größe` DECIMAL(10,2), number BIGINT, weight FLOAT,
         born DATE, plan VARCHAR(10) DEFAULT 'free' CHECK (plan IN ('free', 'paid')), member BOOLEAN, secret BLOB, disabled BOOLEAN";

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
        ("weight", "weight"),
        ("born", "born"),
        ("plan", "plan"),
        ("member", "member"),
    ])
}

async fn create_with(
    users: &MysqlUserStore,
    address: &str,
    fields: &[(&str, UserFieldValue)],
) -> CreateUserOutcome {
    let mut new_user = NewUser::new(address, hash());
    new_user.user_fields = UserFields::from_iter(fields.iter().cloned());
    users.create_user(new_user).await.unwrap()
}

async fn p81_fields_are_written_exactly_into_their_columns(schema: &'static Schema) {
    let schema = with(schema, &[(DISABLED, FIELDS)], "").await;
    let users = open_as(&schema, all_fields()).await.unwrap();
    let created = create_with(
        &users,
        "ada@example.com",
        &[
            ("name", "Ada Lovelace".into()),
            ("height", 1.75.into()),
            ("number", 9_007_199_254_740_993.into()),
            ("weight", 0.5.into()),
            ("born", "1815-12-10".into()),
            ("member", true.into()),
        ],
    )
    .await;
    assert!(
        matches!(created, CreateUserOutcome::Created(_)),
        "{created:?}"
    );
    const READ: &str =
        "SELECT CONCAT_WS('|', full_name, `Größe`, number, weight, born, plan, member) FROM users";
    let row = query(READ).fetch_one(&mut schema.connection().await).await;
    let stored: String = row.unwrap().get(0);
    assert_eq!(
        stored,
        "Ada Lovelace|1.75|9007199254740993|0.5|1815-12-10|free|1"
    );
    promise::report("P81", "6 fields of 6 types in their columns");
}

async fn p81_a_value_that_a_rule_refuses_is_an_invalid_field(schema: &'static Schema) {
    let schema = with(schema, &[(DISABLED, FIELDS)], "").await;
    let users = open_as(&schema, all_fields()).await.unwrap();
    for (name, value) in [
        ("name", "x".repeat(21).into()),
        ("name", format!("{}  ", "x".repeat(19)).into()),
        ("name", "\0".into()),
        ("height", 1e9.into()),
        ("number", 0.5.into()),
        ("weight", 16_777_217.into()),
        ("born", "1815-13-10".into()),
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
    assert_eq!(
        users
            .get_user_by_email_address("ada@example.com")
            .await
            .unwrap(),
        None
    );
    let created = create_with(&users, "ada@example.com", &[("name", "Ada".into())]).await;
    assert!(matches!(created, CreateUserOutcome::Created(_)));
}

async fn p81_a_field_without_a_column_of_its_own_is_told_at_start(schema: &'static Schema) {
    let schema = with(schema, &[(DISABLED, FIELDS)], "").await;
    for (column, expected) in [
        ("nickname", "does not exist"),
        ("secret", "holds bytes"),
        ("display_name", "already used"),
        ("Disabled", "already used"),
    ] {
        let table = with_fields(&[("name", "full_name"), ("field", column)]);
        let error = open_as(&schema, table).await.unwrap_err();
        let error = ErrorChain(&error).to_string();
        assert!(
            error.contains(column) && error.contains(expected),
            "{error}"
        );
    }
}
