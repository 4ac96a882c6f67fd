//! Raw hashes per second of both implementations, compared with libsodium.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use faroe_argon2::Argon2id;
use faroe_core::password::PasswordHashAlgorithm;

use crate::{
    faroe::PASSWORD,
    report::{Bar, Report, Unit},
    rounds::Rounds,
};

const SALT: [u8; 16] = [7; 16];

/// The speed of libsodium as a multiple of Go's (golang.org/x/crypto), from a machine where both were measured.
const LIBSODIUM_OF_GO: f64 = 1.85;
/// Hashes per second relative to Go's implementation.
const BAR: f64 = 1.45;
const FAST_BAR: f64 = 2.4;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Number of rounds.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Number of hashes in a round.
    #[arg(long, default_value_t = 4)]
    size: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let Options { rounds, size } = *options;
    let argon2id = Argon2id::recommended_for_user_passwords();
    let fast = Argon2id::recommended_for_user_passwords().fast();
    let mut libsodium = Libsodium::start()?;
    // Before the first round, so that all memory is allocated. All must compute the same hash.
    let expected = argon2id.hash(PASSWORD.as_bytes(), &SALT)?;
    ensure!(
        fast.hash(PASSWORD.as_bytes(), &SALT)? == expected && libsodium.hash == hex(&expected),
        "the implementations compute different hashes"
    );

    let about = format!(
        "Raw Argon2id hashes (64 MiB, 3 passes) per second on one thread, relative to libsodium. libsodium is \
         {LIBSODIUM_OF_GO} times as fast as Go's implementation, so the bars are {BAR} and {FAST_BAR} times Go's speed."
    );
    let mut report = Report::new("hash", &about);
    let (mut ours, mut ours_fast) = (Rounds::default(), Rounds::default());
    for _ in 0..rounds {
        let of_ours = hashes_per_second(&argon2id, size)?;
        let of_fast = hashes_per_second(&fast, size)?;
        let of_libsodium = libsodium.hashes_per_second(size)?;
        ours.push(of_ours, of_libsodium);
        ours_fast.push(of_fast, of_libsodium);
    }
    for (name, rounds, bar) in [
        ("default", ours, BAR),
        ("`hashing.fast`", ours_fast, FAST_BAR),
    ] {
        let bar = Bar::AtLeast(bar / LIBSODIUM_OF_GO);
        report.compare(name, Unit::PerSecond, &rounds, Some(bar));
    }
    report.finish()?;
    Ok(())
}

fn hashes_per_second(argon2id: &Argon2id, count: usize) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..count {
        argon2id.hash(PASSWORD.as_bytes(), &SALT)?;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// libsodium, in a Python process that waits for requests.
#[derive(Debug)]
struct Libsodium {
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    hash: String,
    _process: Child,
}

impl Libsodium {
    fn start() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("libsodium.py");
        let mut process = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start python3")?;
        let answers = process.stdout.take().context("python3 has no output")?;
        let mut libsodium = Self {
            questions: process.stdin.take().context("python3 has no input")?,
            answers: BufReader::new(answers),
            hash: String::new(),
            _process: process,
        };
        libsodium.hash = libsodium.answer()?;
        Ok(libsodium)
    }

    fn hashes_per_second(&mut self, count: usize) -> Result<f64> {
        writeln!(self.questions, "{count}")?;
        let seconds: f64 = self.answer()?.parse()?;
        Ok(count as f64 / seconds)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(
            !line.is_empty(),
            "use libsodium: no answer; install it (libsodium23 on Debian)"
        );
        Ok(line.trim().to_owned())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
