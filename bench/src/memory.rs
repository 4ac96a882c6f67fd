//! The memory of the server: at rest, and the peak while all permits to hash are taken.

use anyhow::Result;
use clap::Args;
use tokio::task::JoinSet;

use crate::{
    backend::Backend,
    connection::{Connection, get},
    faroe::{self, SIGNINS_WITHOUT_LIMIT, User},
    report::{Bar, Report, Unit},
};

const IDLE_BAR: Bar = Bar::AtMost(20.0);
/// The memory of a hash, and the most that the process may hold besides.
const HASH_MIB: usize = 64;
const BESIDES_MIB: usize = 32;

/// The number of clients for each permit.
const CLIENTS: usize = 4;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Number of servers that are started.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Number of sign-ins of each client.
    #[arg(long, default_value_t = 12)]
    size: usize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = "Resident memory of the server with storage and users in SQLite.";
    let mut report = Report::new("memory", about);
    let mut idle = Vec::new();
    for _ in 0..options.rounds {
        let folder = tempfile::tempdir()?;
        let faroe = faroe::start(folder.path(), Backend::Sqlite, "").await?;
        let mut connection = Connection::open(faroe.address).await?;
        connection.exchange(&get("/ready")).await?;
        idle.push(faroe.memory()?.resident_mib);
    }
    report.measure("when it is ready", Unit::Mib, &idle, Some(IDLE_BAR));
    for permits in [1, 2] {
        let mut peaks = Vec::new();
        for _ in 0..options.rounds {
            peaks.push(peak(permits, options.size).await?);
        }
        let bar = Bar::AtMost((permits * HASH_MIB + BESIDES_MIB) as f64);
        let what = format!("peak, {permits} sign-ins at once");
        report.measure(&what, Unit::Mib, &peaks, Some(bar));
    }
    report.finish()?;
    Ok(())
}

/// Returns the peak of a server while many clients sign in.
async fn peak(permits: usize, size: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let settings = format!("[hashing]\npermits = {permits}\n{SIGNINS_WITHOUT_LIMIT}");
    let faroe = faroe::start(folder.path(), Backend::Sqlite, &settings).await?;
    let user = User::sign_up(faroe.address).await?;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS * permits {
        let (mut connection, user) = (Connection::open(faroe.address).await?, user.clone());
        clients.spawn(async move {
            for _ in 0..size {
                user.sign_in(&mut connection).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(faroe.memory()?.peak_mib)
}
