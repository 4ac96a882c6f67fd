//! Databases that fail over, and connections that are lost while they are idle.

use std::time::{Duration, Instant};

use faroe_mysql::sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, raw_sql};
use faroe_postgres::sqlx::PgConnection;
use faroe_testkit::promise;
use faroe_tests::{
    binary::{Binary, Settings},
    client::Client,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, block_in_place},
};

use crate::{
    backend::{Backend, Kind, address, server, with},
    own::Own,
    proxy::Proxy,
};

/// The time after which no answer may come from a server that was demoted: a second, and a margin for a busy machine.
const NOTICED: Duration = Duration::from_secs(4);

/// The most time until everything works after the name leads to a primary.
const RECOVERY: Duration = Duration::from_secs(5);

/// Callers at once.
const CALLERS: usize = 10;

/// A database of the test's own, beside the program's connections.
struct Server<'a> {
    kind: Kind,
    url: &'a str,
}

impl Server<'_> {
    /// Runs a statement or command, and returns the first column of the first row, or the answer.
    async fn run(&self, command: &str) -> String {
        let statement = raw_sql(AssertSqlSafe(command.to_owned()));
        match self.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(self.url).await.unwrap();
                let row = connection.fetch_optional(statement).await.unwrap();
                row.map_or_else(String::new, |row| row.get_unchecked(0))
            }
            Kind::Mysql => {
                let mut connection = MySqlConnection::connect(self.url).await.unwrap();
                let row = connection.fetch_optional(statement).await.unwrap();
                row.map_or_else(String::new, |row| row.get_unchecked(0))
            }
            _ => {
                let mut stream = TcpStream::connect(server(self.url)).await.unwrap();
                let commands = format!("{command}\r\nQUIT\r\n");
                stream.write_all(commands.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                assert!(!answer.starts_with('-'), "{answer}");
                answer
            }
        }
    }

    /// Makes it what a failover leaves of the old primary.
    async fn demote(&self, primary: &str) {
        match self.kind {
            Kind::Postgres => {
                self.run("ALTER SYSTEM SET default_transaction_read_only = on")
                    .await;
                self.run("SELECT pg_reload_conf()::text").await;
            }
            Kind::Mysql => {
                self.run("SET GLOBAL read_only = 1").await;
            }
            _ => {
                let (host, port) = server(primary).rsplit_once(':').unwrap();
                self.run(&format!("REPLICAOF {host} {port}")).await;
            }
        }
    }

    /// Waits until every connection of the program has been idle for two seconds.
    async fn wait_until_idle(&self) {
        let busy = match self.kind {
            Kind::Postgres => {
                "SELECT count(*)::text FROM pg_stat_activity
                 WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
                 AND (state <> 'idle' OR state_change > clock_timestamp() - interval '2 seconds')"
            }
            Kind::Mysql => {
                "SELECT CONCAT(count(*), '') FROM information_schema.processlist
                 WHERE id <> connection_id() AND user = 'root' AND (command <> 'Sleep' OR time_ms < 2000)"
            }
            _ => return self.wait_until_clients(|idle| idle >= 2).await,
        };
        while self.run(busy).await != "0" {}
    }

    /// Waits until this is true of the idle time of every client of Redis but this one.
    async fn wait_until_clients(&self, is_enough: fn(u32) -> bool) {
        let is_awaited = |line: &str| {
            let field = |name: &str| {
                let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
                fields
                    .find(|(found, _)| *found == name)
                    .map(|(_, value)| value)
            };
            let idle = field("idle").map(|idle| idle.parse().unwrap());
            idle.is_some_and(|idle| field("cmd") != Some("client|list") && !is_enough(idle))
        };
        while self.run("CLIENT LIST").await.lines().any(is_awaited) {}
    }
}

/// Settings by which the program reaches everything that this kind of database can hold at this URL.
fn at(backend: &Backend, url: &str) -> Settings {
    let users = match backend.kind {
        Kind::Postgres | Kind::Mysql => url.to_owned(),
        _ => backend.user_store(),
    };
    let mut settings = backend.settings();
    settings.environment = vec![("STORAGE", url.to_owned()), ("USER_STORE", users)];
    settings
}

async fn start_through(backend: &Backend, url: &str) -> (Proxy, Binary) {
    let proxy = Proxy::start(server(url).to_owned()).await;
    let through = with(url, None, &format!("127.0.0.1:{}", proxy.port));
    let program = Binary::start_with(&at(backend, &through)).await;
    (proxy, program)
}

/// Starts a sign-up, which writes. Returns `ok` or the error's code.
async fn write(program: &Binary) -> String {
    let create = json!({ "email_address": address() });
    program
        .invoke("create_signup", create)
        .await
        .code()
        .to_owned()
}

/// Returns the time until a write succeeds.
async fn recovery(program: &Binary, since: Instant) -> Duration {
    while write(program).await != "ok" {
        assert!(since.elapsed() < RECOVERY, "it does not work again");
    }
    since.elapsed()
}

