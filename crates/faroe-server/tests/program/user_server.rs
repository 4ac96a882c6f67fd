//! Both halves of the program: one serves users to the other.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use faroe_testkit::promise;
use serde_json::{Value, json};

use crate::support::{Program, assert_refused, command, refusal, write_private};

const TOKEN: &str = "a-canary-of-more-than-32-characters-+/=";
const VARIABLE: &str = "FAROE_USER_SERVER_BEARER_TOKEN";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----";

/// A user server with this configuration.
fn user_server(configuration: &str, secret: &'static str) -> Program {
    Program::start_with(configuration, move |command| {
        command
            .args(["user-server", "--listen", "127.0.0.1:0"])
            .env("SECRET", secret)
    })
}

#[test]
fn users_of_one_program_sign_up_at_another() {
    let tokens = "user_server.bearer_tokens = [{ environment = \"SECRET\" }]";
    let key = "user_server.keys.2026 = { environment = \"SECRET\" }";
    for (configuration, answers_with, asks_with) in
        [(tokens, TOKEN, TOKEN), (key, PUBLIC_KEY, PRIVATE_KEY)]
    {
        let users = user_server(configuration, answers_with);
        let url = format!(
            "user_store = \"http://{}/\"\n{configuration}",
            users.address
        );
        let server = Program::start_with(&url, |command| {
            command
                .args(["--listen", "127.0.0.1:0"])
                .env("SECRET", asks_with)
        });
        assert_eq!(server.get("/ready").status, 200);
        let session = server.sign_up()["session"].take();
        let user_id = session["user_id"].as_str().unwrap();
        let address = json!({ "user_email_address": "ada@example.com" });
        let signin = server.values("create_signin", &address);
        assert_eq!(signin["signin"]["user_id"], user_id);

        let foreign = "GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
        assert_eq!(users.send_raw(foreign).status, 403);

        // Whoever has no credentials learns nothing.
        let by_id = json!({ "user_id": user_id });
        let refused = users.invoke("get_user", &by_id).status;
        assert!([401, 403].contains(&refused), "{refused}");

        // Without its users the server answers soon.
        drop(users);
        let failed = server.invoke("create_signin", &address).json();
        assert_eq!(failed["error_code"], "internal_error");
    }
}

#[test]
fn the_token_of_the_environment_is_enough() {
    let users = Program::start_with("", |command| {
        command
            .args(["user-server", "--listen", "127.0.0.1:0"])
            .env(VARIABLE, TOKEN)
    });
    assert_eq!(users.get("/health").status, 200);
    let url = format!("user_store = \"http://{}/\"", users.address);
    let server = Program::start_with(&url, |command| {
        command
            .args(["--listen", "127.0.0.1:0"])
            .env(VARIABLE, TOKEN)
    });
    server.sign_up();

    // Another token is told when the server starts, and neither of them is shown.
    let folder = tempfile::tempdir().unwrap();
    let text = refusal(
        command(folder.path())
            .args(["--user-store", &format!("http://{}/", users.address)])
            .env(VARIABLE, "another-canary-of-more-than-32-characters"),
    );
    assert!(
        text.contains("user_store (user server at 127.0.0.1:"),
        "{text}"
    );
    assert!(text.contains("401"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn p56_what_would_not_be_safe_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (&["user-server"][..], None, VARIABLE),
        (&["user-server"], Some("short"), "32 characters"),
        (
            &["user-server", "--listen", "0.0.0.0:0"],
            Some(TOKEN),
            "loopback",
        ),
        (
            &["user-server", "--user-store", "https://example.com"],
            Some(TOKEN),
            "in a database",
        ),
        (
            &["--user-store", "https://users.example.com/"],
            None,
            VARIABLE,
        ),
        (
            &["--user-store", "http://users.example.com/"],
            Some(TOKEN),
            "use https://",
        ),
        (
            &["--user-store", "http://users.example.com/"],
            Some(TOKEN),
            "user_server.allow_plain_http",
        ),
        (
            &["--user-store", "http://127.0.0.1.example.com/"],
            None,
            "use https://",
        ),
        (
            &["--user-store", "https://canary@users.example.com/"],
            Some(TOKEN),
            "holds credentials",
        ),
        (
            &["--user-store", "http://127.0.0.1:1/"],
            Some(TOKEN),
            "user server at 127.0.0.1:1",
        ),
    ];
    for (arguments, token, expected) in cases {
        let mut command = command(folder.path());
        command.args(arguments).env("FAROE_START_TIMEOUT", "1ns");
        if let Some(token) = token {
            command.env(VARIABLE, token);
        }
        assert_refused(&mut command, expected);
    }
    promise::report("P56", format_args!("{} unsafe user servers", cases.len()));
}

/// A user server of a test's own: it answers each action as the closure says, after a pause.
struct OwnUserServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl OwnUserServer {
    fn start(answer: impl Fn(&Value) -> (Duration, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (heads, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (heads, answer) = (Arc::clone(&heads), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &heads, &*answer));
            }
        });
        Self { address, requests }
    }
}

