//! How soon the server answers after it was started, and what it holds when nothing happens.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::{
    connection::{Connection, get},
    faroe,
    rounds::{median, verdict},
};

/// From the start of the process to its first answer.
const BAR: Duration = Duration::from_millis(100);
const MEMORY_BAR_MIB: usize = 20;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// How often it is started.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let mut memory = 0;
    for _ in 0..options.rounds {
        let folder = tempfile::tempdir()?;
        for times in [&mut first, &mut again] {
            let start = Instant::now();
            let faroe = faroe::start(folder.path(), faroe::STORAGE_IN_SQLITE, "").await?;
            let mut connection = Connection::open(faroe.address).await?;
            connection.exchange(&get("/ready")).await?;
            times.push(start.elapsed().as_secs_f64());
            memory = memory.max(faroe.memory()?.resident_mib);
        }
    }
    for (name, times) in [("in an empty folder", first), ("again", again)] {
        let time = Duration::from_secs_f64(median(&times));
        println!(
            "started {name}, storage and users in SQLite: {time:.1?} until /ready answers: the bar of {BAR:?} is {}",
            verdict(time <= BAR)
        );
    }
    println!(
        "memory then, at most: {memory} MiB: the bar of {MEMORY_BAR_MIB} MiB is {}",
        verdict(memory <= MEMORY_BAR_MIB)
    );
    Ok(())
}
