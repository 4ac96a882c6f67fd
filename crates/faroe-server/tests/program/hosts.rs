//! The hosts for which requests are, and the pages that may send them.

use faroe_testkit::promise;

use crate::support::{Program, Response};

const PATHS: [&str; 8] = [
    "/",
    "/health",
    "/ready",
    "/dev",
    "/dev/emails",
    "/dev/inbox",
    "/dev/inbox/1/html",
    "/nowhere",
];

/// Asks for a path with these headers and no others.
fn asked(program: &Program, target: &str, version: &str, headers: &[&str]) -> Response {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    program.send_raw(&format!(
        "GET {target} HTTP/{version}\r\nConnection: close\r\n{headers}\r\n"
    ))
}

/// Starts a server in production mode, which never sends an email.
fn production(more: &str) -> Program {
    Program::start(&format!(
        "mode = \"production\"
        storage = \"memory:\"
        email_sender = \"smtp://localhost:1?tls=off\"
        email.from = \"no-reply@example.com\"
        ip_rate_limit.enabled = false
        {more}"
    ))
}

#[test]
fn p61_a_request_has_exactly_one_host() {
    let programs = [Program::start("storage = \"memory:\""), production("")];
    let host = "Host: localhost";
    let cases: [(&str, &[&str], u16); 8] = [
        ("1.1", &[], 400),
        ("1.1", &[host], 200),
        ("1.1", &[host, host], 400),
        ("1.1", &[host, "host: localhost:1"], 400),
        ("1.1", &["Host: evil.example", host], 400),
        ("1.0", &[], 200),
        ("1.0", &[host], 200),
        ("1.0", &[host, host], 400),
    ];
    for program in &programs {
        for (version, headers, status) in cases {
            let answer = asked(program, "/health", version, headers);
            assert_eq!(answer.status, status, "{version} {headers:?}");
            assert!(answer.status == 200 || answer.header("cache-control") == "no-store");
        }
        let without = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(program.send_raw(without).status, 400);
    }
    promise::report("P61", format_args!("{} requests by host", cases.len()));
}

#[test]
fn p61_development_mode_is_not_there_for_other_hosts_and_origins() {
    let program = Program::start("http.allowed_origins = [\"HTTPS://App.Example.com:443\"]");
    let port = program.address.port();
    let own = format!("Host: localhost:{port}");
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        "localhost.".to_owned(),
        "192.0.2.1".to_owned(),
        "0.0.0.0".to_owned(),
        "user@localhost".to_owned(),
        "localhost, evil.example".to_owned(),
        String::new(),
    ];
    let origins = [
        "http://evil.example",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://app.example.com",
        "null",
        "",
    ];
    for path in PATHS {
        for host in &hosts {
            let answer = asked(&program, path, "1.1", &[&format!("Host: {host}")]);
            assert_eq!(answer.status, 403, "{path} {host}");
        }
        for origin in origins {
            let origin = format!("Origin: {origin}");
            let answer = asked(&program, path, "1.1", &[&own, &origin]);
            assert_eq!(answer.status, 403, "{path} {origin}");
            let first = ["Origin: http://localhost", &own, &origin];
            assert_eq!(asked(&program, path, "1.1", &first).status, 403);
        }
    }
    let foreign = "http://evil.example/health";
    assert_eq!(asked(&program, foreign, "1.1", &[&own]).status, 403);
    let post = format!(
        "POST / HTTP/1.1\r\n{own}\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(program.send_raw(&post).status, 403);
    for known in [
        "http://localhost:5173",
        "https://127.0.0.1",
        "http://[::1]:1",
        "https://app.example.com",
    ] {
        let origin = format!("Origin: {known}");
        let answer = asked(&program, "/health", "1.1", &[&own, &origin]);
        let may_read = answer.header("access-control-allow-origin");
        assert_eq!((answer.status, may_read), (200, known));
    }
    let (paths, others) = (PATHS.len(), hosts.len() + origins.len());
    promise::report(
        "P61",
        format_args!("{others} other hosts and origins on {paths} paths"),
    );
}

#[test]
fn in_production_a_proxy_may_use_any_host() {
    let program = production("http.allowed_origins = [\"https://app.example.com\"]");
    for headers in [
        &["Host: auth.example.com"][..],
        &[
            "Host: auth.example.com:8443",
            "Origin: https://other.example",
        ],
    ] {
        let answer = asked(&program, "/health", "1.1", headers);
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}
