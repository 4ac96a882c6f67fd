//! What ten times the load that hashing can take does to those who hash, to those who do not, and to memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use tokio::{sync::Mutex, task::JoinSet, time};

use crate::{
    connection::{Connection, load, post},
    faroe::{self, PASSWORD},
    rounds::verdict,
    server_process::ServerProcess,
};

/// Answers of a refusal, 99 of 100.
const REFUSAL_BAR: Duration = Duration::from_millis(50);
/// `get_session` under load, as a multiple of itself when nothing else happens, 99 of 100.
const SLOWER_BAR: f64 = 3.0;
/// Hashes per second, as a part of those without the excess.
const GOODPUT_BAR: f64 = 0.8;
/// What a hash works in, and what the process may hold besides.
const HASH_MIB: usize = 64;
const BESIDES_MIB: usize = 64;

/// How long a connection is used again: the server cuts one that is idle for five seconds.
const KEPT: Duration = Duration::from_secs(2);

/// How often a session is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Seconds of each of the phases.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How many times the load that hashing can take.
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// How many passwords are hashed at once.
    #[arg(long, default_value_t = 1)]
    permits: usize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let Options {
        seconds,
        times,
        permits,
    } = *options;
    let phase = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir()?;
    let settings = format!(
        "[hashing]\npermits = {permits}\n\
         [rate_limits.verify_user_password]\ncapacity = 2147483647\ninterval = \"1ms\"\n"
    );
    let faroe = faroe::start(folder.path(), faroe::STORAGE_IN_MEMORY, &settings).await?;
    let at_rest = faroe.memory()?.resident_mib;
    let session_token = faroe::sign_up(&faroe).await?;
    let check = post(
        &json!({"action": "get_session", "arguments": {"session_token": session_token}})
            .to_string(),
    );
    let attempt = Arc::new(attempt(&faroe).await?);

    // Twice as many as there are permits keep each of them busy.
    was_hashed(
        Connection::open(faroe.address)
            .await?
            .exchange(&attempt)
            .await?,
    )?;
    let capacity = load(faroe.address, &attempt, 2 * permits, phase).await?;
    println!("hashing alone: {capacity:.1} passwords per second, {permits} at once");
    let idle = Latencies::of(check_again_and_again(&faroe, &check, phase).await?);
    println!("get_session when nothing else happens: {idle}");

    let attempts = attempts(&faroe, &attempt, capacity * times, phase);
    let (attempts, checks) = tokio::join!(attempts, check_again_and_again(&faroe, &check, phase));
    let (attempts, busy) = (attempts?, Latencies::of(checks?));
    let refusals = Latencies::of(attempts.refusals.clone());
    let goodput = attempts.hashed as f64 / seconds / capacity;
    println!(
        "\n{:.0} passwords per second: {} hashed, {} refused with 503",
        capacity * times,
        attempts.hashed,
        attempts.refusals.len()
    );
    ensure!(
        attempts.without_retry_after == 0,
        "{} refusals did not say when to try again",
        attempts.without_retry_after
    );
    println!("refusals: {refusals}: {}", bar(refusals.p99 <= REFUSAL_BAR));
    println!(
        "hashed, of what hashing alone does: {goodput:.2}: {}",
        bar(goodput >= GOODPUT_BAR)
    );
    let slower = busy.p99.as_secs_f64() / idle.p99.as_secs_f64();
    println!(
        "get_session meanwhile: {busy}, {slower:.1} times as slow: {}",
        bar(slower <= SLOWER_BAR)
    );
    let (peak, most) = (
        faroe.memory()?.peak_mib,
        at_rest + permits * HASH_MIB + BESIDES_MIB,
    );
    println!(
        "memory: {at_rest} MiB at the start, {peak} MiB at most, {most} MiB allowed: {}",
        bar(peak <= most)
    );
    Ok(())
}

