//! The speed of sign-ins, compared with raw hashing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;
use faroe_argon2::Argon2id;
use faroe_core::{Server, ServerOptions, Storages, password::PasswordHashAlgorithm};
use faroe_storage_memory::MemoryStorage;
use faroe_testkit::user_store::ReferenceUserStore;
use tokio::task::JoinSet;

use crate::{
    embedded,
    faroe::PASSWORD,
    report::{Bar, Report, Unit},
    rounds::Rounds,
};

/// Sign-ins per second relative to hashes per second.
const BAR: Bar = Bar::AtLeast(0.97);

const SALT: [u8; 16] = [7; 16];

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Number of rounds.
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// Number of sign-ins, or hashes, in a round for each permit.
    #[arg(long, default_value_t = 16)]
    size: usize,
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = "Complete sign-ins per second in process, relative to as many raw hashes (64 MiB, 3 passes) at once.";
    let mut report = Report::new("sign-in", about);
    let algorithm = Arc::new(Argon2id::recommended_for_user_passwords());
    for permits in [1, 2] {
        let server = server(&algorithm, permits).await?;
        let total = options.size * permits;
        // Before the first round, so that all memory is allocated.
        hashes_per_second(&algorithm, permits, permits)?;
        let mut rounds = Rounds::default();
        for _ in 0..options.rounds {
            let thing = sign_ins_per_second(&server, permits, total).await?;
            let yardstick = hashes_per_second(&algorithm, permits, total)?;
            rounds.push(thing, yardstick);
        }
        let what = format!("{permits} at once");
        report.compare(&what, Unit::PerSecond, &rounds, Some(BAR));
    }
    report.finish()?;
    Ok(())
}

async fn server(algorithm: &Arc<Argon2id>, permits: usize) -> Result<Server> {
    let storages = Storages::single(MemoryStorage::default());
    let mut options = ServerOptions::default();
    options.hashing.permits = permits;
    options.hashing.queue = 16 * permits;
    let users = ReferenceUserStore::default();
    embedded::server(Arc::clone(algorithm) as _, storages, users, options).await
}

/// Signs in with as many clients as keep every permit busy.
async fn sign_ins_per_second(server: &Server, permits: usize, total: usize) -> Result<f64> {
    let (start, begun) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..4 * permits {
        let (server, begun) = (server.clone(), Arc::clone(&begun));
        clients.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < total {
                embedded::sign_in(&server).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(per_second(total, start))
}

fn hashes_per_second(algorithm: &Argon2id, threads: usize, total: usize) -> Result<f64> {
    let (start, begun) = (Instant::now(), AtomicUsize::new(0));
    let hash_some = || {
        while begun.fetch_add(1, Ordering::Relaxed) < total {
            algorithm.hash(PASSWORD.as_bytes(), &SALT)?;
        }
        anyhow::Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(hash_some)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().ok().context("hashing panicked")?)
    })?;
    Ok(per_second(total, start))
}

fn per_second(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}
