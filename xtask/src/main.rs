#![doc = include_str!("../README.md")]

mod backends;
mod bench;
mod fuzz;
mod guard;
mod instrumented;
mod mutants;
mod services;
mod test_all;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Xtask {
    /// Run every test, with real databases, and start the services that they need.
    TestAll(test_all::Options),
    /// Check the repository's own rules.
    Tidy,
    /// Start the databases that tests need, print their environment variables, and end them on Ctrl-C.
    Services(services::Options),
    /// Search for inputs that break the readers of untrusted bytes.
    Fuzz(fuzz::Options),
    /// Measure how many changes of faroe-core its tests notice.
    Mutants(mutants::Options),
    /// Run benchmarks in a release build.
    Bench(bench::Options),
    /// Run a process that ends when the pipe on standard input closes.
    #[command(hide = true)]
    Guard(guard::Charge),
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
        Xtask::Mutants(options) => mutants::run(&options),
        Xtask::Bench(options) => bench::run(&options),
        Xtask::Guard(charge) => guard::run(&charge),
    }
}
