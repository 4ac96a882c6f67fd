//! Existing tables of an application.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use faroe_core::{
    error::{AdapterError, ErrorChain},
    password::PasswordHash,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_mysql::{
    Database,
    sqlx::{Row, query},
};
use faroe_user_store_mysql::{IdGeneration, MysqlUserStore, PasswordHashFormat, UsersTable};
use tokio::task::JoinSet;

use crate::server::{Case, Schema, cases};

#[path = "../../faroe-mysql/tests/support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    server::run(&Schema::create(), Vec::new(), CASES)
}

const CASES: &[Case] = cases![
    the_worked_example_of_the_front_page_works,
    columns_of_the_application_keep_their_values,
    a_number_is_found_only_as_it_is_written,
    a_uuid_of_mariadb_is_found_only_as_it_is_written,
    addresses_and_ids_are_compared_exactly_where_the_columns_do_not,
    a_stricter_index_on_addresses_says_already_used,
    a_unique_column_of_the_application_is_an_error_unless_the_address_is_used,
    a_counter_never_wraps,
    no_user_is_looked_for_without_an_index,
    an_unfit_table_is_refused_with_its_defect,
    deleting_a_user_obeys_the_applications_foreign_keys,
    a_check_notices_that_nothing_can_be_written,
    a_sample_has_the_hashes_of_users_with_a_password,
    servers_that_start_at_once_all_start_and_a_table_that_is_not_ours_is_refused,
];

const DEFAULT: &str = include_str!("../schema.sql");
const TEXT_ID: &str = "id VARBINARY(24) NOT NULL PRIMARY KEY";
const ADDRESS: &str = "email_address VARBINARY(255) NOT NULL UNIQUE";

/// A schema with the default table, a part of it replaced.
async fn with(schema: &Schema, from: &str, to: &str) -> Schema {
    assert!(DEFAULT.contains(from), "{from}");
    let schema = schema.another().await;
    schema.execute(DEFAULT.replacen(from, to, 1)).await;
    schema
}

