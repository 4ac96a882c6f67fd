//! `GET /ready` of a program whose database is locked, gone, or asks for other credentials.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    time::Instant,
};

use faroe_testkit::promise;
use rusqlite::Connection;
use serde_json::json;

use crate::support::{PATIENCE, Program, assert_refused, command, write_private};

const TOKEN: &str = "a-canary-of-more-than-32-characters-+/=";
const OTHER_TOKEN: &str = "another-canary-of-more-than-32-characters";
const VARIABLE: &str = "FAROE_USER_SERVER_BEARER_TOKEN";

/// IDs that are numbers: no other ID needs the database to be refused.
const SCHEMA: &str = include_str!("../../../faroe-user-store-sqlite/schema.sql");
const NUMBERS: &str = "[users_table]\nid_generation = \"database\"\n";

/// Asserts that `/ready` tells this soon: an answer is shared for a second.
fn tells(program: &Program, expected: &str) {
    let begun = Instant::now();
    loop {
        let ready = program.get("/ready");
        let is_ready = ready.body.starts_with("ready");
        assert_eq!(ready.status, if is_ready { 200 } else { 503 });
        if ready.body == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{ready:?} is not {expected}");
    }
}

#[test]
fn p67_ready_names_a_sqlite_file_that_is_locked_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let users = Connection::open(file("users")).unwrap();
    let id = "id INTEGER PRIMARY KEY AUTOINCREMENT";
    let schema = SCHEMA.replacen("id TEXT NOT NULL PRIMARY KEY", id, 1);
    users.execute_batch(&schema).unwrap();
    let path = |name: &str| format!("\"sqlite:{}\"", file(name).display());
    let program = Program::start(&format!(
        "log = \"error\"\nmain_storage = {}\nrate_limit_storage = {}\ncache = {}\nuser_store = {}\n\
         session.cache_expiration = \"1m\"\n{NUMBERS}",
        path("main"),
        path("limits"),
        path("cache"),
        path("users"),
    ));
    tells(&program, "ready\n");
    for (name, expected) in [
        ("main", "not ready: storage\n"),
        ("limits", "not ready: rate limit storage\n"),
        // Actions succeed without the cache.
        ("cache", "ready, without cache\n"),
        ("users", "not ready: user store\n"),
    ] {
        let lock = Connection::open(file(name)).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        tells(&program, expected);
        lock.execute_batch("ROLLBACK").unwrap();
        tells(&program, "ready\n");
    }
    let users: i64 = users
        .query_row("SELECT count(*) FROM users", (), |row| row.get(0))
        .unwrap();
    assert_eq!(users, 0);
    #[cfg(unix)]
    {
        fs::remove_file(file("users")).unwrap();
        tells(&program, "not ready: user store\n");
    }
    promise::report("P67", "sqlite: four roles locked, and users removed");
}

#[test]
fn p67_ready_names_a_user_server_that_is_gone_or_refuses_the_credentials() {
    let serve = |data: &str, listen: &str, token: &'static str| {
        Program::start_with(data, |command| {
            let command = command.args(["user-server", "--listen", listen]);
            command.env(VARIABLE, token)
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let data = format!(
        "log = \"error\"\ndata_dir = \"{}\"",
        folder.path().display()
    );
    let users = serve(&data, "127.0.0.1:0", TOKEN);
    let address = users.address.to_string();
    let mut program = Program::start_with(
        &format!("log = \"error\"\nuser_store = \"http://{address}/\""),
        |command| {
            command
                .args(["--listen", "127.0.0.1:0"])
                .env(VARIABLE, TOKEN)
        },
    );
    tells(&program, "ready\n");
    drop(users);
    tells(&program, "not ready: user store\n");
    let users = serve(&data, &address, OTHER_TOKEN);
    let nobody = json!({ "user_email_address": "ada@example.com" });
    program.invoke("create_signin", &nobody);
    program.wait_for_log("401");
    tells(&program, "not ready: user store\n");
    drop(users);
    let users = serve(&data, &address, TOKEN);
    tells(&program, "ready\n");

    // It tells itself that its file cannot be written.
    tells(&users, "ready\n");
    let lock = Connection::open(folder.path().join("users.sqlite3")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    tells(&users, "not ready: user store\n");
    promise::report(
        "P67",
        "user server: gone, with another token, and read-only itself",
    );
}

/// Returns a configuration whose user server is not there yet, and its address.
fn absent_user_server() -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let configuration = format!("start_timeout = \"1 hour\"\nuser_store = \"http://{address}/\"");
    (configuration, address)
}

#[cfg(unix)]
#[test]
fn p68_a_server_waits_for_a_user_server_that_is_not_up_yet() {
    let (configuration, address) = absent_user_server();
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("faroe.toml"), &configuration);
    let start = || {
        let mut command = command(folder.path());
        command
            .args(["--config", "faroe.toml", "--listen", "127.0.0.1:0"])
            .env(VARIABLE, TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let waits = |line: &String| line.contains("waiting for a database or user server");
        let line = log.by_ref().map(Result::unwrap).find(waits).unwrap();
        assert!(
            line.contains("user_store") && line.contains(&address),
            "{line}"
        );
        assert!(!line.contains("canary"), "{line}");
        (child, log)
    };
    let (mut ended, _log) = start();
    let id = ended.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(ended.wait().unwrap().code(), Some(0));

    let (mut waiting, _log) = start();
    let users = Program::start_with("", |command| {
        let command = command.args(["user-server", "--listen", &address]);
        command.env(VARIABLE, TOKEN)
    });
    let mut output = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let line = output.next().unwrap().unwrap();
    assert!(line.starts_with("listening on http://"), "{line}");
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    drop(users);
    promise::report(
        "P68",
        "user server: waited for, and the wait ended by a signal",
    );
}

#[test]
fn p68_what_is_wrong_is_not_waited_for() {
    let users = Program::start_with("", |command| {
        let command = command.args(["user-server", "--listen", "127.0.0.1:0"]);
        command.env(VARIABLE, TOKEN)
    });
    let url = format!("http://{}/", users.address);
    let folder = tempfile::tempdir().unwrap();
    let long = [("FAROE_START_TIMEOUT", "1 hour")];
    for (user_store, named) in [
        (url.as_str(), "401"),
        ("sqlite:no/such/folder/users", "no/such/folder"),
    ] {
        let mut command = command(folder.path());
        let command = command
            .args(["--listen", "127.0.0.1:0", "--user-store", user_store])
            .envs(long)
            .env(VARIABLE, OTHER_TOKEN);
        assert_refused(command, named);
    }
    promise::report(
        "P68",
        "wrong credentials and a missing folder, told at once",
    );
}
