//! The time from the start of the server to its first answer.

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::{
    backend::Backend,
    connection::{Connection, get},
    faroe,
    report::{Bar, Report, Unit},
};

/// Seconds from the start of the process to its first response.
const BAR: Bar = Bar::AtMost(0.1);

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Number of starts.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about =
        "From the start of the process until `/ready` responds, with storage and users in SQLite.";
    let mut report = Report::new("start-up", about);
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let folder = tempfile::tempdir()?;
        for times in [&mut first, &mut again] {
            let start = Instant::now();
            let faroe = faroe::start(folder.path(), Backend::Sqlite, "").await?;
            let mut connection = Connection::open(faroe.address).await?;
            connection.exchange(&get("/ready")).await?;
            times.push(start.elapsed().as_secs_f64());
        }
    }
    report.measure("in an empty folder", Unit::Seconds, &first, Some(BAR));
    report.measure("with existing files", Unit::Seconds, &again, Some(BAR));
    report.finish()?;
    Ok(())
}
