//! Builds mutants and runs the tests on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::Value;

use super::{
    list::{Mutant, PACKAGE},
    record::{Outcome, Record},
    splice::{self, REACHED, Spliced, VARIABLE},
};
use crate::{
    instrumented::{Program, SourceCopy},
    workspace,
};

/// A test may take this much longer than without a mutant, but at least the other.
const TIMEOUT_FACTOR: u32 = 10;
const MIN_TIMEOUT: Duration = Duration::from_secs(20);

/// A mutant that allocates without end must not take the machine with it.
const MAX_MEMORY: u64 = 16 << 30;

/// The futures of a function hold the locals of all its mutants.
const STACK: &str = "33554432";

#[derive(Debug)]
pub(super) struct Lab<'a> {
    mutants: &'a [Mutant],
    texts: &'a BTreeMap<String, String>,
    copy: SourceCopy,
    /// The text of the crate's `lib.rs`.
    root: String,
}

/// A test, and what was seen of it without a mutant.
#[derive(Debug)]
struct Test<'a> {
    program: &'a Program,
    path: String,
    time: Duration,
    /// The numbers of the functions that it reaches.
    reached: BTreeSet<usize>,
}

/// The result of cargo for a copy.
enum Built {
    Programs(Vec<Program>),
    Errors(Vec<CompileError>),
}

#[derive(Debug)]
struct CompileError {
    /// Files and lines, the most precise first.
    places: Vec<(String, usize)>,
    text: String,
}

impl<'a> Lab<'a> {
    pub(super) fn new(mutants: &'a [Mutant], texts: &'a BTreeMap<String, String>) -> Result<Self> {
        let copy = SourceCopy::new("mutants")?;
        copy.write(&BTreeMap::new())?;
        let root = fs::read_to_string(copy.folder.join(root_file())).context("read lib.rs")?;
        Ok(Self {
            mutants,
            texts,
            copy,
            root,
        })
    }

    /// Tries these mutants, and adds each outcome to the record.
    pub(super) fn run(&self, open: Vec<usize>, record: &mut Record) -> Result<()> {
        let (mut together, mut alone): (BTreeSet<_>, BTreeSet<_>) = open
            .into_iter()
            .partition(|index| splice::is_choice(&self.mutants[*index], self.text(*index)));
        let (programs, functions) = self.build_together(&mut together, &mut alone, record)?;
        setrlimit(
            Resource::As,
            Rlimit {
                current: Some(MAX_MEMORY),
                maximum: Some(MAX_MEMORY),
            },
        )
        .context("limit the memory of tests")?;
        let tests = self.observe(&programs)?;
        self.try_all(&together, &functions, &tests, record)?;
        for index in alone {
            let outcome = self.try_alone(index, &tests)?;
            self.note(index, outcome, record)?;
        }
        Ok(())
    }