async fn connect(schema: &Schema, table: UsersTable) -> MysqlUserStore {
    MysqlUserStore::connect_existing(&schema.url(), table)
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

async fn create(users: &MysqlUserStore, address: &str) -> User {
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
    let columns = format!("colour VARCHAR(10) NOT NULL DEFAULT 'green', {TEXT_ID}");
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

async fn is_nobody(users: &MysqlUserStore, id: &str) {
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
    for id in ["SMALLINT", "INT", "BIGINT", "BIGINT UNSIGNED"] {
        let id = format!("id {id} AUTO_INCREMENT PRIMARY KEY");
        let schema = with(schema, TEXT_ID, &id).await;
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
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999",
            "NULL",
            "Infinity",
        ] {
            is_nobody(&users, id).await;
        }
        assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
    }
}

async fn a_uuid_of_mariadb_is_found_only_as_it_is_written(schema: &'static Schema) {
    let mut connection = schema.connection().await;
    let version = query("SELECT VERSION()").fetch_one(&mut connection).await;
    if !version.unwrap().get::<String, _>(0).contains("MariaDB") {
        // MySQL has no such type.
        return;
    }
    let id = "id UUID PRIMARY KEY DEFAULT (UUID())";
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

/// Compares neither letter case nor accents nor spaces at the end, as most tables do.
async fn ignoring_case(schema: &Schema) -> Schema {
    let text = "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
    let schema = schema.another().await;
    let definition = DEFAULT.replace(TEXT_ID, &format!("id {text} PRIMARY KEY"));
    let definition = definition.replace(ADDRESS, &format!("email_address {text} UNIQUE"));
    assert_eq!(definition.matches(text).count(), 2);
    schema.execute(definition).await;
    schema
}

async fn addresses_and_ids_are_compared_exactly_where_the_columns_do_not(schema: &'static Schema) {
    let schema = ignoring_case(schema).await;
    let users = connect(&schema, UsersTable::default()).await;
    let user = create(&users, "ada@example.com").await;
    is_nobody(&users, &user.id.as_str().to_uppercase()).await;
    for other in [
        "ada@example.com ",
        "adá@example.com",
        "ada@example.com\0",
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
    let schema = ignoring_case(schema).await;
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

async fn a_unique_column_of_the_application_is_an_error_unless_the_address_is_used(
    schema: &'static Schema,
) {
    let columns = format!("badge VARCHAR(10) NOT NULL DEFAULT 'none' UNIQUE, {TEXT_ID}");
    let schema = with(schema, TEXT_ID, &columns).await;
    let users = connect(&schema, UsersTable::default()).await;
    create(&users, "ada@example.com").await;
    let error = users
        .create_user(NewUser::new("canary@example.com", hash()))
        .await
        .unwrap_err();
    assert!(chain(&error).contains("index badge"), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"));
    let again = users
        .create_user(NewUser::new("ada@example.com", hash()))
        .await
        .unwrap();
    assert_eq!(again, CreateUserOutcome::EmailAddressAlreadyUsed);
}

async fn a_counter_never_wraps(schema: &'static Schema) {
    for integer in ["INT", "INT UNSIGNED", "BIGINT"] {
        let schema = schema.another().await;
        schema
            .execute(DEFAULT.replace(" INT ", &format!(" {integer} ")))
            .await;
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

/// The number of rows that the connection has read in table scans.
async fn rows_read(database: &Database) -> i64 {
    let status =
        "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_next', 'Handler_read_rnd_next')";
    let found = database.run(|| query(status)).await.unwrap();
    assert_eq!(found.rows.len(), 2);
    let value = |row: &_| {
        Row::get_unchecked::<String, _>(row, 1)
            .parse::<i64>()
            .unwrap()
    };
    found.rows.iter().map(value).sum()
}

async fn no_user_is_looked_for_without_an_index(schema: &'static Schema) {
    let latin = |column: &str| format!("{column} VARCHAR(100) CHARACTER SET latin1 UNIQUE");
    let bytes = with(schema, ADDRESS, ADDRESS).await;
    let other = with(schema, ADDRESS, &latin("email_address")).await;
    let numbers = with(schema, TEXT_ID, "id INT AUTO_INCREMENT PRIMARY KEY").await;
    let unsigned = with(
        schema,
        TEXT_ID,
        "id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY",
    )
    .await;
    let texts = with(schema, TEXT_ID, "id CHAR(36) PRIMARY KEY DEFAULT (UUID())").await;
    for (schema, is_generated) in [
        (ignoring_case(schema).await, false),
        (bytes, false),
        (other, false),
        (numbers, true),
        (unsigned, true),
        (texts, true),
    ] {
        let rows: Vec<String> = (1000..5000)
            .map(|n| format!("({n}, '{n}@example.com', '', '', '')"))
            .collect();
        schema
            .execute(format!(
                "INSERT INTO users (id, email_address, password_hash, password_hash_algorithm_id, password_salt)
                 VALUES {}; ANALYZE TABLE users",
                rows.join(", ")
            ))
            .await;
        let database = Database::connect(&schema.url_with("max_connections=1")).await;
        let database = database.unwrap();
        let table = if is_generated {
            generated()
        } else {
            UsersTable::default()
        };
        let users = MysqlUserStore::new(database.clone(), table).await.unwrap();
        let user = create(&users, "ada@example.com").await;
        // Asking for the count counts too.
        let first = rows_read(&database).await;
        let before = rows_read(&database).await;

        assert!(users.get_user(&user.id).await.unwrap().is_some());
        let found = users.get_user_by_email_address("ada@example.com").await;
        assert!(found.unwrap().is_some());
        let zero = Counter::ZERO;
        let update = users.update_user_email_address(&user.id, "ada@example.org", zero);
        assert_eq!(
            update.await.unwrap(),
            UpdateUserEmailAddressOutcome::Updated
        );
        let update = users
            .update_user_password_hash(&user.id, &hash(), zero)
            .await;
        assert_eq!(update.unwrap(), UpdateUserOutcome::Updated);
        let increment = users.increment_user_sessions_counter(&user.id, zero).await;
        assert_eq!(increment.unwrap(), UpdateUserOutcome::Updated);
        create(&users, "grace@example.com").await;
        let delete = users.delete_user(&user.id).await.unwrap();
        assert_eq!(delete, UpdateUserOutcome::Updated);

        let read = rows_read(&database).await - before - (before - first);
        assert!(read < 100, "{read} rows were read, {is_generated}");
    }
}

async fn refusal(schema: &Schema, table: UsersTable) -> String {
    let connected = MysqlUserStore::connect_existing(&schema.url(), table).await;
    let refusal = chain(&connected.unwrap_err());
    assert!(
        refusal.starts_with("check the users table in MySQL: "),
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
    let number = "id INT AUTO_INCREMENT PRIMARY KEY";
    let plain = "email_address VARBINARY(255) NOT NULL";
    let index = |index: &str| format!("INT NOT NULL DEFAULT 0, UNIQUE INDEX some_index {index}\n)");
    let last = "INT NOT NULL DEFAULT 0\n)";
    let not_unique = "\"email_address\" of the table \"users\" has no unique index";
    for (changes, table, expected) in [
        (vec![], named("people"), "there is no table \"people\""),
        (
            vec![],
            named("users`; DROP TABLE users; --"),
            "there is no table",
        ),
        (
            vec![(
                "CREATE TABLE users",
                "CREATE VIEW users AS SELECT 1 AS id; CREATE TABLE t",
            )],
            ours(),
            "there is no table \"users\"",
        ),
        (
            vec![("InnoDB", "MyISAM")],
            ours(),
            "not of the engine InnoDB",
        ),
        (
            vec![("password_salt VARBINARY(1024) NOT NULL,", "")],
            ours(),
            "lacks the columns [\"password_salt\"]",
        ),
        (vec![(ADDRESS, plain)], ours(), not_unique),
        (
            vec![(TEXT_ID, "id VARBINARY(24) NOT NULL")],
            ours(),
            "\"id\" of the table \"users\" has no unique index",
        ),
        (
            vec![(ADDRESS, plain), (last, &index("(email_address(10))"))],
            ours(),
            not_unique,
        ),
        (
            vec![
                (ADDRESS, plain),
                (last, &index("(disabled, email_address)")),
            ],
            ours(),
            not_unique,
        ),
        (
            vec![(TEXT_ID, "colour INT NOT NULL, id VARCHAR(24) PRIMARY KEY")],
            ours(),
            "\"colour\" of the table \"users\" may not be NULL",
        ),
        (
            vec![(TEXT_ID, number)],
            ours(),
            "let the database generate the IDs",
        ),
        (vec![], generated(), "no default that generates IDs"),
        (
            vec![(TEXT_ID, "id DATE PRIMARY KEY")],
            ours(),
            "is of the type date, not text or an integer",
        ),
        (
            vec![(
                "password_hash VARBINARY(1024)",
                "password_hash VARCHAR(255)",
            )],
            ours(),
            "is of the type varchar(255), not varbinary or blob; change it, set users_table.password_hash_format = \
             \"encoded\", or name",
        ),
        (
            vec![("password_hash VARBINARY(1024)", "password_hash VARCHAR(96)")],
            encoded(),
            "holds 96 characters and needs 97; make it longer, or name another one by users_table.columns.password_hash",
        ),
        (vec![], named(""), "empty name"),
        // Everything is told at once, with the settings that help.
        (
            vec![
                ("password_salt VARBINARY(1024) NOT NULL,", ""),
                (TEXT_ID, "plan INT NOT NULL, id INT PRIMARY KEY"),
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
            "CREATE TABLE note (owner VARBINARY(24), FOREIGN KEY (owner) REFERENCES users (id) ON DELETE CASCADE);
             CREATE TABLE invoice (owner VARBINARY(24), FOREIGN KEY (owner) REFERENCES users (id))",
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
    assert!(chain(&error).contains("invoice"), "{error:?}");
    assert!(users.get_user(&grace.id).await.unwrap().is_some());
}

async fn a_check_notices_that_nothing_can_be_written(schema: &'static Schema) {
    let schema = with(schema, TEXT_ID, "id INT AUTO_INCREMENT PRIMARY KEY").await;
    let users = connect(&schema, generated()).await;
    let user = create(&users, "ada@example.com").await;
    users.check().await.unwrap();
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));

    let (name, reader) = (schema.name(), format!("f{}", server::random()));
    let url = schema.url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let url = format!("{scheme}://{reader}:secret@{server}");
    schema
        .execute(format!("CREATE USER '{reader}'@'%' IDENTIFIED BY 'secret'"))
        .await;
    for (privileges, refused) in [
        ("SELECT", Some("INSERT")),
        ("INSERT", Some("UPDATE")),
        ("UPDATE", Some("DELETE")),
        ("DELETE", None),
    ] {
        schema
            .execute(format!(
                "GRANT {privileges} ON {name}.users TO '{reader}'@'%'"
            ))
            .await;
        let users = MysqlUserStore::connect_existing(&url, generated()).await;
        let checked = users.unwrap().check().await;
        match (checked, refused) {
            (Ok(()), None) => {}
            (Err(error), Some(refused)) => {
                assert!(chain(&error).contains(refused), "{error:?}");
            }
            (checked, _) => panic!("{privileges}: {checked:?}"),
        }
    }
    schema.execute(format!("DROP USER '{reader}'@'%'")).await;
}

async fn a_sample_has_the_hashes_of_users_with_a_password(schema: &'static Schema) {
    let schema = with(
        schema,
        "password_hash_algorithm_id VARCHAR(255) CHARACTER SET ascii NOT NULL",
        "password_hash_algorithm_id VARCHAR(255)",
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
        servers.spawn(async move { MysqlUserStore::connect(&url).await.unwrap() });
    }
    let servers = servers.join_all().await;
    let user = create(&servers[0], "ada@example.com").await;
    assert_eq!(servers[7].get_user(&user.id).await.unwrap(), Some(user));

    let taken = schema.another().await;
    taken.execute("CREATE TABLE users (id INT)").await;
    let error = MysqlUserStore::connect(&taken.url()).await.unwrap_err();
    assert!(
        chain(&error).contains("'users' already exists"),
        "{error:?}"
    );
}
