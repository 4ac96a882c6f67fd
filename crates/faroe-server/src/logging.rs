//! The log, on standard error.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::EnvFilter;

use crate::{Configuration, Mode, StartError};

/// Starts logging for the whole process: lines for people in development mode, JSON in production. A panic is logged
/// with its place in the code, without its message, which may hold values of a caller.
///
/// # Errors
///
/// The filter is invalid, or the process logs already.
pub fn start(configuration: &Configuration) -> Result<(), StartError> {
    let settings = &configuration.settings;
    let filter = EnvFilter::builder().parse(&settings.log).map_err(|_| {
        StartError::new("log: expected a filter such as \"info,faroe_server=debug\"")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match settings.mode {
        Mode::Development => builder
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init(),
        Mode::Production => builder.json().try_init(),
    };
    started.map_err(|error| StartError::because("start logging", &*error))?;
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}
