#![doc = include_str!("../README.md")]

mod backends;
mod fuzz;
mod guard;
mod services;
mod test_all;
mod tidy;
mod workspace;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::services::{Service, Wish};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Xtask {
    /// Run every test, against real databases too, bringing up what they need.
    TestAll(test_all::Options),
    /// Check the rules of the repository that a program can check.
    Tidy,
    /// Start the services that database tests need, print their environment variables, and end them on Ctrl-C.
    Services(services::Options),
    /// Search for inputs that break what reads bytes of strangers.
    Fuzz(fuzz::Options),
    /// Measure, in a release build.
    Bench {
        /// What to measure.
        what: Benchmark,
        /// Passed on; try `-- --help`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run a process that ends when the pipe on standard input closes.
    #[command(hide = true)]
    Guard(guard::Charge),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Benchmark {
    /// Requests per second of `get_session` against those of a bare HTTP handler.
    GetSession,
    /// What a check of a session costs in process, and how that grows with the number of sessions.
    Sessions,
    /// How soon the server answers after its start, and what memory it holds then.
    StartUp,
    /// Raw hashes per second of both implementations, next to libsodium's.
    Hash,
    /// Sign-ins per second against raw hashes per second, and the memory they take.
    SignIn,
    /// Calls per second of each storage against those of its driver.
    Storage,
    /// Ten times the load that hashing can take: refusals, sessions and memory meanwhile.
    Overload,
}

fn main() -> ExitCode {
    match run(Xtask::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Xtask) -> Result<ExitCode> {
    match command {
        Xtask::TestAll(options) => test_all::run(&options),
        Xtask::Tidy => tidy::run(),
        Xtask::Services(options) => services::run(&options),
        Xtask::Fuzz(options) => fuzz::run(&options),
        Xtask::Bench { what, arguments } => bench(what, &arguments),
        Xtask::Guard(charge) => guard::run(&charge),
    }
}

fn bench(what: Benchmark, arguments: &[String]) -> Result<ExitCode> {
    let packages = ["--package", "faroe-server", "--package", "faroe-bench"];
    let mut build = workspace::cargo();
    let built = build.args(["build", "--release"]).args(packages).status();
    if !built.context("could not run cargo")?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut services = Vec::new();
    if let Benchmark::Storage = what {
        guard::end_all_on_interrupt()?;
        for service in Service::value_variants() {
            services.push(services::obtain(*service, Wish::default())?);
        }
    }
    let name = what.to_possible_value().expect("no benchmark is skipped");
    let mut bench = Command::new(workspace::target_directory()?.join("release/faroe-bench"));
    bench.arg(name.get_name()).args(arguments);
    for one in &services {
        println!("{} ({})", one.version, one.origin);
        bench.env(one.service.variable(), &one.url);
    }
    let status = bench.status();
    let status = status.context("could not run the benchmark")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
