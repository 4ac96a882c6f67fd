//! Slow and greedy clients.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use faroe_testkit::promise;
use serde_json::json;

use crate::support::{PATIENCE, Program, Response};

/// The largest body, in bytes.
const LARGEST: usize = 64 * 1024;

/// A request that is answered, whatever else happens.
const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Beginnings of requests.
const HEAD: &str = "POST / HTTP/1.1\r\nHost: local";
const BODY: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
const CHUNKED: &str =
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";

/// Sends this, and then either nothing more or, ten times a second, this byte, until the server closes the connection.
/// Returns what was answered, and how long the client was put up with.
fn keep_waiting(program: &Program, start: &str, drip: Option<u8>) -> (String, Duration) {
    let (begin, mut answer) = (Instant::now(), Vec::new());
    let mut stream = program.connect();
    stream.write_all(start.as_bytes()).unwrap();
    if let Some(byte) = drip {
        let pause = Duration::from_millis(100);
        stream.set_read_timeout(Some(pause)).unwrap();
        while begin.elapsed() < PATIENCE {
            // After the end there is nobody to send to.
            let _ = stream.write_all(&[byte]);
            match stream.read_to_end(&mut answer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => break,
            }
        }
    } else {
        stream.read_to_end(&mut answer).unwrap();
    }
    (String::from_utf8(answer).unwrap(), begin.elapsed())
}

/// Sends a request and reads the answer, and leaves the connection open.
fn answered(stream: &mut TcpStream) {
    stream.write_all(HEALTH.as_bytes()).unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"alive\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn p50_slow_clients_are_cut_after_the_default_times() {
    let program = Program::start("");
    let cases = [
        ("nothing at all", "", None, "", 5),
        ("half a head", HEAD, None, "", 5),
        ("a head byte by byte", HEAD, Some(b'x'), "", 5),
        ("half a body", BODY, None, "HTTP/1.1 408 ", 10),
        ("a body byte by byte", BODY, Some(b' '), "HTTP/1.1 408 ", 10),
        ("half a chunk", CHUNKED, None, "HTTP/1.1 408 ", 10),
    ];
    let mut idle = program.connect();
    answered(&mut idle);
    // All at once, so that the longest one is waited for and no more.
    thread::scope(|scope| {
        for (name, start, drip, expected, seconds) in cases {
            let program = &program;
            scope.spawn(move || {
                let (answer, time) = keep_waiting(program, start, drip);
                assert!(answer.starts_with(expected), "{name}: {answer}");
                assert!(
                    !expected.is_empty() || answer.is_empty(),
                    "{name}: {answer}"
                );
                // The times themselves are tested where the configuration is; a busy machine may be late.
                let range = Duration::from_secs(seconds)..Duration::from_secs(seconds + 8);
                assert!(range.contains(&time), "{name}: cut after {time:?}");
            });
        }
    });
    // A connection between two requests is not slow.
    answered(&mut idle);
    let cases = cases.len();
    promise::report(
        "P50",
        format_args!("{cases} slow clients cut after 5 or 10 seconds, and an idle one kept"),
    );
}

/// A request of this size that is valid, and is padded with what is ignored.
fn body(size: usize) -> String {
    let arguments = json!({ "session_token": "" });
    let empty = json!({ "action": "get_session", "arguments": arguments, "padding": "" });
    let empty = empty.to_string();
    let padding = format!("\"padding\":\"{}\"", "x".repeat(size - empty.len()));
    empty.replace("\"padding\":\"\"", &padding)
}

/// Sends a request in which the length is told so, and returns all statuses that are answered.
fn statuses(program: &Program, length: &str, body: &str) -> Vec<u16> {
    let head =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n\r\n");
    let mut stream = program.connect();
    // The server may have refused the request before it is sent to the end.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses = answers
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    statuses.map(|line| line[..3].parse().unwrap()).collect()
}

#[test]
fn p50_a_body_may_have_64_kib_and_no_more_whatever_length_it_claims() {
    let program = Program::start("");
    let (largest, too_large) = (body(LARGEST), body(LARGEST + 1));
    assert_eq!(largest.len(), LARGEST);
    let chunked = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let pieces = |body: &str| {
        let pieces = body.as_bytes().chunks(1000);
        let pieces = pieces.map(|piece| chunked(std::str::from_utf8(piece).unwrap()));
        pieces
            .map(|piece| piece.replace("0\r\n\r\n", ""))
            .collect::<String>()
            + "0\r\n\r\n"
    };
    let declared = |length: usize| format!("Content-Length: {length}");
    let in_chunks = "Transfer-Encoding: chunked".to_owned();
    let cases: [(String, String, &[u16]); 13] = [
        (declared(LARGEST), largest.clone(), &[200]),
        (in_chunks.clone(), chunked(&largest), &[200]),
        (in_chunks.clone(), pieces(&largest), &[200]),
        (declared(LARGEST + 1), too_large.clone(), &[413]),
        (in_chunks.clone(), chunked(&too_large), &[413]),
        (in_chunks.clone(), pieces(&too_large), &[413]),
        // Refused before a byte of it has come.
        (declared(LARGEST + 1), String::new(), &[413]),
        (declared(1_000_000), " ".repeat(1_000_000), &[413]),
        (
            in_chunks.clone(),
            "ffffffffff\r\n".to_owned() + &too_large,
            &[413],
        ),
        // Less than was told: the rest is not read.
        (declared(10), too_large.clone(), &[400]),
        (declared(1) + "\r\n" + &declared(2), "{}".to_owned(), &[400]),
        (declared(usize::MAX) + "0", String::new(), &[400]),
        ("Content-Length: -1".to_owned(), String::new(), &[400]),
    ];
    for (length, body, expected) in &cases {
        let shown = &body[..body.len().min(20)];
        let answered = statuses(&program, length, body);
        assert_eq!(answered, *expected, "{length:?} {shown:?}");
    }
    assert_eq!(program.get("/health").status, 200);
    let cases = cases.len();
    promise::report(
        "P50",
        format_args!("{cases} bodies by size and claimed length"),
    );
}

