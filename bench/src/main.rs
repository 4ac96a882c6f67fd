#![doc = include_str!("../README.md")]

mod backend;
mod bare;
mod connection;
mod embedded;
mod faroe;
mod get_session;
mod hash;
mod instructions;
mod last_use;
mod memory;
mod overload;
mod process;
mod processes;
mod report;
mod rounds;
mod server_process;
mod sessions;
mod sign_in;
mod start_up;
mod storage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mimalloc::MiMalloc;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The benchmarks; `cargo xtask bench --help` describes each.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench")]
enum Bench {
    Hash(hash::Options),
    SignIn(sign_in::Options),
    GetSession(get_session::Options),
    Sessions(sessions::Options),
    LastUse(last_use::Options),
    Storage(storage::Options),
    Processes(processes::Options),
    StartUp(start_up::Options),
    Memory(memory::Options),
    Overload(overload::Options),
    Instructions(instructions::Options),
    /// Serve one response to every request.
    #[command(hide = true)]
    Bare {
        response: String,
    },
    /// Run one hot path of `instructions` a number of times.
    #[command(hide = true)]
    InstructionsCase(instructions::Case),
}

fn main() -> ExitCode {
    match run(Bench::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: Bench) -> Result<()> {
    match bench {
        Bench::Hash(options) => hash::run(&options),
        Bench::SignIn(options) => sign_in::run(&options),
        Bench::GetSession(options) => get_session::run(&options),
        Bench::Sessions(options) => sessions::run(&options),
        Bench::LastUse(options) => last_use::run(&options),
        Bench::Storage(options) => storage::run(&options),
        Bench::Processes(options) => processes::run(&options),
        Bench::StartUp(options) => start_up::run(&options),
        Bench::Memory(options) => memory::run(&options),
        Bench::Overload(options) => overload::run(&options),
        Bench::Instructions(options) => instructions::run(&options),
        Bench::Bare { response } => bare::run(response),
        Bench::InstructionsCase(case) => instructions::run_case(&case),
    }
}
