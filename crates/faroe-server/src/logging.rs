//! What the program writes to standard error.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::EnvFilter;

use crate::{Configuration, Mode, StartError};

/// Starts logging for the whole process: lines for people in development mode, JSON in production. A panic is logged
/// with its place in the code and without its message, for the message may hold what a caller sent.
///
/// # Errors
///
/// A filter that makes no sense, or a process that logs already.
pub fn start(configuration: &Configuration) -> Result<(), StartError> {
    let filter = EnvFilter::builder()
        .parse(&configuration.log)
        .map_err(|error| StartError::because("the log filter makes no sense", &error))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match configuration.mode {
        Mode::Development => builder
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init(),
        Mode::Production => builder.json().try_init(),
    };
    started.map_err(|error| StartError::because("could not start logging", &*error))?;
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "a panic");
    }));
    Ok(())
}