#[test]
fn p50_a_head_may_have_16_kib_and_no_more() {
    let program = Program::start("");
    let status = |headers: &str| {
        let head = format!("GET /health HTTP/1.1\r\n{headers}");
        program.send(&head, b"").status
    };
    let one = |size: usize| format!("X: {}", "x".repeat(size));
    let many = |count: usize| vec!["X: x"; count].join("\r\n");
    assert_eq!(status(&one(15_000)), 200);
    assert_eq!(status(&many(90)), 200);
    let refused = [one(16_400), one(200_000), many(200), many(10_000)];
    for headers in &refused {
        assert_eq!(status(headers), 431, "{}", headers.len());
    }
    let path = format!("GET /{} HTTP/1.1", "x".repeat(20_000));
    assert!([414, 431].contains(&program.send(&path, b"").status));
    let refused = refused.len() + 1;
    promise::report(
        "P50",
        format_args!("{refused} heads of more than 16 KiB or too many lines"),
    );
}

#[test]
fn p50_a_client_that_hangs_up_half_way_is_let_go_at_once() {
    // Or else it would be kept for so long.
    let program = Program::start("[http]\nheader_timeout = \"1h\"\nbody_timeout = \"1h\"");
    for start in [HEAD, BODY, CHUNKED, HEALTH] {
        let mut stream = program.connect();
        stream.write_all(start.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // A whole request may have been answered before the end was seen.
        let status = answer.strip_prefix("HTTP/1.1 ").map(|answer| &answer[..3]);
        let expected = if start == HEALTH { "200" } else { "400" };
        assert!(status.is_none_or(|status| status == expected), "{answer}");
    }
    promise::report("P50", "4 clients that hang up half way");
}

#[test]
fn p50_requests_that_are_sent_at_once_are_answered_in_order_and_a_bad_one_is_the_last() {
    let program = Program::start("");
    let mut stream = program.connect();
    let missing = HEALTH.replace("/health", "/missing");
    let requests = [HEALTH, &missing, HEALTH, "no HTTP\r\n\r\n", HEALTH].concat();
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses = answers
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    let statuses: Vec<_> = statuses.map(|line| &line[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200", "400"]);
    promise::report("P50", "5 requests sent at once");
}

#[test]
fn a_connection_is_closed_when_it_idles_for_the_configured_time() {
    let program = Program::start(
        "[http]\nheader_timeout = \"200ms\"\nbody_timeout = \"200ms\"\nkeep_alive_timeout = \"200ms\"",
    );
    for (start, expected) in [
        ("", ""),
        (HEAD, ""),
        (HEALTH, "HTTP/1.1 200 "),
        (BODY, "HTTP/1.1 408 "),
    ] {
        let (answer, _) = keep_waiting(&program, start, None);
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[test]
fn p50_stalled_clients_give_their_places_up() {
    let program = Program::start("[http]\nmax_connections = 2\nheader_timeout = \"500ms\"");
    let stalled: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = program.connect();
            stream.write_all(HEAD.as_bytes()).unwrap();
            stream
        })
        .collect();
    // It waits behind all of them.
    assert_eq!(program.get("/health").status, 200);
    drop(stalled);
    promise::report("P50", "8 stalled clients for 2 connections");
}

#[test]
fn p62_idle_connections_give_way_to_new_ones_and_busy_ones_do_not() {
    let program = Program::start(
        "[http]\nmax_connections = 3\nheader_timeout = \"1h\"\nbody_timeout = \"1h\"\nrequest_timeout = \"1h\"",
    );
    let body = body(200);
    let mut busy = program.connect();
    let head =
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n";
    busy.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    busy.read_exact(&mut go_on).unwrap();
    let mut earlier = Vec::new();
    for _ in 0..20 {
        let mut next = program.connect();
        answered(&mut next);
        earlier.push(next);
    }
    // Two of them have the places that are left.
    let mut open = 0;
    for mut idle in earlier {
        idle.set_nonblocking(true).unwrap();
        match idle.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => open += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open, 2);
    busy.write_all(body.as_bytes()).unwrap();
    let mut answer = [0; 15];
    busy.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    promise::report("P62", "20 clients for the places of 2 that are idle");
}

#[test]
fn p62_a_busy_connection_gives_its_place_up_after_its_answer() {
    let program = Program::start(
        "[http]\nmax_connections = 1\nheader_timeout = \"1h\"\nbody_timeout = \"1h\"\nrequest_timeout = \"1h\"",
    );
    let body = body(200);
    let mut first = program.connect();
    let head =
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n";
    first.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    first.read_exact(&mut go_on).unwrap();
    let mut second = program.connect();
    second.write_all(HEALTH.as_bytes()).unwrap();
    first.write_all(body.as_bytes()).unwrap();
    assert_eq!(Response::read(&mut first).status, 200);
    answered(&mut second);
    promise::report("P62", "a client that waits for the only place");
}
