//! Writing lines where they may not be wanted.

use std::{
    io::{self, ErrorKind, Write},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt::{
    format,
    time::{FormatTime, SystemTime},
};

use super::{
    queue::{Next, Queue},
    repeats::{Repeated, Repeats},
};
use crate::Mode;

/// The pause before the next attempt, if the output takes nothing at the moment.
const PAUSE: Duration = Duration::from_millis(20);

/// Writes lines, and counts those that it cannot write.
#[derive(Debug)]
pub(super) struct Writer<W> {
    output: W,
    mode: Mode,
    /// The number of lines that were dropped and not reported.
    dropped: u64,
    /// `true` if the end of the last line could not be written.
    is_within_a_line: bool,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(output: W, mode: Mode) -> Self {
        Self {
            output,
            mode,
            dropped: 0,
            is_within_a_line: false,
        }
    }

    /// Writes lines until the queue is closed.
    pub(super) fn run(&mut self, queue: &Queue, repeats: &Repeats) {
        loop {
            match queue.next(repeats.end()) {
                Next::Line(line) => self.write_line(&line),
                Next::Dropped(lines) => {
                    self.dropped += lines;
                    self.report_dropped();
                }
                Next::Nothing => {}
                Next::Closed => break,
            }
            if repeats.end().is_some_and(|end| end <= Instant::now()) {
                self.report_repeated(repeats);
            }
        }
        self.report_repeated(repeats);
    }

    /// Writes a line, after a report of those that were dropped before it.
    fn write_line(&mut self, line: &[u8]) {
        if !self.report_dropped() || self.write(line).is_err() {
            self.dropped += 1;
        }
    }

    /// Returns `false` if the report could not be written.
    fn report_dropped(&mut self) -> bool {
        if self.dropped == 0 {
            return true;
        }
        let fields = json!({ "lines": self.dropped });
        let report = self.own_line(Level::ERROR, "log lines dropped", &fields);
        let is_written = self.write(&report).is_ok();
        if is_written {
            self.dropped = 0;
        }
        is_written
    }

    fn report_repeated(&mut self, repeats: &Repeats) {
        for Repeated {
            level,
            text,
            omitted,
        } in repeats.take()
        {
            let fields = json!({ "lines": omitted, "like": text });
            let report = self.own_line(level, "repeated log lines omitted", &fields);
            self.write_line(&report);
        }
    }

    /// Returns a line of this log about itself, in the format of the others.
    fn own_line(&self, level: Level, message: &str, fields: &serde_json::Value) -> Vec<u8> {
        let mut timestamp = String::new();
        // A String takes any text.
        let _ = SystemTime.format_time(&mut format::Writer::new(&mut timestamp));
        let mut line = match self.mode {
            Mode::Development => {
                let fields = fields.as_object().into_iter().flatten();
                let fields: String = fields
                    .map(|(name, value)| format!(" {name}={value}"))
                    .collect();
                format!("{timestamp} {level:>5} {message}{fields}")
            }
            Mode::Production => {
                let mut fields = fields.clone();
                fields["message"] = message.into();
                let line = OwnLine {
                    timestamp,
                    level: level.as_str(),
                    fields,
                    target: module_path!(),
                };
                serde_json::to_string(&line).unwrap_or_default()
            }
        };
        line.push('\n');
        line.into_bytes()
    }

    /// Writes a whole line. After an error, the next one begins on a line of its own.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_within_a_line {
            self.write_all(b"\n")?;
        }
        self.write_all(line)
    }

    fn write_all(&mut self, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            match self.output.write(text) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => {
                    text = &text[length..];
                    self.is_within_a_line = !text.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A line in the JSON of `tracing_subscriber`.
#[derive(Serialize)]
struct OwnLine {
    timestamp: String,
    level: &'static str,
    fields: serde_json::Value,
    target: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that is full at first: it takes so many bytes, then fails, then takes everything.
    struct FullAtFirst {
        room: usize,
        failures: usize,
        written: Vec<u8>,
    }

    impl Write for FullAtFirst {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            if self.room == 0 && self.failures > 0 {
                self.failures -= 1;
                return Err(ErrorKind::StorageFull.into());
            }
            let length = match self.failures {
                0 => text.len(),
                _ => text.len().min(self.room),
            };
            self.room = self.room.saturating_sub(length);
            self.written.extend(&text[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_could_not_be_written_are_reported_in_one_line_of_its_own() {
        let mut writer = Writer::new(
            FullAtFirst {
                room: 10,
                failures: 3,
                written: Vec::new(),
            },
            Mode::Production,
        );
        let queue = Queue::default();
        for line in ["first\n", "second\n", "third\n", "fourth\n", "fifth\n"] {
            queue.push(line.as_bytes());
        }
        queue.close();
        writer.run(&queue, &Repeats::default());
        let written = String::from_utf8(writer.output.written).unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1]), (4, "first", "seco"));
        let report: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(report["level"], "ERROR");
        assert_eq!(report["fields"]["message"], "log lines dropped");
        // The second, and those with which the report was tried in vain.
        assert_eq!(report["fields"]["lines"], 3);
        assert_eq!(lines[3], "fifth");
    }
}
