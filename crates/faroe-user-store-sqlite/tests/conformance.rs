//! The contract of a user store: with the default table, with a table of an application, as several handles.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::ExitCode, sync::Arc};

use faroe_sqlite::rusqlite::Connection;
use faroe_testkit::{
    conformance::{self, user_store, user_store_ignoring_case, user_store_with_fields},
    round_robin::RoundRobin,
};
use faroe_user_store_sqlite::{IdGeneration, PasswordHashFormat, SqliteUserStore, UsersTable};
use tempfile::TempDir;

fn main() -> ExitCode {
    let folder = TempDir::new().unwrap();
    let one = folder.path().join("one.sqlite");
    let two = folder.path().join("two.sqlite");
    let own = folder.path().join("own.sqlite");
    let fields = folder.path().join("fields.sqlite");
    let encoded_fields = folder.path().join("encoded_fields.sqlite");
    let encoded = folder.path().join("encoded.sqlite");
    let ignoring = folder.path().join("ignoring.sqlite");
    Connection::open(&own)
        .unwrap()
        .execute_batch(
            "CREATE TABLE account (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                email_address NOT NULL UNIQUE,
                password_hash, password_hash_algorithm_id, password_salt,
                email_address_counter, password_hash_counter, sessions_counter,
                created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
            )",
        )
        .unwrap();
    let with_fields = include_str!("../schema.sql").replacen(
        "disabled INTEGER",
        "full_name TEXT NOT NULL CHECK (length(full_name) <= 100),
         username TEXT UNIQUE,
         age INTEGER CHECK (age >= 0),
         newsletter INTEGER NOT NULL DEFAULT 0,
         is_admin INTEGER NOT NULL DEFAULT 0,
         disabled INTEGER",
        1,
    );
    Connection::open(&fields)
        .unwrap()
        .execute_batch(&with_fields)
        .unwrap();
    let with_fields = with_fields
        .replace("password_hash BLOB", "password_hash TEXT")
        .replace("password_hash_algorithm_id TEXT NOT NULL,", "")
        .replace("password_salt BLOB NOT NULL,", "");
    Connection::open(&encoded_fields)
        .unwrap()
        .execute_batch(&with_fields)
        .unwrap();
    Connection::open(&encoded)
        .unwrap()
        .execute_batch(
            "CREATE TABLE users (
                id INTEGER PRIMARY KEY AUTOINCREMENT, email_address TEXT NOT NULL UNIQUE, password_hash TEXT,
                email_address_counter INTEGER, password_hash_counter INTEGER, sessions_counter INTEGER
            ) STRICT",
        )
        .unwrap();
    conformance::run([
        user_store_with_fields("with_fields", async move || {
            let mut table = UsersTable::default();
            let names = ["full_name", "username", "age", "newsletter"];
            table.signup_fields = names.map(|name| (name, name)).into_iter().collect();
            SqliteUserStore::connect_existing(&fields, table)
                .await
                .unwrap()
        }),
        user_store_with_fields("with_fields_and_encoded_hashes", async move || {
            let mut table = UsersTable::default();
            table.password_hash_format = PasswordHashFormat::Encoded;
            let names = ["full_name", "username", "age", "newsletter"];
            table.signup_fields = names.map(|name| (name, name)).into_iter().collect();
            SqliteUserStore::connect_existing(&encoded_fields, table)
                .await
                .unwrap()
        }),
        user_store("file", async move || {
            SqliteUserStore::connect(&one).await.unwrap()
        }),
        user_store("two_handles", async move || {
            RoundRobin::new([
                Arc::new(SqliteUserStore::connect(&two).await.unwrap()),
                Arc::new(SqliteUserStore::connect(&two).await.unwrap()),
            ])
        }),
        user_store_ignoring_case("ignoring_case", async move || {
            SqliteUserStore::connect_ignoring_case(&ignoring)
                .await
                .unwrap()
        }),
        user_store("encoded_hashes", async move || {
            let mut table = UsersTable::default();
            table.id_generation = IdGeneration::Database;
            table.password_hash_format = PasswordHashFormat::Encoded;
            table.columns.display_name = None;
            (table.columns.disabled, table.columns.disabled_counter) = (None, None);
            SqliteUserStore::connect_existing(&encoded, table)
                .await
                .unwrap()
        }),
        user_store("own_table_with_numbers", async move || {
            let mut table = UsersTable::default();
            table.name = "account".into();
            table.id_generation = IdGeneration::Database;
            table.columns.id = "number".into();
            table.columns.display_name = None;
            (table.columns.disabled, table.columns.disabled_counter) = (None, None);
            SqliteUserStore::connect_existing(&own, table)
                .await
                .unwrap()
        }),
    ])
}
