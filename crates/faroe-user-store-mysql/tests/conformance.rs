//! The contract of a user store: with the default table, with tables of an application, through several pools.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::ExitCode, sync::Arc};

use faroe_core::{
    password::PasswordHash,
    user_store::{CreateUserOutcome, NewUser, UserStore},
};
use faroe_testkit::{
    conformance::{Suite, user_store, user_store_ignoring_case, user_store_with_fields},
    round_robin::RoundRobin,
};
use faroe_user_store_mysql::{IdGeneration, MysqlUserStore, PasswordHashFormat, UsersTable};
use tokio::sync::OnceCell;

use crate::server::{Case, Schema, cases};

#[path = "../../faroe-mysql/tests/support/server.rs"]
#[expect(dead_code, reason = "this test needs a part of it")]
mod server;

fn main() -> ExitCode {
    let schema = Schema::create();
    let suites = match schema.clone() {
        Ok(schema) => suites(schema),
        Err(reason) => vec![Suite::unavailable("user_store", reason)],
    };
    let trials = suites.into_iter().flat_map(Suite::into_trials).collect();
    server::run(&schema, trials, CASES)
}

fn suites(schema: &'static Schema) -> Vec<Suite> {
    let one = Arc::new(OnceCell::new());
    let three = Arc::new(OnceCell::new());
    let ignoring = Arc::new(OnceCell::new());
    vec![
        user_store("one_pool", async move || {
            let open = async || Arc::new(connect(schema.url()).await);
            RoundRobin::new([Arc::clone(one.get_or_init(open).await)])
        }),
        user_store_ignoring_case("ignoring_case", async move || {
            let open = async || {
                let schema = schema.another().await;
                Arc::new(
                    MysqlUserStore::connect_ignoring_case(&schema.url())
                        .await
                        .unwrap(),
                )
            };
            RoundRobin::new([Arc::clone(ignoring.get_or_init(open).await)])
        }),
        with_fields(schema, "with_fields", PasswordHashFormat::Parts),
        with_fields(
            schema,
            "with_fields_and_encoded_hashes",
            PasswordHashFormat::Encoded,
        ),
        user_store("three_pools", async move || {
            let open = async || {
                let mut pools = Vec::new();
                for _ in 0..3 {
                    pools.push(Arc::new(connect(schema.url()).await));
                }
                pools
            };
            RoundRobin::new(three.get_or_init(open).await.clone())
        }),
        encoded(
            schema,
            "random",
            "VARBINARY(24) PRIMARY KEY",
            IdGeneration::Random,
        ),
        encoded(
            schema,
            "numbers",
            "BIGINT AUTO_INCREMENT PRIMARY KEY",
            IdGeneration::Database,
        ),
        // The new row is found by its address and its hash.
        encoded(
            schema,
            "default",
            "VARBINARY(50) PRIMARY KEY DEFAULT (UUID())",
            IdGeneration::Database,
        ),
        own_table(
            schema,
            "numbers",
            "BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY",
        ),
        own_table(schema, "int", "INT NOT NULL AUTO_INCREMENT UNIQUE"),
        own_table(
            schema,
            "text",
            "CHAR(36) CHARACTER SET ascii PRIMARY KEY DEFAULT (UUID())",
        ),
        own_table(
            schema,
            "bytes",
            "VARBINARY(50) PRIMARY KEY DEFAULT (UUID())",
        ),
    ]
}

const CASES: &[Case] = cases![a_user_survives_a_restart_of_the_server,];

async fn a_user_survives_a_restart_of_the_server(schema: &'static Schema) {
    let users = connect(schema.url()).await;
    let hash = PasswordHash {
        algorithm_id: "algorithm".into(),
        salt: vec![1].into(),
        hash: vec![2].into(),
    };
    let new_user = NewUser::new("ada@example.com", hash);
    let created = users.create_user(new_user).await.unwrap();
    let CreateUserOutcome::Created(user) = created else {
        panic!("the address counts as used");
    };
    drop(users);
    let users = connect(schema.url()).await;
    assert_eq!(users.get_user(&user.id).await.unwrap(), Some(user));
}

async fn connect(url: String) -> MysqlUserStore {
    MysqlUserStore::connect(&url).await.unwrap()
}

