//! The log, on standard error.
//!
//! Lines wait in a bounded queue for one thread that writes them. The rest of the server never waits for standard error, and
//! goes on without a log if it cannot be written. Repeated warnings and errors are counted instead of written.

mod queue;
mod repeats;
mod writer;

use std::{
    io::{self, IsTerminal},
    panic,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt, registry};

use self::{queue::Queue, repeats::Repeats, writer::Writer};
use crate::{Configuration, Mode, StartError};

/// The time for which the end of the process waits for lines to be written.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// The log of the process. When it is dropped, it waits up to a second for lines to be written.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    queue: Arc<Queue>,
    /// Disconnected when the writer has ended.
    writer: mpsc::Receiver<()>,
}

impl Log {
    /// Writes a line of text, after those that wait.
    pub fn write(&self, line: &str) {
        self.queue.push(format!("{line}\n").as_bytes());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close();
        // Nothing is ever sent.
        let _ = self.writer.recv_timeout(FLUSH_TIME);
    }
}

/// Starts logging for the whole process: lines for people in development mode, JSON in production. A panic is logged
/// with its place in the code, without its message, which may hold values of a caller.
///
/// # Errors
///
/// The filter is invalid, the process logs already, or the system gives no thread.
pub fn start(configuration: &Configuration) -> Result<Log, StartError> {
    let settings = &configuration.settings;
    let filter = EnvFilter::builder().parse(&settings.log).map_err(|_| {
        StartError::new("log: expected a filter such as \"info,faroe_server=debug\"")
    })?;
    let (queue, repeats) = (Arc::new(Queue::default()), Arc::new(Repeats::default()));
    let writer = Writer::new(io::stderr(), settings.mode);
    let log = start_writer(writer, Arc::clone(&queue), Arc::clone(&repeats))
        .map_err(|error| StartError::because("start the log", &error))?;
    let registry = registry().with(filter).with(repeats::Layer(repeats));
    // An event that cannot be formatted must not be reported on standard error.
    let lines = tracing_subscriber::fmt::layer()
        .log_internal_errors(false)
        .with_writer(queue);
    let started = match settings.mode {
        Mode::Development => tracing::subscriber::set_global_default(
            registry.with(
                lines
                    .with_target(false)
                    .with_ansi(io::stderr().is_terminal()),
            ),
        ),
        Mode::Production => tracing::subscriber::set_global_default(registry.with(lines.json())),
    };
    started.map_err(|error| StartError::because("start the log", &error))?;
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(log)
}

/// Starts the thread that writes lines until the queue is closed.
fn start_writer(
    mut writer: Writer<impl io::Write + Send + 'static>,
    queue: Arc<Queue>,
    repeats: Arc<Repeats>,
) -> io::Result<Log> {
    let (ended, has_ended) = mpsc::channel();
    let same_queue = Arc::clone(&queue);
    let thread = thread::Builder::new().name("log".to_owned());
    thread.spawn(move || {
        writer.run(&same_queue, &repeats);
        drop(ended);
    })?;
    Ok(Log {
        queue,
        writer: has_ended,
    })
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
