//! The development console: who may see it, and what it may do.

use std::io::{BufRead, Write};

use serde_json::json;

use crate::support::{Program, Response};

/// Asks for a path with these headers and no others.
fn asked(program: &Program, path: &str, headers: &str) -> Response {
    let mut stream = program.connect();
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    Response::read(&mut stream)
}

#[test]
fn emails_are_shown_to_this_machine_and_to_no_page_of_another() {
    let program = Program::start("");
    program.values(
        "create_signup",
        &json!({ "email_address": "a@example.com" }),
    );
    let port = program.address.port();
    let own = format!("Host: localhost:{port}\r\n");
    let with = |header: &str| format!("{own}{header}\r\n");
    let allowed = [
        own.clone(),
        with(&format!("Origin: http://localhost:{port}")),
        with("Sec-Fetch-Site: same-origin"),
        with("Sec-Fetch-Site: none"),
    ];
    let foreign = [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: localhost.evil.example:{port}\r\n"),
        "Host: 192.0.2.1\r\n".to_owned(),
        with("Origin: http://evil.example"),
        with("Origin: null"),
        with("Origin: http://localhost:1"),
        with(&format!("Origin: https://localhost:{port}")),
        with(&format!("Origin: http://127.0.0.1:{port}")),
    ];
    for path in ["/dev/inbox", "/dev/inbox/1/html"] {
        for headers in &allowed {
            let answer = asked(&program, path, headers);
            assert_eq!(answer.status, 200, "{path} {headers}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        }
        for site in ["cross-site", "same-site", "\u{e4}"] {
            let headers = with(&format!("Sec-Fetch-Site: {site}"));
            assert_eq!(asked(&program, path, &headers).status, 403, "{path} {site}");
        }
    }
    for path in ["/dev", "/dev/inbox", "/dev/inbox/1/html"] {
        for headers in &foreign {
            let answer = asked(&program, path, headers);
            assert_eq!(answer.status, 403, "{path} {headers}");
            assert!(!answer.body.contains("a@example.com"));
        }
    }
    // Another site may link to the page, which holds nothing.
    let headers = with("Sec-Fetch-Site: cross-site");
    assert_eq!(asked(&program, "/dev", &headers).status, 200);

    for origin in ["http://evil.example", "null"] {
        let answer = asked(&program, "/dev/emails", &with(&format!("Origin: {origin}")));
        assert_eq!(answer.status, 403, "{origin}");
    }
    let app = with("Origin: http://localhost:5173");
    assert_eq!(asked(&program, "/dev/emails", &app).status, 200);
}

#[test]
fn the_console_asks_for_nothing_from_elsewhere_and_runs_nothing_but_itself() {
    let program = Program::start("");
    let page = program.get("/dev");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'sha256-",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    for outside in ["https://", "src=\"", "@import", ": url("] {
        assert!(!page.body.contains(outside), "{outside}");
    }

    program.values(
        "create_signup",
        &json!({ "email_address": "a@example.com" }),
    );
    let inbox = program.get("/dev/inbox").json();
    let email = &inbox["messages"][0];
    assert_eq!(
        (&email["number"], &email["to"]),
        (&json!(1), &json!("a@example.com"))
    );
    let html = program.get("/dev/inbox/1/html");
    assert!(html.body.contains("<html"));
    let policy = html.header("content-security-policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none'"),
        "{policy}"
    );
    assert_eq!(program.get("/dev/inbox/2/html").status, 404);
}

#[test]
fn the_url_of_the_console_is_printed() {
    let mut program = Program::start("");
    let url = format!("http://{}/dev", program.address);
    let mut line = String::new();
    while line.trim() != url {
        line.clear();
        assert_ne!(program.stdout.read_line(&mut line).unwrap(), 0, "{url}");
    }
}
