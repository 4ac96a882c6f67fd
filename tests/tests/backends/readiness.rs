//! `GET /ready` of a program whose database is gone, read-only, or refuses the password.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use faroe_mysql::sqlx::{self, AssertSqlSafe, Connection, MySqlConnection};
use faroe_postgres::sqlx::PgConnection;
use faroe_testkit::promise;
use faroe_tests::binary::{Binary, Settings};
use tokio::task::block_in_place;

use crate::{
    backend::{Backend, Kind, address, server, with},
    own::Own,
};

/// The most time until `/ready` tells what has happened.
const PATIENCE: Duration = Duration::from_secs(5);

/// A users table whose IDs are numbers: no other ID needs the database to be refused.
const POSTGRES_TABLE: &str = include_str!("../../../crates/faroe-user-store-postgres/schema.sql");
const MYSQL_TABLE: &str = include_str!("../../../crates/faroe-user-store-mysql/schema.sql");

const NUMBERS: &str = "[users_table]\nid_generation = \"database\"\n";

/// The orders that make a database what the program must notice, and what it was before.
struct Orders {
    prepare: Vec<String>,
    read_only: Vec<String>,
    writable: Vec<String>,
    refuse: Vec<String>,
    accept: Vec<String>,
}

fn owned<const N: usize>(orders: [&str; N]) -> Vec<String> {
    orders.map(str::to_owned).into()
}

/// The program's user is `faroe`, with the password `canary` where passwords are checked.
fn orders(kind: Kind) -> Orders {
    match kind {
        Kind::Postgres => Orders {
            prepare: vec![
                "CREATE ROLE faroe LOGIN PASSWORD 'canary'".to_owned(),
                "GRANT ALL ON SCHEMA public TO faroe".to_owned(),
                POSTGRES_TABLE.replacen(
                    "id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY",
                    "id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                    1,
                ),
                "GRANT ALL ON users TO faroe".to_owned(),
            ],
            read_only: owned([
                "ALTER SYSTEM SET default_transaction_read_only = on",
                "SELECT pg_reload_conf()",
            ]),
            writable: owned([
                "SET default_transaction_read_only = off",
                "ALTER SYSTEM RESET default_transaction_read_only",
                "SELECT pg_reload_conf()",
            ]),
            // The server trusts this machine and checks no password, so the role is refused instead.
            refuse: owned([
                "ALTER ROLE faroe NOLOGIN",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'faroe'",
            ]),
            accept: owned(["ALTER ROLE faroe LOGIN"]),
        },
        Kind::Mysql => Orders {
            prepare: vec![
                "CREATE USER faroe@'%' IDENTIFIED BY 'canary'".to_owned(),
                "GRANT ALL ON faroe.* TO faroe@'%'".to_owned(),
                MYSQL_TABLE.replacen(
                    "id VARBINARY(24) NOT NULL PRIMARY KEY",
                    "id INT AUTO_INCREMENT PRIMARY KEY",
                    1,
                ),
            ],
            read_only: owned(["SET GLOBAL read_only = 1"]),
            writable: owned(["SET GLOBAL read_only = 0"]),
            refuse: owned([
                "ALTER USER faroe@'%' IDENTIFIED BY 'other'",
                "KILL CONNECTION USER faroe",
            ]),
            accept: owned(["ALTER USER faroe@'%' IDENTIFIED BY 'canary'"]),
        },
        _ => Orders {
            prepare: owned(["ACL SETUSER faroe on >canary ~* &* +@all"]),
            read_only: owned(["REPLICAOF 127.0.0.1 1"]),
            writable: owned(["REPLICAOF NO ONE"]),
            refuse: owned([
                "ACL SETUSER faroe resetpass >other",
                "CLIENT KILL USER faroe",
            ]),
            accept: owned(["ACL SETUSER faroe resetpass >canary"]),
        },
    }
}

/// Runs orders as the administrator.
async fn run(own: &Own, kind: Kind, orders: &[String]) {
    let url = own.url();
    match kind {
        Kind::Postgres => {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            for order in orders {
                let order = sqlx::raw_sql(AssertSqlSafe(order.clone()));
                order.execute(&mut connection).await.unwrap();
            }
        }
        Kind::Mysql => {
            // Not through the adapter, which refuses a server that is read-only.
            let mut connection = MySqlConnection::connect(&url).await.unwrap();
            for order in orders {
                let order = sqlx::raw_sql(AssertSqlSafe(order.clone()));
                order.execute(&mut connection).await.unwrap();
            }
        }
        _ => {
            let mut redis = TcpStream::connect(server(&url)).unwrap();
            let mut answers = BufReader::new(redis.try_clone().unwrap());
            for order in orders {
                redis.write_all(format!("{order}\r\n").as_bytes()).unwrap();
                let mut answer = String::new();
                answers.read_line(&mut answer).unwrap();
                assert!(!answer.starts_with('-'), "{order}: {answer}");
            }
        }
    }
}

/// Asserts that `/ready` tells this soon.
async fn tells(program: &Binary, expected: &str) {
    let begun = Instant::now();
    loop {
        let (status, text) = program.readiness().await;
        assert_eq!(status == 200, text == "ready\n", "{status}: {text}");
        assert!(begun.elapsed() < PATIENCE, "{text} is not {expected}");
        if text == expected {
            return;
        }
    }
}

pub(crate) async fn p67_ready_names_a_database_that_is_gone_read_only_or_refuses_the_password(
    backend: Backend,
) {
    let kind = backend.kind;
    let mut own = block_in_place(|| Own::start(kind, "p67", None));
    let orders = orders(kind);
    run(&own, kind, &orders.prepare).await;
    let url = own.url();
    let place = with(&url, Some("faroe:canary"), server(&url));
    let start = |configuration: &'static str, storage: String, users: String| async {
        let settings = Settings {
            configuration: configuration.to_owned(),
            environment: vec![("STORAGE", storage), ("USER_STORE", users)],
            ..Settings::default()
        };
        Binary::start_with(&settings).await
    };
    let storages = "not ready: storage, rate limit storage\n";
    let mut programs = vec![(
        start("", place.clone(), backend.file("people")).await,
        storages,
    )];
    if kind != Kind::Redis {
        let users = start(NUMBERS, backend.file("other"), place).await;
        programs.push((users, "not ready: user store\n"));
    }
    for (program, _) in &programs {
        tells(program, "ready\n").await;
    }
    let mut told = 0;
    for (hurt, heal) in [
        (&orders.read_only, &orders.writable),
        (&orders.refuse, &orders.accept),
    ] {
        run(&own, kind, hurt).await;
        for (program, expected) in &programs {
            tells(program, expected).await;
            told += 1;
        }
        run(&own, kind, heal).await;
        for (program, _) in &programs {
            tells(program, "ready\n").await;
        }
    }
    block_in_place(|| own.kill());
    for (program, expected) in &programs {
        tells(program, expected).await;
        told += 1;
    }
    if kind != Kind::Redis {
        // Redis has forgotten the user of the program.
        block_in_place(|| own.restart());
        for (program, _) in &programs {
            tells(program, "ready\n").await;
            program.sign_up(&address()).await;
        }
    }
    for (program, _) in programs {
        let (log, _) = program.remains().await;
        assert!(log.contains("not ready"), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
    let name = kind.name();
    promise::report("P67", format!("{name}: {told} states named by /ready"));
}