/// Answers one request and closes the connection.
fn serve(
    mut stream: TcpStream,
    heads: &Mutex<Vec<String>>,
    answer: &dyn Fn(&Value) -> (Duration, Value),
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    heads.lock().unwrap().push(head);
    let (pause, answer) = answer(&serde_json::from_slice(&body).unwrap());
    thread::sleep(pause);
    let answer = answer.to_string();
    let length = answer.len();
    // The client may have given up.
    let _gone = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    );
}

/// The users of a user server that takes its time to create one, and lower-cases addresses.
fn slow_users(pause: Duration) -> impl Fn(&Value) -> (Duration, Value) {
    let user = Mutex::new(Value::Null);
    move |request| {
        let arguments = &request["arguments"];
        let mut user = user.lock().unwrap();
        let code =
            |code: &str| json!({ "ok": false, "action_invocation_id": "x", "error_code": code });
        let found = |user: &Value| json!({ "ok": true, "action_invocation_id": "x", "values": { "user": user } });
        match request["action"].as_str().unwrap() {
            "create_user" if user.is_null() => {
                let address = arguments["email_address"].as_str().unwrap();
                *user = json!({
                    "id": "1", "email_address": address.to_lowercase(), "disabled": false, "display_name": "",
                    "password_hash": arguments["password_hash"],
                    "password_hash_algorithm_id": arguments["password_hash_algorithm_id"],
                    "password_salt": arguments["password_salt"],
                    "email_address_counter": 0, "password_hash_counter": 0, "disabled_counter": 0,
                    "sessions_counter": 0,
                });
                (pause, found(&user))
            }
            "create_user" => (pause, code("email_address_already_used")),
            _ if user.is_null() => (Duration::ZERO, code("user_not_found")),
            "get_user" if arguments["user_id"] != "1" => (Duration::ZERO, code("user_not_found")),
            // The server asks for a user that there is not, to find out whether it is answered.
            "get_user_by_email_address" if arguments["email_address"] == "nobody@faroe.invalid" => {
                (Duration::ZERO, code("user_not_found"))
            }
            _ => (Duration::ZERO, found(&user)),
        }
    }
}

#[test]
fn p71_a_user_server_that_is_always_late_completes_a_sign_up() {
    let users = OwnUserServer::start(slow_users(Duration::from_secs(60)));
    // Long enough for the looks of a busy machine, and a minute is longer.
    let configuration = format!(
        "user_store = \"http://{}/\"\ntimeouts.user_store = \"3s\"\nemail_address_case = \"ignore\"",
        users.address
    );
    let server = Program::start(&configuration);
    server.sign_up();
    promise::report(
        "P71",
        "a user server that answers create_user after a minute, over HTTP",
    );
}

#[test]
fn in_development_a_user_server_on_this_machine_needs_no_credentials() {
    let users = OwnUserServer::start(slow_users(Duration::ZERO));
    let configuration = format!("user_store = \"http://{}/\"", users.address);
    Program::start(&configuration).sign_up();
    let requests = users.requests.lock().unwrap();
    let authorized = requests
        .iter()
        .filter(|head| head.to_lowercase().contains("authorization"));
    assert_eq!((requests.is_empty(), authorized.count()), (false, 0));
}

