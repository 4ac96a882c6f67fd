//! `cargo xtask test-all`: the one test command.

mod browser;
mod defects;
mod javascript;
mod node;
mod output;
mod programs;
mod promises;
mod python;
mod report;

use std::{
    fs::{self, File},
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::{
    output::Counts,
    programs::{Programs, TestProgram},
    promises::Reports,
    report::Row,
};
use crate::{
    backends::{BACKENDS, Backend},
    fuzz::{self, Fuzzer},
    guard::{Charge, Guarded},
    services::{self, Service, Wish, install},
    tidy,
    workspace::{self, Packages, find_program},
};

/// Options of `cargo xtask test-all`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only these steps.
    #[arg(long, num_args = 1.., value_name = "NAME")]
    only: Vec<String>,
    /// Install no packages: a step whose programs are missing fails.
    #[arg(long)]
    no_install: bool,
    /// Give randomized and exhaustive tests hours (`FAROE_TEST_THOROUGH=1`) instead of minutes (`FAROE_TEST_FULL=1`).
    #[arg(long)]
    thorough: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Format,
    Lint,
    Documentation,
    Tidy,
    Test,
    Doctests,
    Defects,
    Fuzz,
    JavaScript,
    Python,
    Browser,
    Backend(&'static Backend),
}

impl Step {
    fn all() -> Vec<Self> {
        let mut steps = vec![
            Self::Format,
            Self::Lint,
            Self::Documentation,
            Self::Tidy,
            Self::Test,
            Self::Doctests,
            Self::Defects,
            Self::Fuzz,
            Self::JavaScript,
            Self::Python,
            Self::Browser,
        ];
        steps.extend(BACKENDS.iter().map(Self::Backend));
        steps
    }

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Documentation => "documentation",
            Self::Tidy => "tidy",
            Self::Test => "test",
            Self::Doctests => "doctests",
            Self::Defects => "defects",
            Self::Fuzz => "fuzz",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Browser => "browser",
            Self::Backend(backend) => backend.name,
        }
    }

    fn needs_programs(self) -> bool {
        !matches!(self, Self::Format | Self::Tidy) && !self.fills_pauses()
    }

    /// Checks whether the step keeps all cores busy and has no deadlines, so that it can fill the pauses of tests.
    fn fills_pauses(self) -> bool {
        matches!(
            self,
            Self::Lint | Self::Documentation | Self::Doctests | Self::Defects | Self::Fuzz
        )
    }
}

/// The results of a step so far.
#[derive(Debug, Default)]
struct Outcome {
    /// The programs that it ran against, with versions.
    against: Vec<String>,
    counts: Option<Counts>,
}

impl Outcome {
    fn count(&mut self, counts: Counts) {
        *self.counts.get_or_insert_default() += counts;
    }
}

/// The state that all steps of a lane share.
#[derive(Debug)]
struct Surroundings<'a> {
    options: &'a Options,
    packages: &'a Packages,
    reports: &'a Reports,
    programs: &'a Programs,
    /// The file for the output of a step, if it is shown only once the step has ended.
    log: Option<PathBuf>,
}

/// Runs the steps in two lanes, and prints the results.
///
/// The tests run in one lane. The steps that compile run in the other with a low priority, which leaves the processor to the
/// tests whenever they need it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let (packages, reports, programs) = (Packages::read()?, Reports::new()?, Programs::default());
    let lane = |log| Surroundings {
        options,
        packages: &packages,
        reports: &reports,
        programs: &programs,
        log,
    };
    let steps = chosen(Step::all(), &options.only)?;
    let (compiling, testing): (Vec<Step>, Vec<Step>) =
        steps.iter().partition(|step| step.fills_pauses());
    let (compiling_lane, testing_lane) = (
        lane(Some(workspace::target_directory()?.join("test-all.log"))),
        lane(None),
    );
    let mut rows = thread::scope(|scope| {
        let compiled = scope.spawn(|| {
            if testing.iter().any(|step| step.needs_programs()) {
                // Before everything else, so that tests can start. Their steps report a failure.
                let _ = testing_lane.programs();
            }
            // On Linux, only for this thread and the processes that it starts. A failure changes only the duration.
            let _ = rustix::process::nice(10);
            compiling_lane.run_all(&compiling)
        });
        let mut rows = testing_lane.run_all(&testing);
        rows.extend(compiled.join().expect("no step panics"));
        rows
    });
    rows.sort_by_key(|row| steps.iter().position(|step| step.name() == row.name));
    let promises = reports.read(options.only.is_empty())?;
    print!("{}", report::report(&rows, &promises));
    let passed = rows.iter().all(|row| row.problem.is_none())
        && !promises.iter().any(|promise| promise.result.is_failure());
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn announce(text: &str) {
    println!("{text}");
    // Another process may write the next line.
    let _ = std::io::stdout().flush();
}

