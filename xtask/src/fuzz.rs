//! `cargo xtask fuzz`: the readers of untrusted bytes under libFuzzer. `fuzz/README.md` describes them.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{
    guard::{Charge, Guarded},
    services::install,
    workspace::{self, find_program},
};

/// Options of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Target to search [default: all].
    target: Option<String>,
    /// Seconds to search each target.
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// Install no packages.
    #[arg(long)]
    no_install: bool,
}

/// Searches the targets until the time is over or an input fails.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut targets = targets()?;
    if let Some(name) = &options.target {
        let all = targets.join(", ");
        targets.retain(|target| target == name);
        ensure!(
            !targets.is_empty(),
            "there is no target `{name}`; the targets are {all}"
        );
    }
    let fuzzer = Fuzzer::build(!options.no_install)?;
    fuzzer.run_all(&targets, options.seconds)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the names of all targets, which are the folders of the corpus.
pub(crate) fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/corpus");
    let folders = fs::read_dir(&folder);
    let folders = folders.with_context(|| format!("read {}", folder.display()))?;
    let mut names = Vec::new();
    for folder in folders {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The program with all targets inside.
#[derive(Debug)]
pub(crate) struct Fuzzer {
    program: PathBuf,
}

impl Fuzzer {
    /// Builds the program with the dependencies of the tests; only the project's own crates are compiled again.
    pub(crate) fn build(may_install: bool) -> Result<Self> {
        install::provide(
            compiler,
            &["g++"],
            may_install,
            "libFuzzer needs a C++ compiler; run `sudo apt-get install g++`, or set CXX",
        )?;
        let arguments = ["build", "--workspace", "--example", "fuzz"];
        let words = [
            &["cargo"],
            &arguments[..],
            &["--features", "faroe-fuzz/libfuzzer"],
        ]
        .concat();
        println!("$ {}", words.join(" "));
        let build = Guarded::start(&Charge::new(&words), |command| {
            let wrapper = workspace::root().join("xtask/with-coverage.sh");
            command.current_dir(workspace::root()).envs([
                // Another wrapper, such as a compilation cache, does not know this one.
                ("RUSTC_WRAPPER", PathBuf::new()),
                ("RUSTC_WORKSPACE_WRAPPER", wrapper),
            ]);
        })?;
        ensure!(build.wait()?.success(), "`{}` failed", words.join(" "));
        let program = workspace::target_directory()?.join("debug/examples/fuzz");
        Ok(Self { program })
    }

    /// Searches all targets, one on each core at a time, and returns the number of inputs.
    pub(crate) fn run_all(&self, targets: &[String], seconds: u64) -> Result<u64> {
        let next = Mutex::new(targets.iter());
        let worker = || {
            let mut sum = 0;
            loop {
                let target = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(target) = target else {
                    return Ok(sum);
                };
                let executions = self.run(target, seconds)?;
                println!("{target}: {executions} inputs, no failure");
                sum += executions;
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
            let sums = workers.into_iter().map(|worker| worker.join());
            sums.map(|sum| sum.expect("a worker does not panic")).sum()
        })
    }

    /// Searches a target, and returns the number of inputs.
    ///
    /// The search begins with the committed corpus and with the inputs by which earlier runs reached new code, which are in
    /// `target`.
    fn run(&self, target: &str, seconds: u64) -> Result<u64> {
        let found = workspace::target_directory()?
            .join("fuzz-corpus")
            .join(target);
        let committed = workspace::root().join("fuzz/corpus").join(target);
        let artifacts = workspace::root().join("fuzz/artifacts").join(target);
        for folder in [&found, &artifacts] {
            let make = || format!("create {}", folder.display());
            fs::create_dir_all(folder).with_context(make)?;
        }
        let (printed, errors) = std::io::pipe().context("create a pipe")?;
        let words = [
            self.program.display().to_string(),
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}/", artifacts.display()),
            "-timeout=10".to_owned(),
            "-rss_limit_mb=1024".to_owned(),
            "-print_final_stats=1".to_owned(),
            found.display().to_string(),
            committed.display().to_string(),
        ];
        println!("{target}: {seconds} s");
        let fuzzer = Guarded::start(&Charge::new(&words), |command| {
            command.env("FAROE_FUZZ_TARGET", target).stderr(errors);
        })?;
        let mut summary = Summary::default();
        for line in BufReader::new(printed).split(b'\n') {
            let line = line.context("read the output of the fuzzer")?;
            summary.read(target, &String::from_utf8_lossy(&line));
        }
        if fuzzer.wait()?.success() {
            return Ok(summary.executions);
        }
        let Some(input) = summary.input else {
            bail!("the fuzzer failed without an input; see above");
        };
        bail!(
            "{target} fails on {input}; `cargo test -p faroe-fuzz` replays it; once it is fixed, move it to \
             fuzz/corpus/{target} under a name that describes it"
        );
    }
}

fn compiler() -> Option<PathBuf> {
    let own = env::var_os("CXX").map(PathBuf::from);
    own.or_else(|| find_program("c++", &[]))
}

/// The results in the output of a run.
#[derive(Debug, Default)]
struct Summary {
    executions: u64,
    /// The file with the input that failed.
    input: Option<String>,
}

impl Summary {
    /// Reads a line, and shows it unless it is about a new input, loading or statistics.
    fn read(&mut self, target: &str, line: &str) {
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = count.trim().parse().unwrap_or_default();
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.input = Some(path.to_owned());
        }
        let is_new_input = line.starts_with('#') && !line.contains("pulse");
        let is_noise = NOISE
            .iter()
            .any(|start| line.trim_start().starts_with(start));
        if !(is_new_input || is_noise) {
            eprintln!("{target}: {line}");
        }
    }
}

/// Beginnings of lines that are not shown.
const NOISE: [&str; 6] = [
    "INFO: ",
    "NEW_FUNC",
    "WARNING: Failed to find function",
    "stat::",
    "\"",
    "###",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_run_is_understood() {
        let mut summary = Summary::default();
        for line in [
            "#1024\tpulse  cov: 1 ft: 1 corp: 1/1b lim: 4 exec/s: 512 rss: 34Mb",
            "artifact_prefix='/f/tokens/'; Test unit written to /f/tokens/crash-0123",
            "stat::number_of_executed_units: 2000",
        ] {
            summary.read("tokens", line);
        }
        assert_eq!(summary.executions, 2000);
        assert_eq!(summary.input.as_deref(), Some("/f/tokens/crash-0123"));
    }

    #[test]
    fn every_folder_of_the_corpus_is_a_target() {
        let targets = targets().unwrap();
        assert!(targets.iter().any(|target| target == "request_bodies"));
    }
}
