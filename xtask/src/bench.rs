//! `cargo xtask bench`: benchmarks of a release build.

use std::{
    env,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::{
    services::{self, Available, Service, Wish, install},
    workspace,
};

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Benchmark to run.
    what: Benchmark,
    /// Storages to run it on [default: memory for `get-session`, otherwise all that make sense].
    #[arg(long, num_args = 1.., value_name = "NAME")]
    storage: Vec<Storage>,
    /// Arguments of the benchmark; try `-- --help`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Raw hashes per second of both implementations, next to libsodium's.
    Hash,
    /// Sign-ins per second against raw hashes per second.
    SignIn,
    /// Requests per second of `get_session`, with and without caches, against those of a bare HTTP handler.
    GetSession,
    /// Time of a check of a session in process, with more and more sessions.
    Sessions,
    /// Time of a check that is recorded as its session's last use, against one that is not.
    LastUse,
    /// Calls per second of each storage against those of its driver.
    Storage,
    /// Requests per second of several servers on one database against those of one.
    Processes,
    /// Time from the start of the server to its first answer.
    StartUp,
    /// Memory of the server: at rest, and the peak while many users sign in.
    Memory,
    /// Refusals, sessions and memory under ten times the load that hashing can take, under weak passwords and under a flood.
    Overload,
    /// Instructions of the hot paths, which must not exceed their limits; needs valgrind.
    Instructions,
    /// All benchmarks one after the other, `get-session` on every storage.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Storage {
    Memory,
    Sqlite,
    Postgres,
    Mysql,
    Redis,
    RedisCluster,
}

impl Storage {
    fn service(self) -> Option<Service> {
        match self {
            Self::Memory | Self::Sqlite => None,
            Self::Postgres => Some(Service::Postgres),
            Self::Mysql => Some(Service::MariaDb),
            Self::Redis => Some(Service::Redis),
            Self::RedisCluster => Some(Service::RedisCluster),
        }
    }
}

impl Benchmark {
    /// Returns the storages that it runs on, or none if it does not depend on them.
    fn storages(self) -> &'static [Storage] {
        let all = Storage::value_variants();
        match self {
            Self::GetSession => &all[..1],
            Self::LastUse | Self::Storage => all,
            // Servers share no memory.
            Self::Processes => &all[1..],
            _ => &[],
        }
    }
}

/// Builds the server and the benchmarks, and runs them.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Options {
        what,
        storage,
        arguments,
    } = options;
    let what = *what;
    ensure!(
        storage.is_empty() || !what.storages().is_empty(),
        "{} does not depend on the storage",
        name(&what)
    );
    ensure!(
        arguments.is_empty() || what != Benchmark::All,
        "the benchmarks have arguments of their own: name one"
    );
    let runs = runs(what, storage);

    let packages = ["--package", "faroe-server", "--package", "faroe-bench"];
    let mut build = workspace::cargo();
    let built = build.args(["build", "--release"]).args(packages).status();
    if !built.context("run cargo")?.success() {
        return Ok(ExitCode::FAILURE);
    }
    if runs.iter().any(|(one, _)| *one == Benchmark::Instructions) {
        let hint = "valgrind is missing; run `sudo apt-get install valgrind`";
        let find = || workspace::find_program("valgrind", &[]);
        install::provide(find, &["valgrind"], true, hint)?;
    }
    let services = Service::value_variants().iter().filter(|service| {
        let is_its = |storage: &Storage| storage.service() == Some(**service);
        runs.iter().any(|(_, storages)| storages.iter().any(is_its))
    });
    let services: Vec<_> = services
        .map(|service| services::obtain(*service, Wish::default()))
        .collect::<Result<_>>()?;
    let program = workspace::target_directory()?.join("release/faroe-bench");
    let mut has_failed = false;
    for (one, storages) in runs {
        has_failed |= !measure(&program, one, storages, arguments, &services)?;
    }
    Ok(if has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Returns the benchmarks to run, each with its storages.
fn runs(what: Benchmark, storages: &[Storage]) -> Vec<(Benchmark, &[Storage])> {
    match what {
        Benchmark::All => {
            let each = Benchmark::value_variants().iter().copied();
            let each = each.filter(|one| *one != Benchmark::All);
            each.map(|one| match one {
                Benchmark::GetSession => (one, Storage::value_variants()),
                _ => (one, one.storages()),
            })
            .collect()
        }
        _ if storages.is_empty() => vec![(what, what.storages())],
        _ => vec![(what, storages)],
    }
}

fn measure(
    program: &Path,
    what: Benchmark,
    storages: &[Storage],
    arguments: &[String],
    services: &[Available],
) -> Result<bool> {
    let mut bench = Command::new(program);
    bench.arg(name(&what));
    if !storages.is_empty() {
        bench.arg("--storage").args(storages.iter().map(name));
    }
    let mut databases = Vec::new();
    for one in services {
        bench.env(one.service.variable(), &one.url);
        databases.push(format!("{} ({})", one.version, one.origin));
    }
    let words: Vec<_> = env::args().skip(1).collect();
    bench.env(
        "FAROE_BENCH_COMMAND",
        format!("cargo xtask {}", words.join(" ")),
    );
    if !databases.is_empty() {
        bench.env("FAROE_BENCH_DATABASES", databases.join(", "));
    }
    let status = bench.args(arguments).status();
    let status = status.context("run the benchmark")?;
    // An interrupt ends all of them.
    ensure!(
        status.code().is_some(),
        "the benchmark was ended by a signal"
    );
    Ok(status.success())
}

fn name(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value().expect("no value is skipped");
    name.get_name().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_is_run_on_the_storages_that_were_named_or_on_its_own() {
        let get_session = Benchmark::GetSession;
        assert_eq!(
            runs(get_session, &[]),
            [(get_session, &[Storage::Memory][..])]
        );
        let named = [Storage::Redis];
        assert_eq!(runs(get_session, &named), [(get_session, &named[..])]);
    }

    #[test]
    fn all_are_run_once() {
        let all = runs(Benchmark::All, &[]);
        assert_eq!(all.len() + 1, Benchmark::value_variants().len());
        assert!(all.contains(&(Benchmark::GetSession, Storage::value_variants())));
    }
}