/// Returns the next line of the log that contains this text.
fn line_of_log(program: &mut Program, text: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(program.stderr.read_line(&mut line).unwrap(), 0, "{text}");
        if line.contains(text) {
            return line;
        }
    }
}

#[test]
fn p72_the_letter_case_of_a_user_servers_answer_is_told_or_ignored() {
    let users = OwnUserServer::start(slow_users(Duration::ZERO));
    let configuration = format!("user_store = \"http://{}/\"", users.address);
    let ignoring = format!("{configuration}\nemail_address_case = \"ignore\"");
    Program::start(&configuration).sign_up();
    let other_case = json!({ "user_email_address": "Ada@example.com" });
    let mut server = Program::start(&configuration);
    let refused = server.invoke("create_signin", &other_case).json();
    assert_eq!(refused["error_code"], "internal_error");
    let line = line_of_log(&mut server, "action failed");
    assert!(line.contains("letter case"), "{line}");
    assert!(line.contains("email_address_case"), "{line}");
    let server = Program::start(&ignoring);
    let signin = server.values("create_signin", &other_case);
    assert_eq!(signin["signin"]["user_id"], "1");
}

/// A users table in SQLite, and the configuration that describes it.
fn users_table(folder: &Path, address: &str, more: &str) -> String {
    let path = folder.join("users.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let schema = format!(
        "CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, email {address},
            name TEXT NOT NULL, password_hash BLOB, password_hash_algorithm_id TEXT, password_salt BLOB,
            email_address_counter INTEGER NOT NULL DEFAULT 0, password_hash_counter INTEGER NOT NULL DEFAULT 0,
            sessions_counter INTEGER NOT NULL DEFAULT 0); {more}"
    );
    connection.execute_batch(&schema).unwrap();
    format!(
        "user_store = \"sqlite:{}\"\n[users_table]\nname = \"u\"\nid_generation = \"database\"\n\
         columns.email_address = \"email\"\ncolumns.display_name = \"name\"\n\
         columns.disabled = \"\"\ncolumns.disabled_counter = \"\"\n",
        path.display()
    )
}

#[test]
fn p72_a_users_table_without_letter_case_is_told_of_at_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let table = users_table(folder.path(), "TEXT NOT NULL UNIQUE COLLATE NOCASE", "");
    let server = Program::start(&table);
    server.sign_up();
    let other_case = json!({ "email_address": "Ada@example.com" });
    let told = server.invoke("create_signup", &other_case).json();
    assert_eq!(told["error_code"], "email_address_already_used");
    let other_case = json!({ "user_email_address": "Ada@example.com" });
    let exact = server.invoke("create_signin", &other_case).json();
    assert_eq!(exact["error_code"], "user_not_found");
    drop(server);
    let server = Program::start(&format!("email_address_case = \"ignore\"\n{table}"));
    let signin = server.values("create_signin", &other_case);
    assert_eq!(signin["signin"]["user_id"], "1");
}

#[test]
fn p72_letter_case_is_ignored_in_the_default_table_when_asked() {
    let server = Program::start("email_address_case = \"ignore\"");
    server.sign_up();
    let other_case = json!({ "email_address": "ADA@example.com" });
    let told = server.invoke("create_signup", &other_case).json();
    assert_eq!(told["error_code"], "email_address_already_used");
    let other_case = json!({ "user_email_address": "ADA@example.com" });
    server.values("create_signin", &other_case);
    // And refused for a table that does not ignore it.
    let folder = tempfile::tempdir().unwrap();
    let table = users_table(folder.path(), "TEXT NOT NULL UNIQUE", "");
    write_private(
        &folder.path().join("faroe.toml"),
        &format!("email_address_case = \"ignore\"\n{table}"),
    );
    assert_refused(
        command(folder.path()).args(["--config", "faroe.toml"]),
        "ignores letter case",
    );
}
