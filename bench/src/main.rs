#![doc = include_str!("../README.md")]

mod bare;
mod connection;
mod embedded;
mod faroe;
mod get_session;
mod hash;
mod memory;
mod overload;
mod rounds;
mod server_process;
mod sessions;
mod sign_in;
mod start_up;
mod storage;

use anyhow::Result;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench")]
enum Bench {
    /// Requests per second of `get_session` against those of a bare HTTP handler.
    GetSession(get_session::Options),
    /// What a check of a session costs in process, and how that grows with the number of sessions.
    Sessions(sessions::Options),
    /// How soon the server answers after its start, and what memory it holds then.
    StartUp(start_up::Options),
    /// Raw hashes per second of both implementations, next to libsodium's.
    Hash(hash::Options),
    /// Sign-ins per second against raw hashes per second, and the memory they take.
    SignIn(sign_in::Options),
    /// Calls per second of each storage against those of its driver.
    Storage(storage::Options),
    /// Ten times the load that hashing can take: refusals, sessions and memory meanwhile.
    Overload(overload::Options),
    /// Serve one response to every request.
    #[command(hide = true)]
    Bare { response: String },
    /// One case of `sign-in`, in a process of its own.
    #[command(hide = true)]
    SignInCase(sign_in::Case),
}

fn main() -> Result<()> {
    match Bench::parse() {
        Bench::GetSession(options) => get_session::run(&options),
        Bench::Sessions(options) => sessions::run(&options),
        Bench::StartUp(options) => start_up::run(&options),
        Bench::Hash(options) => hash::run(&options),
        Bench::SignIn(options) => sign_in::run(&options),
        Bench::Storage(options) => storage::run(&options),
        Bench::Overload(options) => overload::run(&options),
        Bench::Bare { response } => bare::run(response),
        Bench::SignInCase(case) => sign_in::run_case(&case),
    }
}
