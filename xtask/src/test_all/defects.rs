//! Proves that the tests notice known defects: puts each into a copy of the sources and requires its tests to fail.

mod data;
mod splice;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
};

use anyhow::{Context, Result, ensure};

use self::data::{Defect, FOLDER};
use super::{Outcome, Surroundings, cargo, conclude, output::Counts};
use crate::{
    instrumented::{Program, SourceCopy},
    workspace,
};

/// The variable that holds the number of the defect that a test program is to show.
const VARIABLE: &str = "FAROE_DEFECT";

/// Builds the tests of the copy once and runs them with one defect after the other.
pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    let root = workspace::root();
    let defects = data::read(&root.join(FOLDER))?;
    data::check_table(&defects, &root.join(FOLDER).join("README.md"))?;
    let copy = SourceCopy::new("defects")?;
    copy.write(&splice::texts(root, &defects)?)?;
    let programs = build(surroundings, &copy, &defects)?;
    for program in &programs {
        check_without_defect(program, &defects)?;
    }
    let mut findings = Vec::new();
    for defect in &defects {
        let unnoticed = unnoticed(defect, &programs)?;
        let missed = unnoticed.len().min(1) as u64;
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

/// Builds the test programs that the defects name.
fn build(
    surroundings: &Surroundings<'_>,
    copy: &SourceCopy,
    defects: &[Defect],
) -> Result<Vec<Program>> {
    let tests = defects.iter().flat_map(|defect| &defect.tests);
    let names: BTreeSet<&str> = tests.map(|test| test.program.as_str()).collect();
    // The whole workspace, so that the features of dependencies are those that they were built with before.
    let mut arguments = vec!["test", "--no-run", "--workspace"];
    arguments.extend(names.iter().flat_map(|name| ["--test", name]));
    arguments.push("--message-format=json-render-diagnostics");
    let words = cargo(&arguments);
    let (messages, output) = std::io::pipe().context("create a pipe")?;
    let mut configured = Ok(());
    let process = surroundings.start(&words, |command| {
        configured = copy.configure(command.stdout(output));
    })?;
    configured?;
    let mut programs = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message = message.context("read the messages of cargo")?;
        let message = serde_json::from_str(&message).context("parse a message of cargo")?;
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

/// Checks that the program has all tests that the defects name of it, and that they pass without a defect.
fn check_without_defect(program: &Program, defects: &[Defect]) -> Result<()> {
    let existing = program.tests()?;
    let mut own = BTreeSet::new();
    for defect in defects {
        for test in &defect.tests {
            if test.program == program.name {
                ensure!(
                    existing.contains(&test.path),
                    "{}: there is no test {test}",
                    data::file(defect.number)
                );
                own.insert(test.path.as_str());
            }
        }
    }
    let own: Vec<_> = own.into_iter().collect();
    ensure!(
        passes(program, &own, None)?,
        "tests of {} fail without a defect in the code; see the step `test`",
        program.name
    );
    Ok(())
}

/// Returns the tests of this defect that pass although it is there, each with its file.
fn unnoticed(defect: &Defect, programs: &[Program]) -> Result<Vec<String>> {
    let mut unnoticed = Vec::new();
    for test in &defect.tests {
        let program = programs.iter().find(|program| program.name == test.program);
        let program = program.with_context(|| format!("there is no test program of {test}"))?;
        if passes(program, &[&test.path], Some(defect.number))? {
            unnoticed.push(format!("{}: {test}", data::file(defect.number)));
        }
    }
    Ok(unnoticed)
}

/// Runs these tests and returns whether all of them pass.
fn passes(program: &Program, tests: &[&str], defect: Option<u32>) -> Result<bool> {
    let mut command = program.command(tests);
    command.env_remove(VARIABLE);
    if let Some(number) = defect {
        command.env(VARIABLE, number.to_string());
    }
    let status = command.status();
    let status = status.with_context(|| format!("run the test program {}", program.name))?;
    Ok(status.success())
}
