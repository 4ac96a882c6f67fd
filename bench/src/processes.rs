//! Several servers on one database.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    slice,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    backend::Backend,
    connection::{Connection, load},
    faroe::{self, SIGNINS_WITHOUT_LIMIT, User},
    report::{Report, Unit},
    rounds::Rounds,
    server_process::ServerProcess,
};

const COUNTS: [usize; 3] = [1, 2, 4];

/// Settings with one hash at a time in each server.
const ONE_PERMIT: &str = "[hashing]\npermits = 1\n";
const CLIENTS: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Storages of the servers.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// Number of rounds.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Seconds per round.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Number of connections that send requests at once, to all servers together.
    #[arg(long, default_value = "32")]
    connections: NonZeroUsize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = format!(
        "Requests per second of several servers on one database over {} connections in total, and their CPU time per request, \
         relative to one server. `get_session` reads a session and its user; `create_signin` reads a user and writes; a \
         wrong password is hashed, one at a time per server, over {CLIENTS} connections. Servers, database and load \
         generator share the cores.",
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
    let settings = [ONE_PERMIT, SIGNINS_WITHOUT_LIMIT].concat();
    let mut servers = Vec::new();
    for _ in 0..COUNTS[COUNTS.len() - 1] {
        servers.push(faroe::start(folder.path(), backend, &settings).await?);
    }
    let first = servers[0].address;
    let user = User::sign_up(first).await?;
    let wrong_password = user.wrong_password(first).await?;
    let many = options.connections.get();
    for (name, request, connections, error_code) in [
        ("get_session", user.get_session(), many, None),
        ("create_signin", user.create_signin(), many, None),
        (
            "wrong password",
            wrong_password,
            CLIENTS,
            Some("incorrect_password"),
        ),
    ] {
        for server in &servers {
            let mut connection = Connection::open(server.address).await?;
            let answer: Value = serde_json::from_slice(connection.exchange(&request).await?)?;
            ensure!(
                answer["error_code"].as_str() == error_code,
                "{name}: {answer}"
            );
        }
        let time = Duration::from_secs_f64(options.seconds);
        let mut speeds = COUNTS.map(|_| Rounds::default());
        let mut costs = COUNTS.map(|_| Rounds::default());
        for _ in 0..options.rounds {
            let mut of_one = None;
            for (index, count) in COUNTS.into_iter().enumerate() {
                let servers = &servers[..count];
                let (speed, cost) =
                    measure(servers, slice::from_ref(&request), connections, time).await?;
                let (speed_of_one, cost_of_one) = *of_one.get_or_insert((speed, cost));
                speeds[index].push(speed, speed_of_one);
                costs[index].push(cost, cost_of_one);
            }
        }
        let what = |count| format!("{}, {name}, {count} processes", backend.name());
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

/// Returns the requests per second of all servers, and the seconds of CPU time that each request took them.
async fn measure(
    servers: &[ServerProcess],
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> Result<(f64, f64)> {
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let cpu_time = || {
        let times = servers.iter().map(ServerProcess::cpu_time);
        times.sum::<Result<f64>>()
    };
    let (start, before) = (Instant::now(), cpu_time()?);
    let speed = load(&addresses, requests, connections, time).await?;
    let requests = speed * start.elapsed().as_secs_f64();
    Ok((speed, (cpu_time()? - before) / requests))
}
