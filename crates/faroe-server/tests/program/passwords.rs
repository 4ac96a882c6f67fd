//! Checks of new passwords, and the look-ups that they make.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

#[cfg(not(feature = "argon2-fast"))]
use crate::support::assert_refused;
use crate::support::{Program, command};

/// Passes the check of strength. Its SHA-1 is [`PREFIX`] and then [`SUFFIX`].
const BREACHED: &str = "seven wet umbrellas";
const PREFIX: &str = "C34C5";
const SUFFIX: &str = "A0B9C9EF6B03781384AD658F1A94FB504D0";

/// A service with one answer to every request. It notes the first line of each.
struct RangeService {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RangeService {
    fn answering(answer: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (noted, answer) = (Arc::clone(&requests), answer.into());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                noted.lock().unwrap().push(lines.next().unwrap().unwrap());
                assert!(lines.any(|line| line.unwrap().is_empty()));
                // A client that has gone does not read it.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, requests }
    }

    /// Returns a service that lists these entries.
    fn listing(entries: &str) -> Self {
        let length = entries.len();
        Self::answering(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{entries}"
        ))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn configuration(&self, breach_check: &str) -> String {
        let url = &self.url;
        format!("[passwords]\nbreach_check = \"{breach_check}\"\nbreach_check_url = \"{url}\"")
    }
}

/// Returns a list with the password in it.
fn with_the_password() -> String {
    format!("{}:1\r\n{SUFFIX}:3\r\n", "0".repeat(35))
}

/// Returns the error code of a sign-up with this password, `null` if it is accepted.
fn answer(program: &Program, password: &str) -> Value {
    let (token, answer) = sign_up(program, password);
    assert!(token.is_string());
    answer
}

/// Returns the token of a sign-up, and its error code for this password.
fn sign_up(program: &Program, password: &str) -> (Value, Value) {
    let address = json!({ "email_address": "a@example.com" });
    let token = program.values("create_signup", &address)["signup_token"].take();
    let emails = program.get("/dev/emails").json();
    let code = &emails.as_array().unwrap().last().unwrap()["code"];
    let verify = json!({ "signup_token": token, "email_address_verification_code": code });
    program.values("verify_signup_email_address_verification_code", &verify);
    let set = json!({ "signup_token": token, "password": password });
    let mut answer = program.invoke("set_signup_password", &set).json();
    (token, answer["error_code"].take())
}

#[test]
fn a_breached_password_is_weak_and_five_digits_of_its_hash_are_sent() {
    let service = RangeService::listing(&with_the_password());
    for policy in ["fail-open", "fail-closed"] {
        let program = Program::start(&service.configuration(policy));
        assert_eq!(answer(&program, BREACHED), "weak_password", "{policy}");
    }
    let line = format!("GET /range/{PREFIX} HTTP/1.1");
    assert_eq!(service.requests(), [line.clone(), line]);
}

#[test]
fn a_password_that_is_easy_to_guess_is_asked_of_no_one() {
    let service = RangeService::listing(&with_the_password());
    let program = Program::start(&service.configuration("fail-closed"));
    assert_eq!(answer(&program, "password123456"), "weak_password");
    assert!(service.requests().is_empty());
}

#[test]
fn each_check_can_be_switched_off_and_development_asks_no_one() {
    let service = RangeService::listing(&with_the_password());
    let url = &service.url;
    for configuration in [
        format!("[passwords]\nbreach_check_url = \"{url}\""),
        service.configuration("off"),
    ] {
        let program = Program::start(&configuration);
        assert_eq!(answer(&program, BREACHED), Value::Null);
    }
    assert!(service.requests().is_empty());
    let program = Program::start("[passwords]\nstrength_check = false");
    assert_eq!(answer(&program, "password123456"), Value::Null);
}

#[test]
fn when_nobody_knows_the_policy_decides() {
    let broken = RangeService::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    let mut open = Program::start(&broken.configuration("fail-open"));
    assert_eq!(answer(&open, BREACHED), Value::Null);
    open.wait_for_log("breach check failed, password accepted");
    let closed = Program::start(&broken.configuration("fail-closed"));
    assert_eq!(answer(&closed, BREACHED), "internal_error");
}

#[test]
fn flags_and_environment_say_how_passwords_are_checked() {
    let service = RangeService::listing(&with_the_password());
    let program = Program::start_with("[passwords]\nstrength_check = true", |command| {
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--password-breach-check", "fail-closed"])
            .env("FAROE_PASSWORD_BREACH_CHECK", "off")
            .env("FAROE_PASSWORD_BREACH_CHECK_URL", &service.url)
            .env("FAROE_PASSWORD_STRENGTH_CHECK", "false")
    });
    assert_eq!(answer(&program, BREACHED), "weak_password");
    assert_eq!(answer(&program, "password123456"), Value::Null);
}

#[test]
fn check_config_asks_the_service_about_no_password() {
    let good = RangeService::listing(&with_the_password());
    let [broken, tolerated] = [(); 2].map(|()| RangeService::listing("x"));
    for (service, policy, begin, is_well) in [
        (&good, "fail-closed", "ok      breached passwords: ", true),
        // The server works without the service if it may.
        (
            &tolerated,
            "fail-open",
            "WARNING breached passwords (",
            true,
        ),
        (
            &broken,
            "fail-closed",
            "FAILED  breached passwords (",
            false,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = command(folder.path())
            .args(["check-config", "--password-breach-check", policy])
            .args(["--password-breach-check-url", &service.url])
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let line = format!("{begin}{}/", service.url);
        assert!(printed.contains(&line), "{printed}");
        assert_eq!(output.status.success(), is_well);
        assert_eq!(service.requests(), ["GET /range/00000 HTTP/1.1"]);
    }
}

#[cfg(not(feature = "argon2-fast"))]
#[test]
fn the_faster_implementation_of_hashing_is_refused_by_a_build_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    assert_refused(
        command.env("FAROE_HASHING__FAST", "true"),
        "build with --features argon2-fast",
    );
}

#[test]
fn the_default_build_has_no_unaudited_implementation_of_hashing() {
    let server: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    assert!(server["features"].get("default").is_none());
    let asked: toml::Table = "workspace = true".parse().unwrap();
    assert_eq!(
        server["dependencies"]["faroe-argon2"].as_table(),
        Some(&asked)
    );
    let argon2: toml::Table = include_str!("../../../faroe-argon2/Cargo.toml")
        .parse()
        .unwrap();
    assert!(argon2["features"].get("default").is_none());
    let optional = &argon2["dependencies"]["argon2-rust"]["optional"];
    assert_eq!(optional.as_bool(), Some(true));
}

#[cfg(feature = "argon2-fast")]
#[test]
fn the_implementation_of_hashing_can_be_changed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.sqlite3");
    let start = |fast| {
        let users = users.display();
        Program::start(&format!(
            "user_store = \"sqlite:{users}\"\n[hashing]\nfast = {fast}"
        ))
    };
    let password = "seven purple lanterns";
    let first = start(true);
    let (token, answer) = sign_up(&first, password);
    assert_eq!(answer, Value::Null);
    first.values("complete_signup", &json!({ "signup_token": token }));
    drop(first);
    for fast in [false, true] {
        let program = start(fast);
        let create = json!({ "user_email_address": "a@example.com" });
        let token = program.values("create_signin", &create)["signin_token"].take();
        let verify = json!({ "signin_token": token, "password": password });
        program.values("verify_signin_user_password", &verify);
    }
}