    fn text(&self, mutant: usize) -> &'a str {
        &self.texts[&self.mutants[mutant].file]
    }

    fn note(&self, mutant: usize, outcome: Outcome, record: &mut Record) -> Result<()> {
        println!("{}: {}", outcome.name(), self.mutants[mutant].name);
        record.add(mutant, outcome)
    }

    /// Builds the tests with all these mutants inside. Those that do not compile are taken out, function by function if need be.
    ///
    /// Also returns the number of each mutant's function.
    fn build_together(
        &self,
        together: &mut BTreeSet<usize>,
        alone: &mut BTreeSet<usize>,
        record: &mut Record,
    ) -> Result<(Vec<Program>, BTreeMap<usize, usize>)> {
        loop {
            let spliced = self.splice(together)?;
            let mut texts = self.texts.clone();
            let files = spliced.iter();
            texts.extend(files.map(|(file, spliced)| (file.clone(), spliced.text.clone())));
            let root = texts
                .entry(root_file())
                .or_insert_with(|| self.root.clone());
            *root += &splice::switch();
            self.copy.change(&texts)?;
            println!("building with {} mutants", together.len());
            let errors = match build(&self.copy)? {
                Built::Programs(programs) => {
                    let functions = spliced.values().flat_map(|spliced| &spliced.functions);
                    let numbers = functions
                        .flat_map(|(_, mutants)| mutants.iter().map(|index| (*index, mutants[0])));
                    return Ok((programs, numbers.collect()));
                }
                Built::Errors(errors) => errors,
            };
            let (mut unviable, mut unclear) = (BTreeSet::new(), BTreeSet::new());
            for error in &errors {
                match find(&error.places, &spliced) {
                    Found::Mutant(index) => {
                        unviable.insert(index);
                    }
                    Found::Function(mutants) => unclear.extend(mutants),
                    Found::Nothing => {}
                }
            }
            if unviable.is_empty() {
                if unclear.is_empty() {
                    let texts: Vec<_> = errors.iter().map(|error| &*error.text).collect();
                    bail!(
                        "the copy with mutants does not compile:\n{}",
                        texts.join("\n")
                    );
                }
                together.retain(|index| !unclear.contains(index));
                alone.append(&mut unclear);
            }
            for index in unviable {
                together.remove(&index);
                self.note(index, Outcome::Unviable, record)?;
            }
        }
    }

    fn splice(&self, together: &BTreeSet<usize>) -> Result<BTreeMap<String, Spliced>> {
        let mut files = BTreeMap::<&String, Vec<(usize, &Mutant)>>::new();
        for index in together {
            let mutant = &self.mutants[*index];
            files
                .entry(&mutant.file)
                .or_default()
                .push((*index, mutant));
        }
        let spliced = files.into_iter().map(|(file, mutants)| {
            Ok((file.clone(), splice::splice(&self.texts[file], &mutants)?))
        });
        spliced.collect()
    }

    /// Runs each test without a mutant. Returns them from the fastest to the slowest.
    fn observe<'p>(&self, programs: &'p [Program]) -> Result<Vec<Test<'p>>> {
        let mut all = Vec::new();
        for program in programs {
            let tests = program.tests()?.into_iter();
            all.extend(tests.map(|path| (program, path)));
        }
        println!("running {} tests without a mutant", all.len());
        let file = |index: usize| self.copy.folder.join(format!("reached-{index}"));
        let (mut tests, mut failing) = (Vec::new(), Vec::new());
        each(
            &all,
            |index, (program, path)| {
                let mut command = program.command(&[path]);
                command.env(REACHED, file(index));
                run_test(command, Duration::from_secs(600))
            },
            |index, ended| {
                let (program, path) = &all[index];
                let Ended { outcome, time } = ended?;
                if outcome != Outcome::Survived {
                    failing.push(format!("{}::{path}", program.name));
                }
                let reached = fs::read_to_string(file(index)).unwrap_or_default();
                let reached = reached
                    .lines()
                    .filter_map(|line| line.parse().ok())
                    .collect();
                let _ = fs::remove_file(file(index));
                tests.push(Test {
                    program,
                    path: path.clone(),
                    time,
                    reached,
                });
                Ok(())
            },
        )?;
        ensure!(
            failing.is_empty(),
            "these tests fail without a mutant: {}",
            failing.join(", ")
        );
        tests.sort_by_key(|test| test.time);
        let time: Duration = tests.iter().map(|test| test.time).sum();
        println!("they take {:.1} s one after the other", time.as_secs_f64());
        Ok(tests)
    }

    /// Tries the mutants that were built together, several at a time.
    fn try_all(
        &self,
        together: &BTreeSet<usize>,
        functions: &BTreeMap<usize, usize>,
        tests: &[Test<'_>],
        record: &mut Record,
    ) -> Result<()> {
        let mutants: Vec<usize> = together.iter().copied().collect();
        each(
            &mutants,
            |_, index| {
                let function = functions.get(index);
                let reaching = tests.iter().filter(|test| {
                    function.is_some_and(|function| test.reached.contains(function))
                });
                first_failure(reaching, |test| {
                    let mut command = test.program.command(&[&test.path]);
                    command.env(VARIABLE, index.to_string());
                    command
                })
            },
            |index, outcome| self.note(mutants[index], outcome?, record),
        )
    }

    /// Builds one mutant and runs every test on it.
    fn try_alone(&self, index: usize, tests: &[Test<'_>]) -> Result<Outcome> {
        let mutant = &self.mutants[index];
        let mut texts = self.texts.clone();
        texts.insert(root_file(), self.root.clone());
        texts.insert(mutant.file.clone(), mutant.apply(self.text(index)));
        self.copy.change(&texts)?;
        let Built::Programs(programs) = build(&self.copy)? else {
            return Ok(Outcome::Unviable);
        };
        let own = |test: &Test<'_>| {
            programs
                .iter()
                .find(|program| program.name == test.program.name)
        };
        first_failure(tests.iter(), |test| {
            let program = own(test).unwrap_or(test.program);
            program.command(&[&test.path])
        })
    }
}