pub(crate) async fn p65_a_demoted_database_is_left_and_the_new_primary_is_found(backend: Backend) {
    let kind = backend.kind;
    let (old, new) = block_in_place(|| {
        (
            Own::start(kind, "p65-old", None),
            Own::start(kind, "p65-new", None),
        )
    });
    let (old_url, new_url) = (old.url(), new.url());
    // The tables.
    drop(Binary::start_with(&at(&backend, &new_url)).await);
    let (proxy, program) = start_through(&backend, &old_url).await;
    let session = program.sign_up(&address()).await;
    assert_eq!(program.session_state(&session).await, "ok");

    let old = Server {
        kind,
        url: &old_url,
    };
    old.demote(&new_url).await;
    let demoted = Instant::now();
    // A PostgreSQL that was only set to read-only is up to date, and read from.
    let is_read_from = kind == Kind::Postgres;
    let mut noticed = Duration::ZERO;
    while demoted.elapsed() < NOTICED {
        if program.session_state(&session).await == "ok" {
            noticed = demoted.elapsed();
        }
        write(&program).await;
    }
    for _ in 0..3 {
        assert_eq!(write(&program).await, "internal_error");
        let state = program.session_state(&session).await;
        assert_eq!(state, if is_read_from { "ok" } else { "internal_error" });
    }

    proxy.switch(server(&new_url));
    let switched = Instant::now();
    // Reads alone leave the old one too. The new one knows nothing of the session.
    while program.session_state(&session).await != "invalid_session_token" {
        assert!(switched.elapsed() < RECOVERY, "the new primary is not read");
    }
    let back = recovery(&program, switched).await;
    let session = program.sign_up(&address()).await;
    assert_eq!(program.session_state(&session).await, "ok");
    assert_eq!(program.readiness().await.0, 200);
    promise::report(
        "P65",
        format!(
            "{}: demoted, read from for {} ms, back {} ms after the name had changed",
            kind.name(),
            noticed.as_millis(),
            back.as_millis()
        ),
    );
}

pub(crate) async fn p65_a_hot_standby_is_not_read_from_and_is_found_when_it_is_promoted(
    backend: Backend,
) {
    let mut own = block_in_place(|| Own::start(Kind::Postgres, "p65-standby", None));
    let url = own.url();
    let server = Server {
        kind: Kind::Postgres,
        url: &url,
    };
    let (_proxy, program) = start_through(&backend, &url).await;
    let session = program.sign_up(&address()).await;
    let folder = server.run("SHOW data_directory").await;
    let signal = format!("COPY (SELECT 1 WHERE false) TO '{folder}/standby.signal'");
    server.run(&signal).await;
    block_in_place(|| {
        own.kill();
        own.restart();
    });
    assert_eq!(server.run("SELECT pg_is_in_recovery()::text").await, "true");
    for _ in 0..3 {
        assert_eq!(program.session_state(&session).await, "internal_error");
        assert_eq!(write(&program).await, "internal_error");
    }
    assert_eq!(program.readiness().await.0, 503);
    assert_eq!(server.run("SELECT pg_promote()::text").await, "true");
    let promoted = Instant::now();
    let back = recovery(&program, promoted).await;
    assert_eq!(program.session_state(&session).await, "ok");
    promise::report(
        "P65",
        format!(
            "postgres: a hot standby refused, back {} ms after its promotion",
            back.as_millis()
        ),
    );
}

pub(crate) async fn p66_a_connection_that_is_lost_while_idle_costs_nothing(backend: Backend) {
    let kind = backend.kind;
    let own = block_in_place(|| Own::start(kind, "p66", None));
    let url = own.url();
    let server = Server { kind, url: &url };
    let (proxy, program) = start_through(&backend, &url).await;
    let mut losses = 0;
    loop {
        // As many connections as there can be, in the pool too.
        let mut writes = JoinSet::new();
        for _ in 0..CALLERS {
            let client = Client::clone(&program);
            writes.spawn(async move {
                let create = json!({ "email_address": address() });
                client
                    .invoke("create_signup", create)
                    .await
                    .code()
                    .to_owned()
            });
        }
        assert_eq!(writes.join_all().await, [const { "ok" }; CALLERS]);
        let session = program.sign_up(&address()).await;
        assert_eq!(program.session_state(&session).await, "ok");
        match losses {
            0 | 1 => {
                server.wait_until_idle().await;
                proxy.cut().await;
            }
            2 | 3 => {
                server.wait_until_idle().await;
                proxy.silence();
            }
            // Redis itself closes them.
            4 if kind == Kind::Redis => {
                server.run("CONFIG SET timeout 1").await;
                server.wait_until_clients(|_| false).await;
            }
            _ => break,
        }
        losses += 1;
    }
    promise::report(
        "P66",
        format!(
            "{}: idle connections lost {losses} times, no call of {CALLERS} at once failed",
            kind.name()
        ),
    );
}
