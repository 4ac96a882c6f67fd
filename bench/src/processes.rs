//! What several servers make of one database.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    backend::Backend,
    connection::load,
    faroe::{self, User},
    report::{Report, Unit},
    rounds::Rounds,
    server_process::ServerProcess,
};

const COUNTS: [usize; 3] = [1, 2, 4];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the servers keep their data.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// How often each is measured.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Seconds of each round.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// How many connections ask at once, in all.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = format!(
        "Requests per second of servers on one database, over {} connections in all, and what a request takes of the \
         servers' CPU time, of what one server does. `get_session` reads a session and its user; `create_signin` reads a \
         user and writes. Servers, database and load generator share the cores.",
        options.connections
    );
    let mut report = Report::new("processes", &about);
    for backend in &options.storage {
        ensure!(*backend != Backend::Memory, "servers share no memory");
        compare(*backend, options, &mut report).await?;
    }
    report.finish()?;
    Ok(())
}

async fn compare(backend: Backend, options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for _ in 0..COUNTS[COUNTS.len() - 1] {
        servers.push(faroe::start(folder.path(), backend, "").await?);
    }
    let user = User::sign_up(servers[0].address).await?;
    let requests = [
        ("get_session", user.get_session()),
        ("create_signin", user.create_signin()),
    ];
    for (action, request) in requests {
        measure(&servers, &request, options).await?;
        let mut speeds = COUNTS.map(|_| Rounds::default());
        let mut costs = COUNTS.map(|_| Rounds::default());
        for _ in 0..options.rounds {
            let mut of_one = None;
            for (index, count) in COUNTS.into_iter().enumerate() {
                let (speed, cost) = measure(&servers[..count], &request, options).await?;
                let (speed_of_one, cost_of_one) = *of_one.get_or_insert((speed, cost));
                speeds[index].push(speed, speed_of_one);
                costs[index].push(cost, cost_of_one);
            }
        }
        let what = |count| format!("{}, {action}, {count} processes", backend.name());
        for (count, speed) in COUNTS.iter().zip(&speeds).skip(1) {
            report.compare(&what(*count), Unit::PerSecond, speed, None);
        }
        for (count, cost) in COUNTS.iter().zip(&costs).skip(1) {
            let what = format!("{}, CPU time", what(*count));
            report.compare(&what, Unit::Seconds, cost, None);
        }
    }
    Ok(())
}

/// Requests per second of all of them, and the seconds of CPU time that each took them.
async fn measure(
    servers: &[ServerProcess],
    request: &[u8],
    options: &Options,
) -> Result<(f64, f64)> {
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let cpu_time = || {
        let times = servers.iter().map(ServerProcess::cpu_time);
        times.sum::<Result<f64>>()
    };
    let time = Duration::from_secs_f64(options.seconds);
    let before = cpu_time()?;
    let speed = load(&addresses, request, options.connections, time).await?;
    // They answer for about so long; what is on its way when the time is over counts little.
    let requests = speed * options.seconds;
    Ok((speed, (cpu_time()? - before) / requests))
}