/// The suite of a table that a client can fill columns of.
fn with_fields(schema: &'static Schema, name: &'static str, format: PasswordHashFormat) -> Suite {
    let users = Arc::new(OnceCell::new());
    user_store_with_fields(name, async move || {
        let open = async || {
            let schema = schema.another().await;
            let mut create = include_str!("../schema.sql").replacen(
                "disabled BOOLEAN",
                "full_name VARCHAR(100) NOT NULL,
                 username VARCHAR(50) UNIQUE,
                 age INTEGER CHECK (age >= 0),
                 newsletter BOOLEAN NOT NULL DEFAULT FALSE,
                 is_admin BOOLEAN NOT NULL DEFAULT FALSE,
                 disabled BOOLEAN",
                1,
            );
            if format == PasswordHashFormat::Encoded {
                create = create
                    .replace(
                        "password_hash VARBINARY(1024)",
                        "password_hash VARCHAR(500)",
                    )
                    .replace(
                        "password_hash_algorithm_id VARCHAR(255) CHARACTER SET ascii NOT NULL,",
                        "",
                    )
                    .replace("password_salt VARBINARY(1024) NOT NULL,", "");
            }
            schema.execute(create).await;
            let mut table = UsersTable::default();
            table.password_hash_format = format;
            let names = ["full_name", "username", "age", "newsletter"];
            table.signup_fields = names.map(|name| (name, name)).into_iter().collect();
            let users = MysqlUserStore::connect_existing(&schema.url(), table).await;
            Arc::new(users.unwrap())
        };
        RoundRobin::new([Arc::clone(users.get_or_init(open).await)])
    })
}

/// The suite of a table with one column for hashes.
fn encoded(
    schema: &'static Schema,
    name: &'static str,
    id: &'static str,
    id_generation: IdGeneration,
) -> Suite {
    let users = Arc::new(OnceCell::new());
    user_store(format!("encoded_hashes_with_{name}"), async move || {
        let open = async || {
            schema
                .execute(format!(
                    "CREATE TABLE encoded_{name} (
                        id {id}, mail VARBINARY(100) UNIQUE, password VARCHAR(500),
                        email_address_counter INT, password_hash_counter INT, sessions_counter INT
                    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
                ))
                .await;
            let mut table = UsersTable::default();
            table.name = format!("encoded_{name}");
            table.id_generation = id_generation;
            table.password_hash_format = PasswordHashFormat::Encoded;
            table.columns.email_address = "mail".into();
            table.columns.password_hash = "password".into();
            table.columns.display_name = None;
            (table.columns.disabled, table.columns.disabled_counter) = (None, None);
            Arc::new(
                MysqlUserStore::connect_existing(&schema.url(), table)
                    .await
                    .unwrap(),
            )
        };
        RoundRobin::new([Arc::clone(users.get_or_init(open).await)])
    })
}

/// The suite of a table whose database makes the IDs, as this definition of the column says.
fn own_table(schema: &'static Schema, name: &'static str, id: &'static str) -> Suite {
    let users = Arc::new(OnceCell::new());
    user_store(format!("own_table_with_{name}"), async move || {
        let open = async || {
            schema
                .execute(format!(
                    "CREATE TABLE `Konten ``{name}` (
                        `der Schlüssel` {id},
                        mail VARBINARY(100) UNIQUE,
                        hash BLOB, algorithm VARCHAR(50), salt VARBINARY(100),
                        email_address_counter BIGINT, password_hash_counter BIGINT, sessions_counter INT,
                        created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
                    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
                ))
                .await;
            let mut table = UsersTable::default();
            table.name = format!("Konten `{name}");
            table.id_generation = IdGeneration::Database;
            table.columns.id = "der Schlüssel".into();
            table.columns.email_address = "mail".into();
            table.columns.password_hash = "hash".into();
            table.columns.password_hash_algorithm_id = "algorithm".into();
            table.columns.password_salt = "salt".into();
            table.columns.display_name = None;
            (table.columns.disabled, table.columns.disabled_counter) = (None, None);
            Arc::new(
                MysqlUserStore::connect_existing(&schema.url(), table)
                    .await
                    .unwrap(),
            )
        };
        RoundRobin::new([Arc::clone(users.get_or_init(open).await)])
    })
}
