//! The number of instructions on the hot paths, which other work of the machine does not change.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use faroe_core::{Server, ServerOptions, Storages, protocol::session::GetSession};
use faroe_storage_memory::{MemoryCache, MemoryOptions, MemoryStorage};
use faroe_testkit::{hasher::CountingHasher, user_store::ReferenceUserStore};
use faroe_user_store_sqlite::SqliteUserStore;

use crate::{
    backend::Backend,
    connection::Connection,
    embedded,
    faroe::{self, User},
    report::{Bar, Report, Unit},
    server_process::ServerProcess,
};

/// The numbers of runs in two processes. Their difference leaves out start and end of a process.
const FEW: u32 = 500;
const MANY: u32 = 2_500;

const HOUR: Duration = Duration::from_secs(3600);

/// Settings with the cheapest hashes, which are not measured here.
const SETTINGS: &str = "[hashing]\nmemory_kib = 8\niterations = 1\n[session]\n";

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Hot paths [default: all].
    #[arg(long, num_args = 1.., value_name = "NAME")]
    only: Vec<HotPath>,
    /// Number of rounds.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HotPath {
    GetSession,
    GetSessionCached,
    GetSessionUsersInSqlite,
    CreateSignin,
    HttpGetSession,
    HttpGetSessionUsersCached,
    HttpGetSessionCached,
}

/// A number of runs of one path, in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Case {
    path: HotPath,
    repetitions: u32,
}

/// Counts the paths and fails if one exceeds its limit.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(options: &Options) -> Result<()> {
    let about = "Instructions per run of a hot path, counted by callgrind. The `http` paths count the whole server per request, \
                 with users in SQLite. The bars are the limits of `bench/instructions.toml`.";
    let limits = limits()?;
    let mut report = Report::new("instructions", about);
    for path in HotPath::value_variants() {
        let limit = limits.get(&path.name());
        let limit = *limit.with_context(|| format!("{} has no limit", path.name()))?;
        if !options.only.is_empty() && !options.only.contains(path) {
            continue;
        }
        let mut counts = Vec::new();
        for _ in 0..options.rounds {
            counts.push(path.count().await?);
        }
        let limit = Bar::AtMost(limit as f64);
        report.measure(&path.name(), Unit::Instructions, &counts, Some(limit));
    }
    ensure!(
        report.finish()?,
        "a hot path exceeds its limit; `callgrind_annotate {}` shows where, and bench/instructions.toml holds the limit",
        profile("NAME")?.display()
    );
    Ok(())
}

/// Reads the limits by the names of the paths.
fn limits() -> Result<BTreeMap<String, u64>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml");
    let text = fs::read_to_string(&file);
    let text = text.with_context(|| format!("read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("parse {}", file.display()))
}

/// Returns the file in which callgrind writes its counts for a path.
fn profile(name: &str) -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(format!("{name}.callgrind")))
}

/// Runs a path in this process.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_case(case: &Case) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = case.path.server(folder.path()).await?;
    let session_token = embedded::sign_in(&server).await?;
    for _ in 0..case.repetitions {
        if case.path == HotPath::CreateSignin {
            embedded::create_signin(&server).await?;
        } else {
            let session_token = session_token.clone();
            server.invoke(GetSession { session_token }).await?;
        }
    }
    Ok(())
}

impl HotPath {
    fn name(self) -> String {
        let name = self.to_possible_value().expect("no path is skipped");
        name.get_name().to_owned()
    }

    /// Returns the settings of the server, if the path leads through it.
    fn settings(self) -> Option<&'static str> {
        match self {
            Self::HttpGetSession => Some(""),
            Self::HttpGetSessionUsersCached => Some("user_cache_expiration = \"1h\"\n"),
            Self::HttpGetSessionCached => Some("cache_expiration = \"1h\"\n"),
            _ => None,
        }
    }

    async fn server(self, folder: &Path) -> Result<Server> {
        let mut storages = Storages::single(MemoryStorage::default());
        storages.cache = Some(Arc::new(MemoryCache::new(MemoryOptions::default())));
        let mut options = ServerOptions::default();
        options.session.cache_expiration = (self == Self::GetSessionCached).then_some(HOUR);
        // Without this the user store of the tests is measured too.
        options.session.user_cache_expiration = (self == Self::GetSession).then_some(HOUR);
        let hasher = Arc::new(CountingHasher::new("counting"));
        if self == Self::GetSessionUsersInSqlite {
            let users = SqliteUserStore::connect(folder.join("users.sqlite3")).await?;
            embedded::server(hasher, storages, users, options).await
        } else {
            embedded::server(hasher, storages, ReferenceUserStore::default(), options).await
        }
    }

    /// Returns the instructions of one run.
    async fn count(self) -> Result<f64> {
        let few = self.count_all(FEW).await?;
        let many = self.count_all(MANY).await?;
        Ok((many - few) / f64::from(MANY - FEW))
    }

    /// Returns the instructions of a whole process with this number of runs.
    async fn count_all(self, repetitions: u32) -> Result<f64> {
        let file = profile(&self.name())?;
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--tool=callgrind"]);
        valgrind.arg(format!("--callgrind-out-file={}", file.display()));
        // With one worker thread, no thread spins while it waits for another.
        valgrind.env("TOKIO_WORKER_THREADS", "1");
        if let Some(settings) = self.settings() {
            valgrind.arg(faroe::executable()?);
            let folder = tempfile::tempdir()?;
            let settings = [SETTINGS, settings].concat();
            let server =
                faroe::configure(valgrind.into(), folder.path(), Backend::Memory, &settings)?;
            let server = ServerProcess::start(server).await?;
            let request = User::sign_up(server.address).await?.get_session();
            let mut connection = Connection::open(server.address).await?;
            for _ in 0..repetitions {
                connection.exchange(&request).await?;
            }
            drop(connection);
            server.stop().await?;
        } else {
            valgrind.arg(env::current_exe()?);
            valgrind.args(["instructions-case", &self.name(), &repetitions.to_string()]);
            let status = valgrind.stdin(Stdio::null()).status();
            let status = status.context("run valgrind; install it")?;
            ensure!(status.success(), "valgrind failed");
        }
        total(&fs::read_to_string(file)?)
    }
}

/// Returns the sum of callgrind's counts.
fn total(profile: &str) -> Result<f64> {
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("callgrind wrote no total")?;
    Ok(total.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hot_path_has_a_limit_and_every_limit_a_hot_path() {
        let known: Vec<_> = limits().unwrap().into_keys().collect();
        let mut paths: Vec<_> = HotPath::value_variants()
            .iter()
            .map(|path| path.name())
            .collect();
        paths.sort();
        assert_eq!(known, paths);
    }
}
