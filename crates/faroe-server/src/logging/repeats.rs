//! Warnings and errors that repeat themselves.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::{Event, Level, Subscriber, callsite::Identifier, field::Field};
use tracing_subscriber::layer::Context;

/// The number of lines that are written of one message within a period; the others are counted.
const LINES: u64 = 20;

/// The time after which the count is written and starts again.
const PERIOD: Duration = Duration::from_secs(60);

/// The number of messages that are distinguished within a period. Beyond it, all of one place in the code are one.
const MESSAGES: usize = 128;

/// The longest part of a message that is compared, in bytes.
const LENGTH: usize = 512;

/// Fields that differ in each line.
const DIFFERENT: [&str; 2] = ["action_invocation_id", "elapsed"];

/// Counts warnings and errors by message, in periods of a minute.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<Period>);

#[derive(Debug, Default)]
struct Period {
    /// The end of the period. `None` before the first message.
    end: Option<Instant>,
    messages: HashMap<Message, Count>,
}

/// An event without the fields that always differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Message {
    place: Identifier,
    text: String,
}

#[derive(Debug)]
struct Count {
    level: Level,
    lines: u64,
}

/// A message of which more lines were logged than written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) level: Level,
    pub(super) text: String,
    /// The number of lines that were not written.
    pub(super) omitted: u64,
}

impl Repeats {
    /// Counts a line. Returns whether it is to be written.
    fn count(&self, place: Identifier, level: Level, text: String) -> bool {
        let mut period = self.lock();
        if period.end.is_none() {
            period.end = Some(Instant::now() + PERIOD);
        }
        let mut message = Message { place, text };
        if period.messages.len() >= MESSAGES && !period.messages.contains_key(&message) {
            message.text = "other messages".to_owned();
        }
        let new = Count { level, lines: 0 };
        let count = period.messages.entry(message).or_insert(new);
        count.lines += 1;
        count.lines <= LINES
    }

    /// Returns the time at which repeated messages are to be reported, if there are any messages.
    pub(super) fn end(&self) -> Option<Instant> {
        self.lock().end
    }

    /// Ends the period, and returns its repeated messages.
    pub(super) fn take(&self) -> impl Iterator<Item = Repeated> {
        let Period { messages, .. } = mem::take(&mut *self.lock());
        let repeated = messages
            .into_iter()
            .filter(|(_, count)| count.lines > LINES);
        repeated.map(|(message, count)| Repeated {
            level: count.level,
            text: message.text,
            omitted: count.lines - LINES,
        })
    }

    /// A panic while the lock is held must not end the log, so it poisons nothing.
    fn lock(&self) -> MutexGuard<'_, Period> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Disables events beyond the first ones of a message.
pub(super) struct Layer(pub(super) Arc<Repeats>);

impl<S: Subscriber> tracing_subscriber::Layer<S> for Layer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.0.count(metadata.callsite(), *metadata.level(), text.0)
    }
}

/// The message and the fields of an event, up to a length.
#[derive(Default)]
struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing fails when the text is long enough.
        let _ = match field.name() {
            "message" => write!(self, "{value:?}"),
            name if DIFFERENT.contains(&name) => Ok(()),
            name => write!(self, " {name}={value:?}"),
        };
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(LENGTH - self.0.len());
        self.0.push_str(&text[..room]);
        if room < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::*;

    /// Returns what is written of these events, and what is reported at the end of the period.
    fn written(log: impl FnOnce()) -> (String, Vec<Repeated>) {
        let (repeats, output) = (Arc::new(Repeats::default()), Arc::new(Mutex::default()));
        let lines = tracing_subscriber::fmt::layer()
            .without_time()
            .with_writer({
                let output = Arc::clone(&output);
                move || Output(Arc::clone(&output))
            });
        let subscriber = registry().with(Layer(Arc::clone(&repeats))).with(lines);
        tracing::subscriber::with_default(subscriber, log);
        let output = String::from_utf8(output.lock().unwrap().clone()).unwrap();
        (output, repeats.take().collect())
    }

    struct Output(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Output {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_message_is_written_some_times_and_then_counted() {
        let (lines, repeated) = written(|| {
            for id in 0..1000 {
                tracing::error!(action_invocation_id = id, error = "x", "failed");
                tracing::info!("not counted");
            }
            tracing::error!(action_invocation_id = 1, error = "y", "failed");
        });
        assert_eq!(lines.matches("failed").count(), 21);
        assert_eq!(lines.matches("not counted").count(), 1000);
        assert_eq!(
            repeated,
            [Repeated {
                level: Level::ERROR,
                text: "failed error=\"x\"".to_owned(),
                omitted: 980,
            }]
        );
    }

    #[test]
    fn messages_that_always_differ_are_one() {
        let (lines, repeated) = written(|| {
            for number in 0..1000 {
                tracing::warn!(number, "failed");
            }
            tracing::warn!("another");
        });
        assert_eq!(lines.matches("failed").count(), 128 + 20);
        assert_eq!(lines.matches("another").count(), 1);
        assert_eq!(repeated.len(), 1);
        assert_eq!(repeated[0].omitted, 1000 - 128 - 20);
    }

    #[test]
    fn a_long_message_is_compared_by_its_beginning() {
        let long = "\u{e4}".repeat(5000);
        let (lines, repeated) = written(|| {
            for number in 0..100 {
                tracing::warn!("{long}{number}");
            }
        });
        assert_eq!(lines.lines().count(), 20);
        assert!(repeated[0].text.len() <= LENGTH);
    }
}