fn root_file() -> String {
    format!("crates/{PACKAGE}/src/lib.rs")
}

/// Where an error is, in spliced files.
enum Found {
    Mutant(usize),
    /// In none of the function's mutants, but because of one.
    Function(Vec<usize>),
    Nothing,
}

fn find(places: &[(String, usize)], spliced: &BTreeMap<String, Spliced>) -> Found {
    let known = || {
        let files = places.iter();
        files.filter_map(|(file, line)| Some((spliced.get(file)?, *line)))
    };
    for (spliced, line) in known() {
        if let Some((index, _)) = spliced
            .lines
            .iter()
            .find(|(_, lines)| lines.contains(&line))
        {
            return Found::Mutant(*index);
        }
    }
    for (spliced, line) in known() {
        let mut functions = spliced.functions.iter();
        if let Some((_, mutants)) = functions.find(|(lines, _)| lines.contains(&line)) {
            return Found::Function(mutants.clone());
        }
    }
    Found::Nothing
}

/// Builds the unit and integration tests of the copy.
fn build(copy: &SourceCopy) -> Result<Built> {
    let mut command = workspace::cargo();
    command
        .args([
            "test",
            "--quiet",
            "--no-run",
            "--package",
            PACKAGE,
            "--lib",
            "--tests",
        ])
        .arg("--message-format=json");
    copy.configure(&mut command)?;
    let output = command.output().context("run cargo")?;
    let (mut programs, mut errors) = (Vec::new(), Vec::new());
    for line in output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let message = serde_json::from_slice(line).context("parse a message of cargo")?;
        programs.extend(Program::from_message(&message));
        errors.extend(compile_error(&message));
    }
    match (output.status.success(), errors.is_empty()) {
        (true, _) => Ok(Built::Programs(programs)),
        (false, false) => Ok(Built::Errors(errors)),
        (false, true) => bail!("cargo failed: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Returns the error that a message of cargo is about, if any.
fn compile_error(message: &Value) -> Option<CompileError> {
    let message = &message["message"];
    if message["level"] != "error" {
        return None;
    }
    let (mut places, mut next) = (Vec::new(), Vec::new());
    for span in message["spans"].as_array()? {
        if span["is_primary"] == true {
            next.push(span);
        }
    }
    while let Some(span) = next.pop() {
        if let (Some(file), Some(line)) = (span["file_name"].as_str(), span["line_start"].as_u64())
        {
            places.push((file.to_owned(), usize::try_from(line).ok()?));
        }
        // The place where a macro is used.
        let outer = &span["expansion"]["span"];
        if outer.is_object() {
            next.push(outer);
        }
    }
    let text = message["rendered"].as_str().unwrap_or_default().to_owned();
    (!places.is_empty()).then_some(CompileError { places, text })
}

/// Runs tests until one fails, each with the command that `command` gives.
fn first_failure<'a, 'p: 'a>(
    tests: impl Iterator<Item = &'a Test<'p>>,
    command: impl Fn(&Test<'p>) -> Command,
) -> Result<Outcome> {
    for test in tests {
        let timeout = MIN_TIMEOUT.max(TIMEOUT_FACTOR * test.time);
        let outcome = run_test(command(test), timeout)?.outcome;
        if outcome != Outcome::Survived {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Survived)
}

/// How a test ended.
#[derive(Debug)]
struct Ended {
    outcome: Outcome,
    time: Duration,
}

fn run_test(mut command: Command, timeout: Duration) -> Result<Ended> {
    let start = Instant::now();
    let mut process = command
        .env("RUST_MIN_STACK", STACK)
        .spawn()
        .context("run a test")?;
    loop {
        let status = process.try_wait().context("wait for a test")?;
        let time = start.elapsed();
        if let Some(status) = status {
            let outcome = if status.success() {
                Outcome::Survived
            } else {
                Outcome::Caught
            };
            return Ok(Ended { outcome, time });
        }
        if time > timeout {
            process.kill().context("end a test")?;
            process.wait().context("end a test")?;
            return Ok(Ended {
                outcome: Outcome::TimedOut,
                time,
            });
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Does some work for each item, with a thread for each core, and hands each result over as soon as it is there.
fn each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
    mut result: impl FnMut(usize, R) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((index, item)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).map(|item| (index, item))
                } {
                    if sender.send((index, work(index, item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        results
            .into_iter()
            .try_for_each(|(index, one)| result(index, one))
    })
}
