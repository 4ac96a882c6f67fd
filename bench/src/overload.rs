//! Ten times the load that hashing can take: its effect on passwords, on checks of sessions and on memory. Then weak passwords
//! on many connections, and a flood of flows.

mod flood;
mod weak_passwords;

use std::{
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::Value;
use tokio::{sync::Mutex, task::JoinSet, time};

use crate::{
    backend::Backend,
    connection::{Connection, load},
    faroe::{self, SIGNINS_WITHOUT_LIMIT, User},
    report::{Bar, Report, Unit},
    rounds::{Rounds, quantile},
    server_process::ServerProcess,
};

/// Seconds until a refusal, 99th percentile.
const REFUSAL_BAR: Bar = Bar::AtMost(0.05);
/// The time of `get_session` under load, as a multiple of that at rest, 99th percentile.
const SLOWER_BAR: Bar = Bar::AtMost(3.0);
/// Hashes per second relative to those without overload.
const GOODPUT_BAR: Bar = Bar::AtLeast(0.8);
/// The memory of a hash, and the most that the process may hold besides.
const HASH_MIB: f64 = 64.0;
const BESIDES_MIB: f64 = 64.0;

/// The idle time up to which a connection is used again: the server closes it after five seconds.
const KEPT: Duration = Duration::from_secs(2);

/// The interval between checks of a session.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Seconds per phase.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Load, as a multiple of the load that hashing can take.
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// Number of passwords that are hashed at once.
    #[arg(long, default_value_t = 1)]
    permits: usize,
    /// Seconds of the flood of flows.
    #[arg(long, default_value_t = 30.0, conflicts_with = "thorough")]
    flood_seconds: f64,
    /// Flood for eleven minutes, longer than a sign-in lives.
    #[arg(long)]
    thorough: bool,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    passwords(options).await?;
    let are_checked = weak_passwords::run().await?;
    let flood = if options.thorough {
        Duration::from_secs(11 * 60)
    } else {
        Duration::from_secs_f64(options.flood_seconds)
    };
    let are_answered = flood::run(flood).await?;
    ensure!(
        are_checked && are_answered,
        "a bar of the weak passwords or of the flood was missed"
    );
    Ok(())
}

async fn passwords(options: &Options) -> Result<()> {
    let Options {
        seconds,
        times,
        permits,
        ..
    } = *options;
    let about = format!(
        "{times} times the passwords per second that hashing can handle, {permits} at once, relative to no overload."
    );
    let mut report = Report::new("overload", &about);
    let phase = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir()?;
    let settings = format!("[hashing]\npermits = {permits}\n{SIGNINS_WITHOUT_LIMIT}");
    let faroe = faroe::start(folder.path(), Backend::Memory, &settings).await?;
    let at_rest = faroe.memory()?.resident_mib;
    let user = User::sign_up(faroe.address).await?;
    let check = user.get_session();
    let attempt = Arc::new(user.wrong_password(faroe.address).await?);

    // Twice as many clients as permits keep each permit busy.
    let mut connection = Connection::open(faroe.address).await?;
    was_hashed(connection.exchange(&attempt).await?)?;
    let capacity = load(
        &[faroe.address],
        slice::from_ref(&attempt),
        2 * permits,
        phase,
    )
    .await?;
    let idle = check_repeatedly(&faroe, &check, phase).await?;

    let attempts = attempts(&faroe, &attempt, capacity * times, phase);
    let (attempts, checks) = tokio::join!(attempts, check_repeatedly(&faroe, &check, phase));
    let (attempts, busy) = (attempts?, checks?);
    ensure!(
        attempts.without_retry_after == 0,
        "{} rejections without Retry-After",
        attempts.without_retry_after
    );
    let refusal = quantile(&attempts.refusals, 0.99);
    report.measure(
        "until a rejection, 99th percentile",
        Unit::Seconds,
        &[refusal],
        Some(REFUSAL_BAR),
    );
    let refused = attempts.refusals.len() as f64 / seconds;
    report.measure("rejections", Unit::PerSecond, &[refused], None);
    let mut goodput = Rounds::default();
    goodput.push(attempts.hashed as f64 / seconds, capacity);
    report.compare(
        "passwords hashed",
        Unit::PerSecond,
        &goodput,
        Some(GOODPUT_BAR),
    );
    for (what, part, bar) in [
        ("median", 0.5, None),
        ("99th percentile", 0.99, Some(SLOWER_BAR)),
    ] {
        let mut slower = Rounds::default();
        slower.push(quantile(&busy, part), quantile(&idle, part));
        report.compare(
            &format!("`get_session`, {what}"),
            Unit::Seconds,
            &slower,
            bar,
        );
    }
    let most = at_rest + permits as f64 * HASH_MIB + BESIDES_MIB;
    let peak = faroe.memory()?.peak_mib;
    report.measure("peak memory", Unit::Mib, &[peak], Some(Bar::AtMost(most)));
    report.finish()?;
    Ok(())
}

fn was_hashed(body: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(body)?;
    let code = &answer["error_code"];
    ensure!(code == "incorrect_password", "an attempt answered {code}");
    Ok(())
}

/// Checks a session at even intervals, and returns the seconds that each check took.
async fn check_repeatedly(
    faroe: &ServerProcess,
    check: &[u8],
    phase: Duration,
) -> Result<Vec<f64>> {
    let mut connection = Connection::open(faroe.address).await?;
    let start = Instant::now();
    let mut steps = time::interval(CHECK_INTERVAL);
    steps.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut latencies = Vec::new();
    while start.elapsed() < phase {
        steps.tick().await;
        let asked = Instant::now();
        connection.exchange(check).await?;
        latencies.push(asked.elapsed().as_secs_f64());
    }
    Ok(latencies)
}

/// The results of many attempts.
#[derive(Debug, Default)]
struct Attempts {
    hashed: usize,
    /// The seconds that each refusal took.
    refusals: Vec<f64>,
    without_retry_after: usize,
}

/// Tries a password at a fixed rate, however long the answers take.
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
            // Only answers within the phase count.
            let in_time = start.elapsed() < phase;
            idle.lock().await.push((Instant::now(), connection));
            Ok((refusal, in_time))
        });
    }
    let mut attempts = Attempts::default();
    while let Some(answer) = tasks.join_next().await {
        match answer?? {
            (Some((latency, says_when)), _) => {
                attempts.refusals.push(latency.as_secs_f64());
                attempts.without_retry_after += usize::from(!says_when);
            }
            (None, true) => attempts.hashed += 1,
            (None, false) => {}
        }
    }
    Ok(attempts)
}
