//! How the program stops.
#![cfg(unix)]

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::support::{Program, Response};

/// A request whose head the server has read and whose body it waits for.
fn request_in_flight(program: &Program, body: &str) -> TcpStream {
    let mut stream = program.connect();
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn a_request_in_flight_is_finished() {
    let body = json!({ "action": "get_session", "arguments": { "session_token": "" } }).to_string();
    for signal in ["TERM", "INT"] {
        let mut program = Program::start("");
        let mut stream = request_in_flight(&program, &body);
        program.signal(signal);
        program.wait_for_log("stopping");
        assert!(
            TcpStream::connect(program.address).is_err(),
            "no new connection is accepted"
        );
        stream.write_all(body.as_bytes()).unwrap();
        assert_eq!(
            Response::read(&mut stream).json()["error_code"],
            "invalid_session_token"
        );
        assert_eq!(program.wait().code(), Some(0));
    }
}

#[test]
fn a_request_that_does_not_end_is_given_up_at_the_deadline() {
    let mut program = Program::start(
        "[http]\nshutdown_timeout = \"200ms\"\nbody_timeout = \"1h\"\nrequest_timeout = \"1h\"",
    );
    let _stream = request_in_flight(&program, "{}");
    program.signal("TERM");
    program.wait_for_log("stopped before all requests were finished");
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let mut program = Program::start(
        "[http]\nshutdown_timeout = \"1h\"\nbody_timeout = \"1h\"\nrequest_timeout = \"1h\"",
    );
    let _stream = request_in_flight(&program, "{}");
    program.signal("TERM");
    program.wait_for_log("stopping");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130));
}
