//! The speed of `get_session`, compared with bare HTTP.

use std::{env, num::NonZeroUsize, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    backend::Backend,
    connection::{Connection, load},
    faroe::{self, User},
    report::{Bar, Report, Unit},
    rounds::Rounds,
    server_process::ServerProcess,
};

/// Requests per second with everything but the users in memory, as a part of the bare handler's.
const BAR: Bar = Bar::AtLeast(0.85);

/// The duration of the load before the measurement.
const WARM_UP: Duration = Duration::from_secs(1);

/// The data that is cached between requests, and the settings for that.
const CACHES: [(&str, &str); 3] = [
    ("nothing", ""),
    ("users", "[session]\nuser_cache_expiration = \"1 minute\"\n"),
    ("sessions", "[session]\ncache_expiration = \"1 minute\"\n"),
];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Storages of the server.
    #[arg(long, num_args = 1.., required = true, value_name = "NAME")]
    storage: Vec<Backend>,
    /// Number of rounds; with many short ones, other work of the machine affects all servers alike.
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// Seconds per round.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// Number of connections that send requests at once.
    #[arg(long, default_value = "32")]
    connections: NonZeroUsize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = format!(
        "Requests per second over {} connections, relative to a bare handler that returns the same bytes. Server and load \
         generator share the cores.",
        options.connections
    );
    let mut report = Report::new("get-session", &about);
    for backend in &options.storage {
        compare(*backend, options, &mut report).await?;
    }
    report.finish()?;
    Ok(())
}

async fn compare(backend: Backend, options: &Options, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs_f64(options.seconds);
    let requests_per_second = async |server: &Server, time| {
        let address = [server.process.address];
        load(&address, &server.requests, options.connections.get(), time).await
    };
    let mut servers = Vec::new();
    for (_, settings) in CACHES {
        servers.push(Server::start(backend, settings, options.connections.get()).await?);
    }
    let bare = Server::bare(&servers[0]).await?;
    for server in servers.iter().chain([&bare]) {
        requests_per_second(server, WARM_UP).await?;
    }
    let mut rounds = CACHES.map(|_| Rounds::default());
    for _ in 0..options.rounds {
        let yardstick = requests_per_second(&bare, time).await?;
        for (server, rounds) in servers.iter().zip(&mut rounds) {
            rounds.push(requests_per_second(server, time).await?, yardstick);
        }
    }
    let bar = (backend == Backend::Memory).then_some(BAR);
    for ((cache, _), rounds) in CACHES.iter().zip(&rounds) {
        let what = format!("{}, {cache} cached", backend.name());
        report.compare(&what, Unit::PerSecond, rounds, bar);
    }
    Ok(())
}

/// A server and the requests to it, of another user on each connection.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    pub(crate) requests: Vec<Vec<u8>>,
    response: String,
    _folder: Option<TempDir>,
}

impl Server {
    pub(crate) async fn start(backend: Backend, settings: &str, users: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let process = faroe::start(folder.path(), backend, settings).await?;
        let mut requests = Vec::new();
        for _ in 0..users {
            requests.push(User::sign_up(process.address).await?.get_session());
        }
        let request = requests.first().context("at least one user is needed")?;
        let mut connection = Connection::open(process.address).await?;
        let response = String::from_utf8(connection.exchange(request).await?.to_vec())?;
        let is_ok = serde_json::from_str::<Value>(&response)?["ok"] == true;
        ensure!(is_ok, "get_session failed: {response}");
        Ok(Self {
            process,
            requests,
            response,
            _folder: Some(folder),
        })
    }

    /// Starts a bare server with the same response.
    async fn bare(other: &Self) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["bare", &other.response]);
        Ok(Self {
            process: ServerProcess::start(command).await?,
            requests: other.requests.clone(),
            response: other.response.clone(),
            _folder: None,
        })
    }
}
