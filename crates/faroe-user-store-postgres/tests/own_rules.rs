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
use faroe_postgres::sqlx::{Row, query};
use faroe_testkit::promise;
use faroe_user_store_postgres::{IdGeneration, PostgresUserStore, UsersTable};

use crate::server::{Case, Schema, cases};

#[path = "../../faroe-postgres/tests/support/server.rs"]
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
const ADDRESS: &str = "email_address TEXT COLLATE \"C\" NOT NULL UNIQUE";
const ID: &str = "id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY";

/// A schema with the default table, some texts replaced, between other statements.
async fn with(schema: &Schema, before: &str, changes: &[(&str, &str)], after: &str) -> Schema {
    let schema = schema.another().await;
    let table = changes
        .iter()
        .fold(DEFAULT.to_owned(), |table, (from, to)| {
            assert!(table.contains(from), "{from}");
            table.replacen(from, to, 1)
        });
    schema.execute(format!("{before};{table};{after}")).await;
    schema
}

async fn open(schema: &Schema) -> PostgresUserStore {
    open_as(schema, UsersTable::default()).await.unwrap()
}

/// The search path has the schema of extensions too.
async fn open_as(schema: &Schema, table: UsersTable) -> Result<PostgresUserStore, AdapterError> {
    let url = format!("{},public", schema.url());
    PostgresUserStore::connect_existing(&url, table).await
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

async fn create(users: &PostgresUserStore, address: &str) -> User {
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

const COLLATION: &str = "CREATE COLLATION ignores_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

async fn p72_a_look_up_finds_the_user_whom_an_index_without_letter_case_protects(
    schema: &'static Schema,
) {
    let collated = "email_address TEXT COLLATE ignores_case NOT NULL UNIQUE";
    let varying = "email_address VARCHAR(200) NOT NULL UNIQUE";
    let lower = "CREATE UNIQUE INDEX ON users (lower(email_address))";
    let lower_c = "CREATE UNIQUE INDEX ON users (lower(email_address COLLATE \"C\"))";
    let extension = "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public";
    let citext = "email_address public.citext NOT NULL UNIQUE";
    for (before, address, after) in [
        (extension, citext, ""),
        (COLLATION, collated, ""),
        ("", ADDRESS, lower),
        ("", varying, lower),
        ("", varying, lower_c),
    ] {
        let schema = with(schema, before, &[(ADDRESS, address)], after).await;
        let users = open(&schema).await;
        open_as(&schema, ignoring()).await.unwrap();
        let user = create(&users, "Ada@example.com").await;
        for spelling in ["Ada@example.com", "ada@example.com", "ADA@EXAMPLE.COM"] {
            let found = users.get_user_by_email_address(spelling).await;
            assert_eq!(
                found.unwrap().as_ref(),
                Some(&user),
                "{spelling}, {address}"
            );
            let again = users.create_user(NewUser::new(spelling, hash())).await;
            let used = CreateUserOutcome::EmailAddressAlreadyUsed;
            assert_eq!(again.unwrap(), used, "{spelling}, {address}");
        }
        let other = create(&users, "grace@example.com").await;
        let update = users.update_user_email_address(&other.id, "ADA@example.com", Counter::ZERO);
        let used = UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed;
        assert_eq!(update.await.unwrap(), used, "{address}");
    }
    let trimmed = "CREATE UNIQUE INDEX ON users (lower(btrim(email_address)))";
    for after in ["", trimmed] {
        let schema = with(schema, "", &[], after).await;
        let users = open(&schema).await;
        create(&users, "Ada@example.com").await;
        let found = users.get_user_by_email_address("ada@example.com").await;
        assert_eq!(found.unwrap(), None);
        let error = chain(&open_as(&schema, ignoring()).await.unwrap_err());
        assert!(error.contains("ignores letter case"), "{error}");
        assert!(error.contains("email_address_case"), "{error}");
        assert!(error.contains("(lower(\"email_address\"))"), "{error}");
    }
    promise::report("P72", "PostgreSQL: 5 kinds of indexes without letter case");
}

async fn p72_two_addresses_that_differ_in_letter_case_only_are_told_before_it_is_ignored(
    schema: &'static Schema,
) {
    let schema = schema.another().await;
    let users = PostgresUserStore::connect(&schema.url()).await.unwrap();
    create(&users, "ada@example.com").await;
    let other = create(&users, "Ada@example.com").await;
    let error = PostgresUserStore::connect_ignoring_case(&schema.url()).await;
    let error = chain(&error.unwrap_err());
    assert!(error.contains("no two users"), "{error}");
    assert!(!error.contains("da@"), "{error}");
    let deleted = users.delete_user(&other.id).await.unwrap();
    assert_eq!(deleted, UpdateUserOutcome::Updated);
    let users = PostgresUserStore::connect_ignoring_case(&schema.url())
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
            "disabled_counter INTEGER NOT NULL DEFAULT 0",
            "disabled_counter INTEGER NOT NULL",
        ),
    ];
    let schema_without = with(schema, "", &changes, "").await;
    let user = create(&open(&schema_without).await, "ada@example.com").await;
    assert_eq!((user.display_name.as_str(), user.disabled), ("", false));
    assert_eq!(user.disabled_counter, Counter::ZERO);

    // A default stays what the application made it, and so does a generated column.
    let changes = [
        ("DEFAULT ''", "DEFAULT 'you'"),
        (
            "disabled_counter INTEGER NOT NULL DEFAULT 0",
            "disabled_counter INTEGER NOT NULL GENERATED ALWAYS AS (7) STORED",
        ),
    ];
    let schema_with = with(schema, "", &changes, "").await;
    let user = create(&open(&schema_with).await, "ada@example.com").await;
    assert_eq!(user.display_name, "you");
    assert_eq!(user.disabled_counter, Counter::new(7).unwrap());
}

