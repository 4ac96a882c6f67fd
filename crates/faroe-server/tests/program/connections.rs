//! Slow and greedy clients.

use std::io::{Read, Write};

use crate::support::{Program, Response};

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let program = Program::start("[http]\nheader_timeout = \"200ms\"");
    for head in ["", "POST / HTTP/1.1\r\nHost: local"] {
        let mut stream = program.connect();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "");
    }
    assert_eq!(program.get("/health").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let program = Program::start("[http]\nbody_timeout = \"200ms\"");
    let mut stream = program.connect();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        .unwrap();
    assert_eq!(Response::read(&mut stream).status, 408);
    assert_eq!(program.get("/health").status, 200);
}

#[test]
fn a_connection_serves_many_requests_and_is_closed_when_it_idles() {
    let program = Program::start("[http]\nheader_timeout = \"500ms\"");
    let mut stream = program.connect();
    for _ in 0..3 {
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
}

#[test]
fn a_connection_is_not_kept_while_others_wait_for_its_place() {
    let program = Program::start("[http]\nmax_connections = 1\nheader_timeout = \"1h\"");
    let mut first = program.connect();
    first
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let answer = Response::read(&mut first);
    assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    drop(first);
    assert_eq!(program.get("/health").status, 200);
}
