//! The cost of recording a check as the session's last use.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use tokio::time;

use crate::{
    backend::Backend,
    connection::Connection,
    get_session::Server,
    report::{Bar, Report, Unit},
    rounds::Rounds,
};

/// The time of a recorded check, as a multiple of the other's. It is 1.3 to 1.7 with a database if the answer waits for the
/// record.
const BAR: Bar = Bar::AtMost(1.25);

/// Settings with which every use is recorded.
const EVERY_USE: &str = "[session]\nactivity_check_interval = \"1ns\"\n";

/// Settings with which no use is recorded during the measurement.
const NO_USE: &str = "[session]\nactivity_check_interval = \"1 day\"\n";

/// The pause before each check, in which the work that the last one left in the background ends.
const PAUSE: Duration = Duration::from_millis(2);

/// The number of checks before the measurement.
const WARM_UP: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Storages of the server.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// Number of checks.
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = "One `get_session` at a time that records the last use of its session, relative to one that does not. Server, \
                 database and client share the cores.";
    let mut report = Report::new("last-use", about);
    for backend in &options.storage {
        let mut recorded = Checked::start(*backend, EVERY_USE).await?;
        let mut unrecorded = Checked::start(*backend, NO_USE).await?;
        let mut rounds = Rounds::default();
        for round in 0..WARM_UP + options.rounds {
            let (thing, yardstick) = (recorded.check().await?, unrecorded.check().await?);
            if round >= WARM_UP {
                rounds.push(thing, yardstick);
            }
        }
        report.compare(&backend.name(), Unit::Seconds, &rounds, Some(BAR));
    }
    report.finish()?;
    Ok(())
}

/// A server and the connection on which its only session is checked.
#[derive(Debug)]
struct Checked {
    server: Server,
    connection: Connection,
}

impl Checked {
    async fn start(backend: Backend, settings: &str) -> Result<Self> {
        let server = Server::start(backend, settings, 1).await?;
        let connection = Connection::open(server.process.address).await?;
        Ok(Self { server, connection })
    }

    /// Returns the seconds that a check takes.
    async fn check(&mut self) -> Result<f64> {
        time::sleep(PAUSE).await;
        let asked = Instant::now();
        self.connection.exchange(&self.server.requests[0]).await?;
        Ok(asked.elapsed().as_secs_f64())
    }
}