async fn p72_columns_that_are_too_short_for_every_user_are_told_at_start(schema: &'static Schema) {
    let algorithm = "password_hash_algorithm_id TEXT";
    let changes = [
        (ID, "id VARCHAR(20) PRIMARY KEY"),
        (algorithm, "password_hash_algorithm_id VARCHAR(20)"),
    ];
    let schema = with(schema, "", &changes, "").await;
    let error = chain(&open_as(&schema, UsersTable::default()).await.unwrap_err());
    assert!(
        error.contains("\"id\" of the table \"users\" holds 20 characters and needs 24"),
        "{error}"
    );
    assert!(
        error.contains("users_table.columns.password_hash_algorithm_id"),
        "{error}"
    );
}

async fn p72_an_address_that_no_row_can_hold_is_refused_when_it_is_looked_for(
    schema: &'static Schema,
) {
    let domain =
        "CREATE DOMAIN mail AS TEXT CONSTRAINT only_ours CHECK (VALUE LIKE '%@ours.example')";
    let short = "CREATE DOMAIN mail AS VARCHAR(16)";
    for (before, address, rule) in [
        (domain, "email_address mail NOT NULL UNIQUE", "only_ours"),
        (short, "email_address mail NOT NULL UNIQUE", "too short"),
        ("", "email_address VARCHAR(16) NOT NULL UNIQUE", "too short"),
    ] {
        let schema = with(schema, before, &[(ADDRESS, address)], "").await;
        let users = open(&schema).await;
        let user = create(&users, "ada@ours.example").await;
        let found = users.get_user_by_email_address("ada@ours.example").await;
        assert_eq!(found.unwrap().as_ref(), Some(&user), "{address}");
        let refused = users.get_user_by_email_address("canary@example.com").await;
        assert_refused(&refused.unwrap_err(), rule);
        let new_user = NewUser::new("canary@example.com", hash());
        assert_refused(&users.create_user(new_user).await.unwrap_err(), "");
        let update = users.update_user_email_address(&user.id, "canary@example.com", Counter::ZERO);
        assert_refused(&update.await.unwrap_err(), "");
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
        assert_eq!(rows(&schema).await, 1);
    }
}

fn trigger(body: &str) -> String {
    format!(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
         CREATE TRIGGER t BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()"
    )
}