fn chosen(steps: Vec<Step>, only: &[String]) -> Result<Vec<Step>> {
    let names: Vec<_> = steps.iter().map(|step| step.name()).collect();
    for name in only {
        ensure!(
            names.contains(&name.as_str()),
            "there is no step `{name}`; the steps are {}",
            names.join(", ")
        );
    }
    let is_chosen = |step: &Step| only.is_empty() || only.iter().any(|name| name == step.name());
    Ok(steps.into_iter().filter(is_chosen).collect())
}

impl Surroundings<'_> {
    /// Runs steps one after the other, each also after the failure of another.
    fn run_all(&self, steps: &[Step]) -> Vec<Row> {
        let run = |step: &Step| {
            let name = step.name();
            announce(&format!("[{name}]"));
            let (start, mut outcome) = (Instant::now(), Outcome::default());
            let result = self
                .begin_log()
                .and_then(|()| self.run(*step, &mut outcome));
            self.show_log();
            let row = Row {
                name,
                problem: result.err().map(|error| format!("{error:#}")),
                time: start.elapsed(),
                outcome,
            };
            announce(&format!("[{name}] {} in {}", row.result(), row.time()));
            row
        };
        steps.iter().map(run).collect()
    }

    fn begin_log(&self) -> Result<()> {
        if let Some(log) = &self.log {
            fs::write(log, "").with_context(|| format!("create {}", log.display()))?;
        }
        Ok(())
    }

    fn show_log(&self) {
        if let Some(log) = &self.log {
            // A step without a log has said why.
            announce(&fs::read_to_string(log).unwrap_or_default());
        }
    }

    fn run(&self, step: Step, outcome: &mut Outcome) -> Result<()> {
        match step {
            Step::Format => {
                outcome
                    .against
                    .push(version("cargo", &["fmt", "--version"])?);
                self.cargo(&["fmt", "--all", "--check"], &[])
            }
            Step::Lint => {
                outcome
                    .against
                    .push(version("cargo", &["clippy", "--version"])?);
                self.cargo(
                    &[
                        "clippy",
                        "--workspace",
                        "--all-targets",
                        "--",
                        "-D",
                        "warnings",
                    ],
                    &[],
                )?;
                self.check_examples()?;
                // In the whole workspace, other packages enable the server in the client.
                let client = [
                    "check",
                    "--package",
                    "faroe-client",
                    "--no-default-features",
                ];
                self.cargo(&client, &[])
            }
            Step::Documentation => {
                outcome.against.push(version("rustdoc", &["--version"])?);
                self.cargo(
                    &["doc", "--workspace", "--no-deps"],
                    &[("RUSTDOCFLAGS", "-D warnings")],
                )
            }
            Step::Tidy => tidy::check(self.packages),
            Step::Test => self.test(outcome),
            Step::Doctests => self.doctests(outcome),
            Step::Defects => defects::run(self, outcome),
            Step::Fuzz => self.fuzz(outcome),
            Step::JavaScript => javascript::run(self, outcome),
            Step::Python => python::run(self, outcome),
            Step::Browser => browser::run(self, outcome),
            Step::Backend(backend) => self.backend(backend, outcome),
        }
    }

    /// Checks the examples without the rest of the workspace, whose features could hide one that they do not declare.
    ///
    /// Together, because each by itself has features of its own, for which cargo checks most dependencies again. The test
    /// of the README builds its example by itself in any case.
    fn check_examples(&self) -> Result<()> {
        let examples: Vec<_> = self.packages.names_in("examples").collect();
        let packages = if self.options.thorough {
            examples
        } else {
            vec!["example-*"]
        };
        for package in packages {
            self.cargo(&["check", "--package", package], &[])?;
        }
        Ok(())
    }

    /// Runs all tests that need no service.
    fn test(&self, outcome: &mut Outcome) -> Result<()> {
        outcome.against.push(version("rustc", &["--version"])?);
        let programs = self.programs()?.iter().filter(|program| {
            BACKENDS
                .iter()
                .all(|backend| !backend.owns(&program.package))
        });
        programs::run(self, programs, &[], &[], outcome)?;
        // In the whole workspace, so that its dependencies are not built again.
        let with_feature = cargo(&[
            "test",
            "--workspace",
            "--features=faroe-server/argon2-fast",
            "--test=program",
            "the_implementation_of_hashing_can_be_changed_at_any_time",
        ]);
        let ended = self.counted_process(&with_feature, outcome, |_| {});
        self.require_tests(outcome)?;
        ended
    }

    /// Runs the examples in the documentation.
    fn doctests(&self, outcome: &mut Outcome) -> Result<()> {
        outcome.against.push(version("rustdoc", &["--version"])?);
        let words = cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
        let ended = self.counted_process(&words, outcome, |_| {});
        self.require_tests(outcome)?;
        ended
    }

    /// Searches every target of the fuzzer for a while.
    fn fuzz(&self, outcome: &mut Outcome) -> Result<()> {
        let seconds = if self.options.thorough { 120 } else { 15 };
        outcome.against.push("libFuzzer".to_owned());
        let targets = fuzz::targets()?;
        let fuzzer = Fuzzer::build(!self.options.no_install)?;
        let executions = fuzzer.run_all(&targets, seconds)?;
        outcome.count(Counts {
            passed: targets.len() as u64,
            ..Counts::default()
        });
        let covered = format!("{executions} inputs made by libFuzzer, 0 findings");
        self.reports.report("P52", &covered)
    }

    fn backend(&self, backend: &Backend, outcome: &mut Outcome) -> Result<()> {
        let mut available = Vec::new();
        for service in backend.services {
            let wish = Wish {
                no_install: self.options.no_install,
                test: None,
            };
            let one = services::obtain(*service, wish)?;
            println!(
                "{} ({}) is ready at {}",
                one.version,
                one.origin,
                one.service.variable()
            );
            outcome
                .against
                .push(format!("{} ({})", one.version, one.origin));
            available.push(one);
        }
        let mut environment: Vec<_> = available
            .iter()
            .map(|one| (one.service.variable(), one.url.as_str()))
            .collect();
        // A test that kills a service starts its own with this.
        let xtask = workspace::target_directory()?.join("debug/xtask");
        let xtask = xtask.display().to_string();
        environment.push(("FAROE_TEST_XTASK", &xtask));
        let pgbouncer = if backend.services.contains(&Service::Postgres) {
            let pgbouncer = install::provide(
                || find_program("pgbouncer", &["/usr/sbin"]),
                &["pgbouncer"],
                !self.options.no_install,
                "install pgbouncer",
            )?;
            Some(pgbouncer.display().to_string())
        } else {
            None
        };
        environment.extend(pgbouncer.as_deref().map(|it| ("FAROE_TEST_PGBOUNCER", it)));
        let programs = self.programs()?;
        let own = programs
            .iter()
            .filter(|program| backend.owns(&program.package));
        let ended = programs::run(self, own, &[], &environment, outcome);
        // The server and the example on this backend.
        let whole = programs
            .iter()
            .filter(|program| program.target == "backends");
        let whole = programs::run(self, whole, &[backend.name], &environment, outcome);
        let ended = ended.and(whole);
        let logs = backend
            .services
            .iter()
            .map(|service| Ok(service.log(None)?.display().to_string()));
        let logs = logs.collect::<Result<Vec<_>>>()?.join(", ");
        ended
            .and_then(|()| self.require_tests(outcome))
            .with_context(|| format!("see also {logs}"))?;
        let ignored = outcome.counts.map_or(0, |counts| counts.ignored);
        ensure!(
            ignored == 0,
            "{ignored} tests were ignored although their service is ready"
        );
        Ok(())
    }

    /// Returns all test programs, after building them with all other programs.
    fn programs(&self) -> Result<&[TestProgram]> {
        self.programs.get_or_build(self)
    }

    fn require_tests(&self, outcome: &Outcome) -> Result<()> {
        let counts = outcome.counts.unwrap_or_default();
        ensure!(counts.passed + counts.failed > 0, "no test was run");
        Ok(())
    }

    fn cargo(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
        self.process(&cargo(arguments), |command| {
            command.envs(environment.iter().copied());
        })
    }

    /// Runs a process, and shows its output.
    fn process(&self, words: &[String], configure: impl FnOnce(&mut Command)) -> Result<()> {
        let process = self.start(words, configure)?;
        conclude(words, process)
    }

    /// Runs a process, shows its output, and counts the tests in it.
    fn counted_process(
        &self,
        words: &[String],
        outcome: &mut Outcome,
        configure: impl FnOnce(&mut Command),
    ) -> Result<()> {
        // One pipe for both keeps their order.
        let (printed, output) = std::io::pipe().context("create a pipe")?;
        let errors = output.try_clone().context("create a pipe")?;
        let process = self.start(words, |command| {
            if std::io::stdout().is_terminal() {
                command.env("CARGO_TERM_COLOR", "always");
            }
            configure(command.stdout(output).stderr(errors));
        })?;
        let counts = match &self.log {
            Some(log) => output::show_and_count(printed, append(log)?)?,
            None => output::show_and_count(printed, std::io::stdout())?,
        };
        outcome.count(counts);
        conclude(words, process)
    }

    fn start(&self, words: &[String], configure: impl FnOnce(&mut Command)) -> Result<Guarded> {
        announce(&format!("$ {}", words.join(" ")));
        let log = self.log.as_deref().map(append).transpose()?;
        let errors = self.log.as_deref().map(append).transpose()?;
        Guarded::start(&Charge::new(words), |command| {
            if let (Some(log), Some(errors)) = (log, errors) {
                command.stdout(log).stderr(errors);
            }
            command.current_dir(workspace::root());
            let (variable, file) = self.reports.environment();
            command.env(variable, file);
            command.env("FAROE_TEST_FULL", "1");
            if self.options.thorough {
                command.env("FAROE_TEST_THOROUGH", "1");
            }
            configure(command);
        })
    }
}

