//! Limits for each client address.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
};

use faroe_testkit::promise;
use serde_json::json;
use tokio::{net::TcpSocket, runtime};

use crate::support::{PATIENCE, Program, Response, assert_refused, command, refusal};

/// Two attempts, and no more within the time of a test.
const TWO_ATTEMPTS: &str = "storage = \"memory:\"
[ip_rate_limit]
attempts = { capacity = 2, interval = \"1 day\" }
";

const CREATE_SIGNIN: &str =
    r#"{"action":"create_signin","arguments":{"user_email_address":"ada@example.com"}}"#;

const CREATE_SIGNUP: &str =
    r#"{"action":"create_signup","arguments":{"email_address":"ada@example.com"}}"#;

const GET_SESSION: &str = r#"{"action":"get_session","arguments":{"session_token":"none"}}"#;

/// This machine has many addresses of its own, so that there can be many clients.
fn connect_from(address: &str, program: &Program) -> TcpStream {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    let own: SocketAddr = format!("{address}:0").parse().unwrap();
    socket.bind(own).unwrap();
    let connect = async {
        let stream = socket.connect(program.address).await.unwrap();
        stream.into_std().unwrap()
    };
    let stream = runtime.block_on(connect);
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn post_from(address: &str, program: &Program, body: &str) -> Response {
    let mut stream = connect_from(address, program);
    let length = body.len();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    Response::read(&mut stream)
}

/// Sends a request that a proxy forwards, with these lines of `X-Forwarded-For`.
fn forward(program: &Program, lines: &[&str], body: &str) -> Response {
    let lines: String = lines
        .iter()
        .map(|line| format!("\r\nX-Forwarded-For: {line}"))
        .collect();
    program.send(&format!("POST / HTTP/1.1{lines}"), body.as_bytes())
}

#[test]
fn every_client_has_attempts_of_its_own_and_is_refused_in_the_way_of_the_action() {
    let program = Program::start(TWO_ATTEMPTS);
    for _ in 0..2 {
        let answer = post_from("127.0.0.1", &program, CREATE_SIGNIN);
        assert_eq!(answer.json()["error_code"], "user_not_found");
    }
    let answer = post_from("127.0.0.1", &program, CREATE_SIGNUP);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["error_code"], "rate_limited");
    let id = answer.json()["action_invocation_id"].take();
    assert_eq!(id.as_str().unwrap().len(), 24);

    let answer = post_from("127.0.0.1", &program, CREATE_SIGNIN);
    let expected = (429, "too many requests\n");
    assert_eq!((answer.status, answer.body.as_str()), expected);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((86_000..=86_400).contains(&seconds), "{answer:?}");

    let answer = post_from("127.0.0.1", &program, GET_SESSION);
    assert_eq!(answer.json()["error_code"], "invalid_session_token");

    let answer = post_from("127.0.0.2", &program, CREATE_SIGNUP);
    assert_eq!(answer.json()["ok"], true);
}

#[test]
fn requests_beyond_the_limit_are_refused_unread_but_not_those_for_health() {
    let program = Program::start(
        "storage = \"memory:\"
        [ip_rate_limit]
        requests = { capacity = 3, interval = \"1 day\" }
        [http]
        allowed_origins = [\"https://app.example.com\"]",
    );
    assert_eq!(program.post(GET_SESSION.as_bytes()).status, 200);
    assert_eq!(program.post(b"no request").status, 400);
    assert_eq!(program.get("/nothing").status, 404);
    assert_eq!(program.get("/nothing").status, 429);
    // Its body never comes.
    let mut stream = program.connect();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        .unwrap();
    let answer = Response::read(&mut stream);
    assert_eq!((answer.status, answer.header("connection")), (429, "close"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 80_000);
    // The pages that may read answers may read this one.
    let from_a_page = "GET /nothing HTTP/1.1\r\nOrigin: https://app.example.com";
    let answer = program.send(from_a_page, b"");
    let origin = answer.header("access-control-allow-origin");
    assert_eq!((answer.status, origin), (429, "https://app.example.com"));
    for path in ["/health", "/ready"] {
        assert_eq!(program.get(path).status, 200, "{path}");
    }
    let answer = post_from("127.0.0.2", &program, GET_SESSION);
    assert_eq!(answer.status, 200);
}

#[test]
fn without_trusted_proxies_nothing_that_a_client_sends_matters() {
    let program = Program::start(TWO_ATTEMPTS);
    for (line, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.2", 200),
        ("192.0.2.3", 429),
        ("127.0.0.2", 429),
    ] {
        let answer = forward(&program, &[line], CREATE_SIGNIN);
        assert_eq!(answer.status, status, "{line}");
    }
}

#[test]
fn behind_a_proxy_the_client_is_the_one_that_the_proxy_has_seen() {
    let mut program = Program::start(&format!("{TWO_ATTEMPTS}trusted_proxies = 1"));
    let try_as = |lines: &[&str]| forward(&program, lines, CREATE_SIGNIN).status;
    assert_eq!(try_as(&["192.0.2.1"]), 200);
    assert_eq!(try_as(&["192.0.2.7, 192.0.2.1"]), 200);
    // The same client, whatever it claims to be.
    let long = "192.0.2.9, ".repeat(1_000);
    for forged in [
        &["192.0.2.1"][..],
        &["192.0.2.8, 192.0.2.1"],
        &["192.0.2.8", "192.0.2.1"],
        &["192.0.2.8", "", "unknown, ::ffff:192.0.2.1"],
        &["\u{e9}\", [::1]:1, 192.0.2.1:4711"],
        &[&long, "[::ffff:192.0.2.1]:1"],
    ] {
        assert_eq!(try_as(forged), 429, "{forged:?}");
    }
    // Other clients are not affected, not even one that was claimed.
    assert_eq!(try_as(&["192.0.2.8"]), 200);
    // A network in IPv6 is one client.
    assert_eq!(try_as(&["2001:db8:1:2::1"]), 200);
    assert_eq!(try_as(&["[2001:db8:1:2:3:4:5:6]:80"]), 200);
    assert_eq!(try_as(&["2001:db8:1:2:ffff::"]), 429);
    assert_eq!(try_as(&["2001:db8:1:3::1"]), 200);
    // A request without an address counts for the proxy.
    assert_eq!(try_as(&[]), 200);
    assert_eq!(try_as(&["192.0.2.8, unknown"]), 200);
    assert_eq!(try_as(&["127.0.0.1"]), 429);
    program.wait_for_log("no client address in X-Forwarded-For");
}

#[test]
fn a_server_that_only_this_machine_can_reach_and_that_knows_of_no_proxy_says_what_that_means() {
    let mut program = Program::start(
        "mode = \"production\"
        storage = \"memory:\"
        email_sender = \"smtp://localhost:1?tls=off\"
        email.from = \"no-reply@example.com\"
        [ip_rate_limit]
        trusted_proxies = 0",
    );
    program.wait_for_log("ip_rate_limit counts all clients as one");
}

#[test]
fn p63_production_mode_needs_a_decision_for_or_against_the_limit() {
    let production = "mode = \"production\"
        storage = \"memory:\"
        email_sender = \"smtp://localhost:1?tls=off\"
        email.from = \"no-reply@example.com\"\n";
    let start = |file: &str, variables: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("{production}{file}");
        std::fs::write(folder.path().join("faroe.toml"), file).unwrap();
        let mut command = command(folder.path());
        let arguments = ["--config", "faroe.toml", "--listen", "127.0.0.1:0"];
        command.args(arguments).envs(variables.iter().copied());
        (folder, command)
    };
    let on = ("FAROE_IP_RATE_LIMIT", "true");
    let proxies = "FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES";
    let undecided = [
        ("", &[][..], "FAROE_IP_RATE_LIMIT=false"),
        ("ip_rate_limit.enabled = true", &[], proxies),
        ("", &[on], proxies),
        ("[ip_rate_limit]\nattempts.capacity = 5", &[], proxies),
    ];
    for (file, variables, named) in undecided {
        for subcommand in [None, Some("check-config")] {
            let (_folder, mut command) = start(file, variables);
            assert_refused(command.args(subcommand), named);
        }
    }
    let decided = [
        ("ip_rate_limit.enabled = false", &[][..]),
        ("", &[("FAROE_IP_RATE_LIMIT", "false")]),
        ("ip_rate_limit.trusted_proxies = 1", &[]),
        ("", &[on, (proxies, "0")]),
    ];
    for (file, variables) in decided {
        let program = Program::start_with(&format!("{production}{file}"), |command| {
            let listen = ["--listen", "127.0.0.1:0"];
            command.args(listen).envs(variables.iter().copied())
        });
        assert_eq!(program.get("/health").status, 200);
    }
    let (refused, started) = (undecided.len(), decided.len());
    promise::report(
        "P63",
        format_args!("{refused} configurations without a decision, {started} with one"),
    );
}

#[test]
fn there_is_no_limit_unless_it_is_wanted() {
    let program = Program::start("storage = \"memory:\"");
    let codes: Vec<_> = (0..501)
        .map(|_| program.post(CREATE_SIGNIN.as_bytes()).json()["error_code"].take())
        .collect();
    assert!(codes.iter().all(|code| *code == json!("user_not_found")));
}

#[test]
fn the_environment_turns_it_on_and_says_how_many_proxies_there_are() {
    let program = Program::start_with(&format!("{TWO_ATTEMPTS}enabled = false"), |command| {
        command
            .args(["--listen", "127.0.0.1:0"])
            .env("FAROE_IP_RATE_LIMIT", "true")
            .env("FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES", "2")
    });
    for (line, status) in [
        ("192.0.2.1, 192.0.2.2", 200),
        ("192.0.2.1, 192.0.2.3", 200),
        ("192.0.2.4, 192.0.2.1, 192.0.2.3", 429),
        ("192.0.2.4, 192.0.2.3", 200),
    ] {
        let answer = forward(&program, &[line], CREATE_SIGNIN);
        assert_eq!(answer.status, status, "{line}");
    }

    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    let error = refusal(command.env("FAROE_IP_RATE_LIMIT_TRUSTED_PROXIES", "1"));
    assert!(error.contains("FAROE_IP_RATE_LIMIT=true"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
