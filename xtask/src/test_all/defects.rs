//! Proves that the tests notice known defects: puts each into a copy of the sources and requires its tests to fail.

mod data;
mod instrumented;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::data::{Defect, FOLDER, TestName};
use super::{Outcome, Surroundings, cargo, conclude, output::Counts};
use crate::workspace;

/// The variable that holds the number of the defect that a test program is to show.
const VARIABLE: &str = "FAROE_DEFECT";

/// Builds the tests of the instrumented copy once and runs them with one defect after the other.
pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    let defects = data::read(&workspace::root().join(FOLDER))?;
    data::check_table(&defects, &workspace::root().join(FOLDER).join("README.md"))?;
    let copy = workspace::target_directory()?.join("defects");
    instrumented::write(workspace::root(), &copy, &defects)?;
    let programs = build(surroundings, &copy, &defects)?;
    for program in &programs {
        program.check_without_defect(&defects)?;
    }
    let mut findings = Vec::new();
    for defect in &defects {
        let unnoticed = unnoticed(defect, &programs)?;
        let missed = usize::from(!unnoticed.is_empty()) as u64;
        outcome.count(Counts {
            passed: 1 - missed,
            failed: missed,
            ignored: 0,
        });
        findings.extend(unnoticed);
    }
    ensure!(
        findings.is_empty(),
        "tests pass with their defect in the code:\n{}",
        findings.join("\n")
    );
    let covered = format!("{} defects put in, each caught by its tests", defects.len());
    surroundings.reports.report("P59", &covered)
}

/// The tests of this defect that pass although it is there, each with its number.
fn unnoticed(defect: &Defect, programs: &[Program]) -> Result<Vec<String>> {
    let mut unnoticed = Vec::new();
    for test in &defect.tests {
        let program = programs.iter().find(|program| program.name == test.program);
        let program = program.with_context(|| format!("there is no test program of {test}"))?;
        if program.passes(&[&test.path], Some(defect.number))? {
            unnoticed.push(format!("{}: {test}", data::file(defect.number)));
        }
    }
    println!(
        "defect {}: {} of {} tests fail",
        defect.number,
        defect.tests.len() - unnoticed.len(),
        defect.tests.len()
    );
    Ok(unnoticed)
}

/// Builds the test programs that the defects name.
///
/// They share `target` with everything else, so that dependencies are those that other steps have built. The wrapper gives the
/// crates of the copy file names of their own there.
fn build(surroundings: &Surroundings<'_>, copy: &Path, defects: &[Defect]) -> Result<Vec<Program>> {
    let tests = defects.iter().flat_map(|defect| &defect.tests);
    let names: BTreeSet<&str> = tests.map(|test| test.program.as_str()).collect();
    // The whole workspace, so that the features of dependencies are those that they were built with before.
    let mut arguments = vec!["test", "--no-run", "--workspace"];
    arguments.extend(names.iter().flat_map(|name| ["--test", name]));
    arguments.push("--message-format=json-render-diagnostics");
    let words = cargo(&arguments);
    let (messages, output) = std::io::pipe().context("could not make a pipe")?;
    let target = workspace::target_directory()?;
    let process = surroundings.start(&words, |command| {
        let wrapper = workspace::root().join("xtask/with-defects.sh");
        // Another wrapper, such as a cache of compilations, would have to know ours.
        command
            .current_dir(copy)
            .envs([
                ("CARGO_TARGET_DIR", target),
                ("RUSTC_WRAPPER", PathBuf::new()),
                ("RUSTC_WORKSPACE_WRAPPER", wrapper),
            ])
            .stdout(output);
    })?;
    let mut programs = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message = message.context("could not read what cargo says")?;
        let message = serde_json::from_str(&message).context("cargo said what is no JSON")?;
        programs.extend(Program::from_message(&message));
    }
    conclude(&words, process)?;
    for name in names {
        let count = programs
            .iter()
            .filter(|program| program.name == name)
            .count();
        ensure!(
            count == 1,
            "{count} test programs are named {name}; one is needed"
        );
    }
    Ok(programs)
}

/// A test program of the instrumented copy.
#[derive(Debug)]
struct Program {
    name: String,
    executable: PathBuf,
    /// The folder of its package.
    folder: PathBuf,
}

impl Program {
    /// The test program that a message of cargo is about.
    fn from_message(message: &Value) -> Option<Self> {
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            return None;
        }
        Some(Self {
            name: message["target"]["name"].as_str()?.to_owned(),
            executable: message["executable"].as_str()?.into(),
            folder: Path::new(message["manifest_path"].as_str()?)
                .parent()?
                .to_path_buf(),
        })
    }

    /// Checks that the program has all tests that the defects name of it, and that they pass without a defect.
    fn check_without_defect(&self, defects: &[Defect]) -> Result<()> {
        let output = Command::new(&self.executable).arg("--list").output();
        let output = output.with_context(|| format!("run {}", self.executable.display()))?;
        let list = String::from_utf8_lossy(&output.stdout);
        let existing: BTreeSet<&str> = list
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .collect();
        let mut own = BTreeSet::new();
        for defect in defects {
            for TestName { program, path } in &defect.tests {
                if *program == self.name {
                    ensure!(
                        existing.contains(path.as_str()),
                        "{}: there is no test {program}::{path}",
                        data::file(defect.number)
                    );
                    own.insert(path.as_str());
                }
            }
        }
        let own: Vec<_> = own.into_iter().collect();
        ensure!(
            self.passes(&own, None)?,
            "tests of {} fail without a defect in the code; see the step `test`",
            self.name
        );
        Ok(())
    }

    /// Runs these tests and returns whether all of them pass.
    fn passes(&self, tests: &[&str], defect: Option<u32>) -> Result<bool> {
        let mut command = Command::new(&self.executable);
        command
            .args(tests)
            .arg("--exact")
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .env_remove(VARIABLE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(number) = defect {
            command.env(VARIABLE, number.to_string());
        }
        let status = command.status();
        let status = status.with_context(|| format!("run {}", self.executable.display()))?;
        Ok(status.success())
    }
}
