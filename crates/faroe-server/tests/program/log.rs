//! A log that cannot be written, and one that a client tries to fill.
#![cfg(unix)]

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
    thread,
};

use faroe_testkit::promise;
use serde_json::json;

use crate::support::{Program, assert_refused, command};

/// Every request is a line.
const EVERY_REQUEST: &str = "storage = \"memory:\"\nlog = \"faroe_server=debug\"";

/// More lines than the log's queue and a pipe hold together.
const FLOOD: usize = 15_000;

/// Sends so many requests on one connection, and reads all answers.
fn flood(program: &Program, requests: usize) {
    let mut stream = program.connect();
    let mut sender = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
            for _ in 1..requests {
                sender.write_all(request.as_bytes()).unwrap();
            }
            let last = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
            sender.write_all(last.as_bytes()).unwrap();
        });
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), requests);
    });
}

/// Reads the log up to so many lines of requests, those included that were dropped.
fn read_lines(log: &mut impl BufRead, requests: u64) -> Vec<String> {
    let (mut lines, mut seen) = (Vec::new(), 0);
    while seen < requests {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "{seen}: {lines:?}");
        seen += match line.split_once("log lines dropped lines=") {
            Some((_, dropped)) => dropped.trim().parse().unwrap(),
            None => u64::from(line.contains("a request")),
        };
        lines.push(line);
    }
    assert_eq!(seen, requests);
    lines
}

#[test]
fn p60_a_log_that_cannot_be_written_stops_nothing() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let full = Program::start_logging_to(full.into(), EVERY_REQUEST, |command| {
        command.args(["--listen", "127.0.0.1:0"])
    });
    let mut without_reader = Program::start(EVERY_REQUEST);
    without_reader.stderr = BufReader::new(Box::new(io::empty()));
    for mut program in [full, without_reader] {
        let address = json!({ "email_address": "a@example.com" });
        program.values("create_signup", &address);
        flood(&program, 100);
        assert_eq!(program.get("/health").status, 200);
        program.signal("TERM");
        assert_eq!(program.wait().code(), Some(0));
    }
    promise::report("P60", "2 logs that cannot be written");
}

#[test]
fn p60_a_log_that_nobody_reads_stops_nothing_and_says_later_what_is_missing() {
    let mut program = Program::start(EVERY_REQUEST);
    flood(&program, FLOOD);
    assert_eq!(program.get("/health").status, 200);
    let lines = read_lines(&mut program.stderr, FLOOD as u64 + 1);
    let reports = lines.iter().filter(|line| line.contains("dropped"));
    assert_eq!(reports.count(), 1);
    // Afterwards all is well.
    flood(&program, 10);
    assert_eq!(read_lines(&mut program.stderr, 10).len(), 10);

    flood(&program, FLOOD);
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
    promise::report("P60", format_args!("{FLOOD} lines that nobody reads"));
}

#[test]
fn p60_a_log_that_takes_nothing_at_the_moment_gets_every_line_later() {
    let (log, stderr) = UnixStream::pair().unwrap();
    stderr.set_nonblocking(true).unwrap();
    let stderr = Stdio::from(OwnedFd::from(stderr));
    let program = Program::start_logging_to(stderr, EVERY_REQUEST, |command| {
        command.args(["--listen", "127.0.0.1:0"])
    });
    flood(&program, 3_000);
    let lines = read_lines(&mut BufReader::new(log), 3_000);
    assert_eq!(lines.len(), 3_000);
    promise::report(
        "P60",
        "3,000 lines for a standard error that does not block",
    );
}

#[test]
fn p60_an_error_that_repeats_itself_is_counted() {
    let mut program = Program::start("storage = \"sqlite:data.db\"");
    let session_token = program.sign_up()["session_token"].take();
    let database = rusqlite::Connection::open(program.folder.path().join("data.db")).unwrap();
    database.execute_batch("DROP TABLE faroe_storage").unwrap();
    let arguments = json!({ "session_token": session_token });
    for _ in 0..100 {
        let answer = program.invoke("get_session", &arguments);
        assert_eq!(answer.json()["error_code"], "internal_error");
    }
    program.signal("TERM");
    let mut log = String::new();
    program.stderr.read_to_string(&mut log).unwrap();
    let omitted = |line: &str| {
        let (_, count) = line.split_once("repeated log lines omitted")?;
        assert!(
            line.contains("action failed action=\\\"get_session\\\""),
            "{line}"
        );
        let (_, count) = count.split_once(" lines=")?;
        count.split(' ').next()?.trim().parse::<usize>().ok()
    };
    let omitted: usize = log.lines().filter_map(omitted).sum();
    let is_written = |line: &&str| line.contains("action failed") && !line.contains("omitted");
    let written = log.lines().filter(is_written).count();
    assert_eq!(written + omitted, 100, "{log}");
    assert!((20..100).contains(&written), "{log}");
    promise::report("P60", "100 equal errors");
}

#[test]
fn a_start_that_fails_after_the_log_was_started_says_why() {
    let occupied = Program::start("storage = \"memory:\"");
    let folder = tempfile::tempdir().unwrap();
    let listen = occupied.address.to_string();
    let mut second = command(folder.path());
    second.args(["--storage", "memory:", "--listen", &listen]);
    assert_refused(&mut second, &listen);
}
