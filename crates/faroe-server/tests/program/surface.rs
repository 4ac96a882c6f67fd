//! The HTTP surface of the program: paths, methods, sizes, headers, origins, the mailbox of development mode.

use serde_json::json;

use crate::support::{Program, Response};

#[test]
fn an_action_is_invoked_and_its_email_is_shown() {
    let mut program = Program::start("");
    for address in ["a+b@example.com", "c@example.com"] {
        program.values("create_signup", &json!({ "email_address": address }));
    }
    let all = program.get("/dev/emails").json();
    let recipients: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|email| &email["to"])
        .collect();
    assert_eq!(recipients, ["a+b@example.com", "c@example.com"]);
    for query in ["to=a+b@example.com", "to=a%2Bb%40example.com"] {
        let selected = program.get(&format!("/dev/emails?{query}")).json();
        assert_eq!(selected, json!([all[0]]), "{query}");
    }
    assert_eq!(all[0]["type"], "signup_email_address_verification_code");
    assert_eq!(
        program.get("/dev/emails?to=A%2Bb@example.com").json(),
        json!([])
    );
    let code = all[0]["code"].as_str().unwrap();
    program.wait_for_log(&format!(
        "email to a+b@example.com: signup_email_address_verification_code: {code}"
    ));
}

#[test]
fn the_mailbox_is_not_shown_under_a_foreign_name() {
    let program = Program::start("");
    let mut stream = program.connect();
    let request = "GET /dev/emails HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    assert_eq!(Response::read(&mut stream).status, 403);
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let program = Program::start("");
    let created = program.values(
        "create_signup",
        &json!({ "email_address": "a@example.com" }),
    );
    let data = program
        .folder
        .path()
        .join("faroe-data")
        .to_str()
        .unwrap()
        .to_owned();
    let again = Program::start_with("", |command| {
        command.args(["--listen", "127.0.0.1:0", "--data-dir", &data])
    });
    let found = again.values(
        "get_signup",
        &json!({ "signup_token": created["signup_token"] }),
    );
    assert_eq!(found["signup"], created["signup"]);
}

#[test]
fn health_and_readiness_are_told() {
    let program = Program::start("");
    for path in ["/health", "/ready"] {
        assert_eq!(program.get(path).status, 200, "{path}");
        assert_eq!(
            program.send(&format!("POST {path} HTTP/1.1"), b"").status,
            405,
            "{path}"
        );
    }
}

#[test]
fn other_methods_and_paths_are_refused() {
    let program = Program::start("");
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let response = program.send(&format!("{method} / HTTP/1.1"), b"");
        assert_eq!(
            (response.status, response.header("allow")),
            (405, "POST"),
            "{method}"
        );
    }
    for path in ["/index.html", "/dev/", "/dev/emails/", "//", "/health/x"] {
        assert_eq!(program.get(path).status, 404, "{path}");
    }
}

#[test]
fn an_invalid_request_is_refused_without_an_echo() {
    let program = Program::start("");
    for body in [
        "",
        "canary",
        "[1]",
        r#"{"action": "canary", "arguments": {}}"#,
        r#"{"action": "create_signup", "arguments": {"canary": 1}}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": ["canary"]}}"#,
        r#"{"action": "create_signup", "action": "canary", "arguments": {}}"#,
    ] {
        let response = program.post(body.as_bytes());
        assert_eq!(response.status, 400, "{body}");
        assert!(response.header("content-type").starts_with("text/plain"));
        assert!(
            !response.body.contains("canary") && response.body.lines().count() == 1,
            "{}",
            response.body
        );
    }
}

#[test]
fn any_content_type_is_accepted() {
    let program = Program::start("");
    let body = json!({ "action": "get_session", "arguments": { "session_token": "" } }).to_string();
    for content_type in [
        "text/plain;charset=UTF-8",
        "application/json",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        let response = program.send(
            &format!("POST / HTTP/1.1\r\nContent-Type: {content_type}"),
            body.as_bytes(),
        );
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, "application/json"),
            "{content_type}"
        );
    }
    let without = program.post(body.as_bytes());
    assert_eq!(
        (without.status, &without.json()["error_code"]),
        (200, &json!("invalid_session_token"))
    );
}

#[test]
fn every_answer_forbids_storing_and_sniffing() {
    let program = Program::start("");
    let preflight =
        "OPTIONS / HTTP/1.1\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: POST";
    let answers = [
        program.get("/health"),
        program.get("/nowhere"),
        program.get("/"),
        program.get("/dev/emails"),
        program.post(b"x"),
        program.post(&[b' '; 70_000]),
        program.send(preflight, b""),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{answer:?}"
        );
    }
}

#[test]
fn only_pages_of_this_machine_and_allowed_origins_may_read_answers() {
    let program = Program::start("[http]\nallowed_origins = [\"https://app.example.com\"]");
    let asked = |method: &str, origin: &str| {
        let head = format!(
            "{method} / HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: content-type",
        );
        program.send(&head, b"")
    };
    for origin in [
        "https://app.example.com",
        "http://localhost:5173",
        "https://127.0.0.1",
        "http://[::1]:3000",
    ] {
        let preflight = asked("OPTIONS", origin);
        assert_eq!(
            (
                preflight.status,
                preflight.header("access-control-allow-origin")
            ),
            (200, origin)
        );
        assert!(
            preflight
                .header("access-control-allow-methods")
                .contains("POST")
        );
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            "content-type"
        );
        assert_eq!(
            asked("POST", origin).header("access-control-allow-origin"),
            origin
        );
    }
    for origin in [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "null",
    ] {
        for method in ["OPTIONS", "POST"] {
            let answer = asked(method, origin);
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
            assert_eq!(
                answer.header("access-control-allow-credentials"),
                "",
                "{origin}"
            );
        }
    }
    assert!(
        asked("POST", "https://app.example.com")
            .header("vary")
            .contains("origin")
    );
}

#[test]
fn a_blocked_action_is_unknown() {
    let program = Program::start("[http]\nblocked_actions = [\"create_signup\"]");
    assert_eq!(
        program
            .invoke(
                "create_signup",
                &json!({ "email_address": "a@example.com" })
            )
            .status,
        400
    );
    assert_eq!(
        program
            .invoke("get_session", &json!({ "session_token": "" }))
            .status,
        200
    );
}

#[test]
fn too_many_hashes_at_once_are_refused_as_overload() {
    // A hash of about a second, so that the requests meet, and time for it on a busy machine.
    let program = Program::start(
        "hashing = { permits = 1, queue = 0, iterations = 40 }
        timeouts.action = \"1 hour\"
        http = { request_timeout = \"1 hour\", body_timeout = \"1 hour\" }",
    );
    let signup = program.values(
        "create_signup",
        &json!({ "email_address": "a@example.com" }),
    );
    let token = &signup["signup_token"];
    let code = &program.get("/dev/emails").json()[0]["code"];
    let verify = json!({ "signup_token": token, "email_address_verification_code": code });
    program.values("verify_signup_email_address_verification_code", &verify);
    let set = json!({ "signup_token": token, "password": "seven purple lanterns" });
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| program.invoke("set_signup_password", &set)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(
        !refused.is_empty() && refused.len() < answers.len(),
        "{answers:?}"
    );
    assert!(
        refused
            .iter()
            .all(|answer| answer.header("retry-after").parse::<u64>().unwrap() >= 1)
    );
    let set = answers
        .iter()
        .filter(|answer| answer.status == 200 && answer.json()["ok"] == true);
    assert_eq!(set.count(), 1);
}
