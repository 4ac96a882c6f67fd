//! What a check of a session costs in process, and how that grows with the number of sessions that live.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use faroe_core::{
    Server, ServerOptions, SessionConfiguration, Storages,
    protocol::{secret::SessionToken, session::GetSession},
};
use faroe_storage_memory::{MemoryCache, MemoryOptions, MemoryStorage};
use faroe_testkit::hasher::CountingHasher;
use tokio::runtime::{Builder, Runtime};

use crate::{
    embedded,
    rounds::{Rounds, verdict},
};

/// For a check with a cache, on one thread.
const BAR: Duration = Duration::from_micros(2);
/// Sessions that are checked: some of those that live.
const CHECKED: usize = 1_000;
/// Sessions of the server that the others are compared with.
const FEW: usize = 1_000;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// How often each server is measured.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// How many checks a round takes.
    #[arg(long, default_value_t = 20_000)]
    size: usize,
    /// The most sessions that live, tenfold from a thousand on.
    #[arg(long, default_value_t = 1_000_000)]
    most: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    println!("get_session in process, with sessions and users in memory\n");
    println!("             sessions  time of a check  times with {FEW}");
    for is_cached in [true, false] {
        let name = if is_cached { "cached" } else { "not cached" };
        let mut few = Sessions::new(&runtime, is_cached)?;
        runtime.block_on(few.grow_to(FEW))?;
        let mut many = Sessions::new(&runtime, is_cached)?;
        let mut count = FEW;
        while count <= options.most {
            runtime.block_on(many.grow_to(count))?;
            let mut rounds = Rounds::default();
            for _ in 0..options.rounds {
                let thing = runtime.block_on(many.time_of_a_check(options.size))?;
                let yardstick = runtime.block_on(few.time_of_a_check(options.size))?;
                rounds.push(thing.as_secs_f64(), yardstick.as_secs_f64());
            }
            let (time, _, ratio) = rounds.summary();
            let time = Duration::from_secs_f64(time);
            println!("{name:<11} {count:>9}  {time:>15.2?}  {ratio:>14.2}");
            if is_cached && count == FEW {
                println!("the bar of {BAR:?} is {}", verdict(time <= BAR));
            }
            count *= 10;
        }
        few.compare_threads(options, name)?;
    }
    Ok(())
}

/// A server and the tokens of its sessions, which are all of one user.
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

    /// Some of the sessions, from everywhere.
    fn checked(&self) -> Vec<SessionToken> {
        let step = self.tokens.len() / CHECKED;
        self.tokens.iter().step_by(step).cloned().collect()
    }

    async fn time_of_a_check(&self, checks: usize) -> Result<Duration> {
        time_of_a_check(&self.server, &self.checked(), checks).await
    }

    /// Checks on two threads at once, each with sessions of its own.
    fn compare_threads(&self, options: &Options, name: &str) -> Result<()> {
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
            rounds.push(both.as_secs_f64(), alone.as_secs_f64());
        }
        let (_, _, ratio) = rounds.summary();
        println!("{name}, on two threads at once: {ratio:.2} times as long as on one\n");
        Ok(())
    }
}

async fn time_of_a_check(
    server: &Server,
    tokens: &[SessionToken],
    checks: usize,
) -> Result<Duration> {
    let tokens = tokens.iter().cycle().take(checks);
    let start = Instant::now();
    for session_token in tokens.cloned() {
        server.invoke(GetSession { session_token }).await?;
    }
    Ok(start.elapsed() / u32::try_from(checks)?)
}

async fn server(is_cached: bool) -> Result<Server> {
    let memory = MemoryOptions {
        maximum_entries: 20_000_000,
        ..MemoryOptions::default()
    };
    let storages = Storages {
        cache: Some(Arc::new(MemoryCache::new(memory.clone()))),
        ..Storages::single(MemoryStorage::new(memory))
    };
    let hour = Duration::from_secs(3600);
    let options = ServerOptions {
        session: SessionConfiguration {
            cache_expiration: is_cached.then_some(hour),
            // The user store of the tests is not to be measured.
            user_cache_expiration: (!is_cached).then_some(hour),
            ..SessionConfiguration::default()
        },
        ..ServerOptions::default()
    };
    let algorithm = Arc::new(CountingHasher::new("counting"));
    embedded::server(algorithm, storages, options).await
}
