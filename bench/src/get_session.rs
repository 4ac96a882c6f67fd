//! How much of the speed of bare HTTP is left for `get_session`.

use std::{env, fs, num::NonZeroUsize, path::Path, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    connection::{Connection, get, load, post},
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
    let faroe = start_faroe(folder.path(), options.user_cache_expiration.as_deref()).await?;
    let token = sign_up(&faroe).await?;
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

/// The server that was built beside us, in development mode.
async fn start_faroe(folder: &Path, user_cache_expiration: Option<&str>) -> Result<ServerProcess> {
    let configuration = folder.join("faroe.toml");
    let users = format!("sqlite:{}", folder.join("users.sqlite3").display());
    let users = json!(users);
    let mut settings = format!("storage = \"memory:\"\nuser_store = {users}\nlog = \"warn\"\n");
    if let Some(expiration) = user_cache_expiration.map(|expiration| json!(expiration)) {
        settings += &format!("[session]\nuser_cache_expiration = {expiration}\n");
    }
    fs::write(&configuration, settings)?;
    let executable = env::current_exe()?.with_file_name("faroe-server");
    let mut command = Command::new(executable);
    command
        .arg("--config")
        .arg(configuration)
        .args(["--listen", "127.0.0.1:0"]);
    ServerProcess::start(command).await
}

async fn start_bare(response: &str) -> Result<ServerProcess> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["bare", response]);
    ServerProcess::start(command).await
}

/// Signs a user up over the wire, and returns the token of its session.
async fn sign_up(server: &ServerProcess) -> Result<String> {
    const ADDRESS: &str = "bench@example.com";
    let mut connection = Connection::open(server.address).await?;
    let mut invoke = async |action: &str, arguments: Value| {
        let request = post(&json!({"action": action, "arguments": arguments}).to_string());
        let answer: Value = serde_json::from_slice(connection.exchange(&request).await?)?;
        ensure!(
            answer["ok"] == true,
            "{action} answered {}",
            answer["error_code"]
        );
        anyhow::Ok(answer["values"].clone())
    };
    let signup = invoke("create_signup", json!({"email_address": ADDRESS})).await?;
    let token = &signup["signup_token"];
    let mut mailbox = Connection::open(server.address).await?;
    let emails = mailbox
        .exchange(&get(&format!("/dev/emails?to={ADDRESS}")))
        .await?;
    let emails: Value = serde_json::from_slice(emails)?;
    let code = &emails[0]["code"];
    let verification = json!({"signup_token": token, "email_address_verification_code": code});
    invoke(
        "verify_signup_email_address_verification_code",
        verification,
    )
    .await?;
    let password = json!({"signup_token": token, "password": "a bench of oak, quite long"});
    invoke("set_signup_password", password).await?;
    let session = invoke("complete_signup", json!({"signup_token": token})).await?;
    Ok(session["session_token"]
        .as_str()
        .context("a sign-up without a session")?
        .to_owned())
}
