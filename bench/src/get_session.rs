//! How much of the speed of bare HTTP is left for `get_session`.

use std::{env, num::NonZeroUsize, thread, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    connection::{Connection, load, post},
    faroe,
    rounds::{Rounds, verdict},
    server_process::ServerProcess,
};

/// Requests per second, as a part of the bare handler's.
const BAR: f64 = 0.7;

/// How long each server is asked before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each server is measured. Many short turns: what else the machine does then meets both alike.
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// Seconds of each round.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// How many connections ask at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Do not ask the user store for so long, `1 minute` for example (default: it is asked at every request).
    #[arg(long, value_name = "DURATION")]
    user_cache_expiration: Option<String>,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let expiration = options.user_cache_expiration.as_ref();
    let settings = expiration
        .map(|expiration| format!("[session]\nuser_cache_expiration = {}\n", json!(expiration)));
    let faroe = faroe::start(
        folder.path(),
        faroe::STORAGE_IN_MEMORY,
        &settings.unwrap_or_default(),
    )
    .await?;
    let token = faroe::sign_up(&faroe).await?;
    let request =
        post(&json!({"action": "get_session", "arguments": {"session_token": token}}).to_string());
    let response = Connection::open(faroe.address)
        .await?
        .exchange(&request)
        .await?
        .to_vec();
    let response = String::from_utf8(response)?;
    ensure!(
        serde_json::from_str::<Value>(&response)?["ok"] == true,
        "get_session failed: {response}"
    );
    let bare = start_bare(&response).await?;

    let Options {
        rounds: count,
        seconds,
        connections,
        ..
    } = *options;
    let time = Duration::from_secs_f64(seconds);
    println!("get_session, requests per second over {connections} connections");
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("(server and load generator share {cores} cores)\n");
    for server in [&faroe, &bare] {
        load(server.address, &request, connections, WARM_UP).await?;
    }
    let mut rounds = Rounds::default();
    println!("round    faroe     bare");
    for round in 1..=count {
        let thing = load(faroe.address, &request, connections, time).await?;
        let yardstick = load(bare.address, &request, connections, time).await?;
        println!("{round:>5} {thing:>8.0} {yardstick:>8.0}");
        rounds.push(thing, yardstick);
    }
    let (thing, yardstick, ratio) = rounds.summary();
    println!("median {thing:>7.0} {yardstick:>8.0}\n");
    println!(
        "ratio of medians {ratio:.3}: the bar of {BAR} is {}",
        verdict(ratio >= BAR)
    );
    Ok(())
}

async fn start_bare(response: &str) -> Result<ServerProcess> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["bare", response]);
    ServerProcess::start(command).await
}
