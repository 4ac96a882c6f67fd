//! What it costs a check that it is to be recorded as its session's last use.

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

/// How long the one takes, of the other. It is 1.3 to 1.7 with a database if an answer waits for the record.
const BAR: Bar = Bar::AtMost(1.25);

/// Every use is recorded.
const EVERY_USE: &str = "[session]\nactivity_check_interval = \"1ns\"\n";

/// No use is recorded for as long as this takes.
const NO_USE: &str = "[session]\nactivity_check_interval = \"1 day\"\n";

/// How long there is nothing to do before each check: what the last one has left to do ends meanwhile.
const PAUSE: Duration = Duration::from_millis(2);

/// How many checks are made before anything is measured.
const WARM_UP: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the server keeps its data.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// How often a session is checked.
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = "One `get_session` at a time, which is recorded as the session's last use, of one that is not. Server, database \
                 and client share the cores.";
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

/// A server, and the connection on which its one session is checked.
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

    /// How many seconds a check takes.
    async fn check(&mut self) -> Result<f64> {
        time::sleep(PAUSE).await;
        let asked = Instant::now();
        self.connection.exchange(&self.server.requests[0]).await?;
        Ok(asked.elapsed().as_secs_f64())
    }
}
