//! Stops of the program.
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

#[test]
fn a_server_that_drains_is_not_ready_and_answers_everything() {
    let mut program = Program::start("[http]\ndrain_delay = \"1h\"");
    assert_eq!(program.get("/ready").status, 200);
    program.signal("TERM");
    program.wait_for_log("draining");
    let ready = program.get("/ready");
    let expected = (503, "not ready: stopping\n");
    assert_eq!((ready.status, ready.body.as_str()), expected);
    assert_eq!(program.get("/health").status, 200);
    let address = json!({ "email_address": "a@example.com" });
    program.values("create_signup", &address);
    // Its client can find another server.
    let kept = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(program.send_raw(kept).header("connection"), "close");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130));
}

#[test]
fn after_the_drain_the_server_stops() {
    let mut program = Program::start("[http]\ndrain_delay = \"1ms\"");
    program.signal("TERM");
    program.wait_for_log("draining");
    program.wait_for_log("stopping");
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn a_hangup_ends_nothing() {
    let mut program = Program::start("");
    program.signal("HUP");
    assert_eq!(program.get("/health").status, 200);
    program.signal("HUP");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
}

/// A server that stops while the use of its one session waits to be recorded.
struct Recording {
    program: Program,
    database: rusqlite::Connection,
    key: String,
}

impl Recording {
    /// Answers for a session while nothing can be written, and begins to stop.
    fn stopping(http: &str) -> Self {
        let mut program = Program::start(&format!(
            "storage = \"sqlite:data.db\"\n[session]\nactivity_check_interval = \"1ns\"\n[http]\n{http}"
        ));
        let session_token = program.sign_up()["session_token"].take();
        let id = session_token.as_str().unwrap().split('.').next().unwrap();
        let key = format!("main.session.{id}");
        let database = rusqlite::Connection::open(program.folder.path().join("data.db")).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        program.values("get_session", &json!({ "session_token": session_token }));
        program.signal("TERM");
        program.wait_for_log("stopping");
        Self {
            program,
            database,
            key,
        }
    }

    fn uses(&self) -> i64 {
        let select = "SELECT counter FROM faroe_storage WHERE key = ?";
        let uses = self
            .database
            .query_row(select, [&self.key], |row| row.get(0));
        uses.unwrap()
    }
}

#[test]
fn the_use_of_a_session_is_recorded_after_the_answer_and_before_the_end() {
    let mut recording = Recording::stopping("");
    assert_eq!(recording.uses(), 0);
    recording.database.execute_batch("COMMIT").unwrap();
    assert_eq!(recording.program.wait().code(), Some(0));
    let mut log = String::new();
    recording.program.stderr.read_to_string(&mut log).unwrap();
    assert!(!log.contains("WARN"), "{log}");
    assert_eq!(recording.uses(), 1);
}

#[test]
fn the_record_of_a_session_s_use_is_given_up_at_the_deadline() {
    let mut recording = Recording::stopping("shutdown_timeout = \"1ms\"");
    let lost = "stopped before all uses of sessions were recorded";
    recording.program.wait_for_log(lost);
    assert_eq!(recording.program.wait().code(), Some(0));
}
