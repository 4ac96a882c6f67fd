//! Both halves of the program: one serves users to the other.

use faroe_testkit::promise;
use serde_json::json;

use crate::support::{Program, assert_refused, command, refusal};

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

        // Without its users the server is not ready, and answers soon.
        drop(users);
        let ready = server.get("/ready");
        assert_eq!(
            (ready.status, ready.body.as_str()),
            (503, "not ready: user store\n")
        );
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
        command.args(arguments);
        if let Some(token) = token {
            command.env(VARIABLE, token);
        }
        assert_refused(&mut command, expected);
    }
    promise::report("P56", format_args!("{} unsafe user servers", cases.len()));
}