async fn p72_a_user_whom_a_rule_refuses_leaves_no_row(schema: &'static Schema) {
    let check = "email_address TEXT NOT NULL UNIQUE
        CONSTRAINT only_ours CHECK (email_address LIKE '%@ours.example')";
    let badge = "badge TEXT NOT NULL DEFAULT 'none' UNIQUE, id TEXT NOT NULL PRIMARY KEY";
    let first = "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt)
        VALUES ('1', 'first@example.com', '', 'a', '')";
    let raises = trigger("RAISE EXCEPTION 'canary says no';");
    let rewrites = trigger("NEW.email_address := 'eve@example.com'; RETURN NEW;");
    for (changes, after, rule, left) in [
        (vec![(ADDRESS, check)], "", "only_ours", 0),
        (vec![], &*raises, "P0001", 0),
        (vec![], &*rewrites, "22012", 0),
        (vec![(ID, badge)], first, "users_badge_key", 1),
    ] {
        let schema = with(schema, "", &changes, after).await;
        let users = open(&schema).await;
        let new_user = NewUser::new("canary@example.com", hash());
        assert_refused(&users.create_user(new_user).await.unwrap_err(), rule);
        assert_eq!(rows(&schema).await, left, "{rule}");
    }
    promise::report("P72", "PostgreSQL: 4 rules that refuse a user, no row left");
}

async fn p72_a_trigger_that_lower_cases_addresses_shows_in_the_answer(schema: &'static Schema) {
    let lower = trigger("NEW.email_address := lower(NEW.email_address); RETURN NEW;");
    for (id, table) in [
        (ID, UsersTable::default()),
        ("id BIGSERIAL PRIMARY KEY", generated()),
    ] {
        let schema = with(schema, "", &[(ID, id)], &lower).await;
        let users = open_as(&schema, table).await.unwrap();
        let user = create(&users, "Ada@Example.com").await;
        assert_eq!(user.email_address, "ada@example.com");
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
    }
}

async fn p72_a_user_whom_other_rows_refer_to_is_not_deleted(schema: &'static Schema) {
    for when in ["", " ON DELETE RESTRICT", " DEFERRABLE INITIALLY DEFERRED"] {
        let invoice = format!("CREATE TABLE invoice (owner TEXT REFERENCES users (id){when})");
        let schema = with(schema, "", &[], &invoice).await;
        let users = open(&schema).await;
        let user = create(&users, "ada@example.com").await;
        schema
            .execute(format!("INSERT INTO invoice VALUES ('{}')", user.id))
            .await;
        let refused = users.delete_user(&user.id).await.unwrap_err();
        assert_refused(&refused, "invoice_owner_fkey");
        assert_eq!(
            users.get_user(&user.id).await.unwrap(),
            Some(user),
            "{when}"
        );
    }
    promise::report(
        "P72",
        "PostgreSQL: 3 kinds of foreign keys, no user deleted",
    );
}

const DISABLED: &str = "disabled BOOLEAN";
const FIELDS: &str = "full_name VARCHAR(20) NOT NULL, \"Größe\" NUMERIC(10,2), number BIGINT, weight REAL,
         born DATE, plan TEXT DEFAULT 'free' CHECK (plan IN ('free', 'paid')), member BOOLEAN, secret BYTEA, disabled BOOLEAN";

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
    users: &PostgresUserStore,
    address: &str,
    fields: &[(&str, UserFieldValue)],
) -> CreateUserOutcome {
    let mut new_user = NewUser::new(address, hash());
    new_user.user_fields = UserFields::from_iter(fields.iter().cloned());
    users.create_user(new_user).await.unwrap()
}

async fn p81_fields_are_written_exactly_into_their_columns(schema: &'static Schema) {
    let schema = with(schema, "", &[(DISABLED, FIELDS)], "").await;
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
    const READ: &str = "SELECT concat_ws('|', full_name, \"Größe\", number, weight, born, plan, member) FROM users";
    let row = query(READ).fetch_one(&mut schema.connection().await).await;
    let stored: String = row.unwrap().get(0);
    assert_eq!(
        stored,
        "Ada Lovelace|1.75|9007199254740993|0.5|1815-12-10|free|t"
    );
    promise::report("P81", "6 fields of 6 types in their columns");
}

async fn p81_a_value_that_a_rule_refuses_is_an_invalid_field(schema: &'static Schema) {
    let schema = with(schema, "", &[(DISABLED, FIELDS)], "").await;
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
    let schema = with(schema, "", &[(DISABLED, FIELDS)], "").await;
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