fn bar(is_met: bool) -> String {
    format!("the bar is {}", verdict(is_met))
}

/// The request that tries a wrong password: a sign-in survives it, and so it can be tried again and again.
async fn attempt(faroe: &ServerProcess) -> Result<Vec<u8>> {
    let mut connection = Connection::open(faroe.address).await?;
    let create = json!({"user_email_address": faroe::ADDRESS});
    let signin = faroe::invoke(&mut connection, "create_signin", create).await?;
    let arguments = json!({
        "signin_token": signin["signin_token"],
        "password": format!("not {PASSWORD}"),
    });
    let request = json!({"action": "verify_signin_user_password", "arguments": arguments});
    Ok(post(&request.to_string()))
}

fn was_hashed(body: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(body)?;
    let code = &answer["error_code"];
    ensure!(code == "incorrect_password", "an attempt answered {code}");
    Ok(())
}

/// Checks a session in even steps, and returns how long each check took.
async fn check_again_and_again(
    faroe: &ServerProcess,
    check: &[u8],
    phase: Duration,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(faroe.address).await?;
    let start = Instant::now();
    let mut steps = time::interval(CHECK_INTERVAL);
    steps.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut latencies = Vec::new();
    while start.elapsed() < phase {
        steps.tick().await;
        let asked = Instant::now();
        connection.exchange(check).await?;
        latencies.push(asked.elapsed());
    }
    Ok(latencies)
}

/// What became of many attempts.
#[derive(Debug, Default)]
struct Attempts {
    hashed: usize,
    refusals: Vec<Duration>,
    without_retry_after: usize,
}

/// Tries a password so often per second, however long the answers take.
async fn attempts(
    faroe: &ServerProcess,
    attempt: &Arc<Vec<u8>>,
    per_second: f64,
    phase: Duration,
) -> Result<Attempts> {
    let idle = Arc::new(Mutex::new(Vec::<(Instant, Connection)>::new()));
    let address = faroe.address;
    let mut steps = time::interval(Duration::from_secs_f64(1.0 / per_second));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    while start.elapsed() < phase {
        steps.tick().await;
        let (idle, attempt) = (Arc::clone(&idle), Arc::clone(attempt));
        tasks.spawn(async move {
            let known = idle.lock().await.pop();
            let known = known.filter(|(since, _)| since.elapsed() < KEPT);
            let mut connection = match known {
                Some((_, connection)) => connection,
                None => Connection::open(address).await?,
            };
            let asked = Instant::now();
            let answer = connection.request(&attempt).await?;
            let latency = asked.elapsed();
            let refusal = match answer.status {
                200 => {
                    was_hashed(answer.body)?;
                    None
                }
                503 => Some((latency, answer.header("retry-after").is_some())),
                status => anyhow::bail!("an attempt was answered with {status}"),
            };
            // Only what was answered within the phase counts as hashed in it.
            let in_time = start.elapsed() < phase;
            idle.lock().await.push((Instant::now(), connection));
            Ok((refusal, in_time))
        });
    }
    let mut attempts = Attempts::default();
    while let Some(answer) = tasks.join_next().await {
        match answer?? {
            (Some((latency, says_when)), _) => {
                attempts.refusals.push(latency);
                attempts.without_retry_after += usize::from(!says_when);
            }
            (None, true) => attempts.hashed += 1,
            (None, false) => {}
        }
    }
    Ok(attempts)
}

/// How long something took, many times.
#[derive(Debug)]
struct Latencies {
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Latencies {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |part: usize| {
            let index = (all.len() * part / 100).min(all.len().saturating_sub(1));
            all.get(index).copied().unwrap_or_default()
        };
        Self {
            p50: at(50),
            p99: at(99),
            max: at(100),
        }
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50, p99, max } = self;
        write!(
            f,
            "half in {p50:.2?}, 99 of 100 in {p99:.2?}, all in {max:.2?}"
        )
    }
}
