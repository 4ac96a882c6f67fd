//! How much of the speed of raw hashing is left for sign-ins.

use std::{
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use faroe_argon2::Argon2id;
use faroe_core::{Hashing, Server, ServerOptions, Storages, password::PasswordHashAlgorithm};
use faroe_storage_memory::MemoryStorage;
use tokio::task::JoinSet;

use crate::{
    embedded,
    faroe::PASSWORD,
    memory::Memory,
    rounds::{Rounds, verdict},
};

/// Sign-ins per second, as a part of hashes per second.
const BAR: f64 = 0.95;
/// What a hash works in.
const HASH_MIB: usize = 64;
/// What the process may hold besides.
const BASE_MIB: usize = 64;

const SALT: [u8; 16] = [7; 16];

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// How often each is measured.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How many sign-ins, or hashes, a round takes for each permit.
    #[arg(long, default_value_t = 24)]
    size: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Case {
    #[arg(long)]
    permits: usize,
    #[command(flatten)]
    options: Options,
}

/// Runs each case in a process of its own, so that each has its own peak of memory.
pub(crate) fn run(options: &Options) -> Result<()> {
    for permits in [1, 2] {
        let mut case = Command::new(env::current_exe()?);
        case.args(["sign-in-case", "--permits", &permits.to_string()]);
        case.args([
            "--rounds",
            &options.rounds.to_string(),
            "--size",
            &options.size.to_string(),
        ]);
        ensure!(
            case.status()?.success(),
            "the case with {permits} permits failed"
        );
    }
    Ok(())
}

pub(crate) fn run_case(case: &Case) -> Result<()> {
    let Case {
        permits,
        options: Options {
            rounds: count,
            size,
        },
    } = *case;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let algorithm = Arc::new(Argon2id::recommended_for_user_passwords());
    let server = runtime.block_on(server(&algorithm, permits))?;
    let total = size * permits;
    println!("sign-ins and raw hashes per second, {permits} at once\n\nround  sign-ins    hashes");
    // Before the first round, so that all memory is there.
    hashes_per_second(&algorithm, permits, permits)?;
    let mut rounds = Rounds::default();
    for round in 1..=count {
        let thing = runtime.block_on(sign_ins_per_second(&server, permits, total))?;
        let yardstick = hashes_per_second(&algorithm, permits, total)?;
        println!("{round:>5} {thing:>9.2} {yardstick:>9.2}");
        rounds.push(thing, yardstick);
    }
    let (thing, yardstick, ratio) = rounds.summary();
    println!("median {thing:>8.2} {yardstick:>9.2}\n");
    println!(
        "ratio of medians {ratio:.3}: the bar of {BAR} is {}",
        verdict(ratio >= BAR)
    );
    report_memory(permits)
}

fn report_memory(permits: usize) -> Result<()> {
    let most = permits * HASH_MIB + BASE_MIB;
    let peak = Memory::of_this_process()?.peak_mib;
    println!(
        "peak memory {peak} MiB: the bar of {most} MiB is {}\n",
        verdict(peak <= most)
    );
    Ok(())
}

async fn server(algorithm: &Arc<Argon2id>, permits: usize) -> Result<Server> {
    let storages = Storages::single(MemoryStorage::default());
    let options = ServerOptions {
        hashing: Hashing {
            permits,
            queue: 16 * permits,
        },
        ..ServerOptions::default()
    };
    embedded::server(Arc::clone(algorithm) as _, storages, options).await
}

/// As many clients as keep every permit busy.
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