fn append(log: &Path) -> Result<File> {
    let file = File::options().append(true).open(log);
    file.with_context(|| format!("write {}", log.display()))
}

fn conclude(words: &[String], process: Guarded) -> Result<()> {
    let status = process.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", words.join(" "));
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Vec<String> {
    std::iter::once("cargo")
        .chain(arguments.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// Returns the name and version of a program, without a remark in parentheses.
fn version(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(workspace::root())
        .output();
    let output = output.with_context(|| format!("run {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{program} {} failed",
        arguments.join(" ")
    );
    Ok(text.split('(').next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Step; 3] = [Step::Format, Step::Test, Step::Backend(&BACKENDS[0])];

    fn names(only: &[&str]) -> Result<Vec<&'static str>> {
        let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
        Ok(chosen(ALL.to_vec(), &only)?
            .into_iter()
            .map(Step::name)
            .collect())
    }

    #[test]
    fn all_steps_are_chosen_unless_some_are_named() {
        assert_eq!(names(&[]).unwrap(), ["format", "test", "postgres"]);
        assert_eq!(
            names(&["postgres", "format"]).unwrap(),
            ["format", "postgres"]
        );
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused_with_those_that_do() {
        let error = names(&["test", "tests"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no step `tests`; the steps are format, test, postgres"
        );
    }
}
