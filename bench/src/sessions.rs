//! The cost of a check of a session in process, and its growth with the number of sessions.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use faroe_core::{
    Server, ServerOptions, Storages,
    protocol::{secret::SessionToken, session::GetSession},
};
use faroe_storage_memory::{MemoryCache, MemoryOptions, MemoryStorage};
use faroe_testkit::{hasher::CountingHasher, user_store::ReferenceUserStore};
use tokio::runtime::{Builder, Runtime};

use crate::{
    embedded,
    report::{Bar, Report, Unit},
    rounds::Rounds,
};

/// Seconds per check with a cache, on one thread.
const BAR: Bar = Bar::AtMost(2e-6);
/// The number of sessions that are checked.
const CHECKED: usize = 1_000;
/// The number of sessions of the server that the others are compared with.
const FEW: usize = 1_000;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Number of rounds.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Number of checks in a round.
    #[arg(long, default_value_t = 20_000)]
    size: usize,
    /// Most sessions of a server; each has ten times as many as the one before, from a thousand on.
    #[arg(long, default_value_t = 1_000_000)]
    most: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let about = format!(
        "Time of a `get_session` in process with sessions and users in memory, relative to {FEW} sessions; and on two \
         threads at once, relative to one."
    );
    let mut report = Report::new("sessions", &about);
    for is_cached in [true, false] {
        let name = if is_cached { "cached" } else { "not cached" };
        let mut few = Sessions::new(&runtime, is_cached)?;
        runtime.block_on(few.grow_to(FEW))?;
        let mut many = Sessions::new(&runtime, is_cached)?;
        let mut count = FEW;
        while count <= options.most {
            runtime.block_on(many.grow_to(count))?;
            let (mut rounds, mut times) = (Rounds::default(), Vec::new());
            for _ in 0..options.rounds {
                let thing = runtime.block_on(many.time_of_a_check(options.size))?;
                let yardstick = runtime.block_on(few.time_of_a_check(options.size))?;
                rounds.push(thing, yardstick);
                times.push(thing);
            }
            let what = format!("{name}, {count} sessions");
            if count == FEW {
                report.measure(&what, Unit::Seconds, &times, is_cached.then_some(BAR));
            } else {
                report.compare(&what, Unit::Seconds, &rounds, None);
            }
            count *= 10;
        }
        let rounds = few.compare_threads(options)?;
        let what = format!("{name}, two threads at once");
        report.compare(&what, Unit::Seconds, &rounds, None);
    }
    report.finish()?;
    Ok(())
}

/// A server and the tokens of its sessions, all of one user.
#[derive(Clone, Debug)]
struct Sessions {
    server: Server,
    tokens: Vec<SessionToken>,
}

impl Sessions {
    fn new(runtime: &Runtime, is_cached: bool) -> Result<Self> {
        Ok(Self {
            server: runtime.block_on(server(is_cached))?,
            tokens: Vec::new(),
        })
    }

    async fn grow_to(&mut self, count: usize) -> Result<()> {
        while self.tokens.len() < count {
            self.tokens.push(embedded::sign_in(&self.server).await?);
        }
        Ok(())
    }

    /// Returns tokens from the whole range.
    fn checked(&self) -> Vec<SessionToken> {
        let step = self.tokens.len() / CHECKED;
        self.tokens.iter().step_by(step).cloned().collect()
    }

    async fn time_of_a_check(&self, checks: usize) -> Result<f64> {
        time_of_a_check(&self.server, &self.checked(), checks).await
    }

    /// Compares checks on two threads at once, each with its own sessions, with checks on one.
    fn compare_threads(&self, options: &Options) -> Result<Rounds> {
        let tokens = self.checked();
        let (first, second) = tokens.split_at(CHECKED / 2);
        let check = |tokens: &[SessionToken]| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(time_of_a_check(&self.server, tokens, options.size))
        };
        let mut rounds = Rounds::default();
        for _ in 0..options.rounds {
            let (both, alone) = (
                thread::scope(|scope| {
                    let other = scope.spawn(|| check(second));
                    let one = check(first)?;
                    let other = other.join().ok().context("a thread panicked")??;
                    anyhow::Ok(one.max(other))
                })?,
                check(&tokens)?,
            );
            rounds.push(both, alone);
        }
        Ok(rounds)
    }
}

async fn time_of_a_check(server: &Server, tokens: &[SessionToken], checks: usize) -> Result<f64> {
    let tokens = tokens.iter().cycle().take(checks);
    let start = Instant::now();
    for session_token in tokens.cloned() {
        server.invoke(GetSession { session_token }).await?;
    }
    Ok(start.elapsed().as_secs_f64() / checks as f64)
}

async fn server(is_cached: bool) -> Result<Server> {
    let mut memory = MemoryOptions::default();
    memory.maximum_entries = 20_000_000;
    let mut storages = Storages::single(MemoryStorage::new(memory.clone()));
    storages.cache = Some(Arc::new(MemoryCache::new(memory)));
    let hour = Duration::from_secs(3600);
    let mut options = ServerOptions::default();
    options.session.cache_expiration = is_cached.then_some(hour);
    // Without this the user store of the tests is measured too.
    options.session.user_cache_expiration = (!is_cached).then_some(hour);
    let algorithm = Arc::new(CountingHasher::new("counting"));
    embedded::server(algorithm, storages, ReferenceUserStore::default(), options).await
}
