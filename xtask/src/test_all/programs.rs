//! The programs of the workspace, built once for all steps.
//!
//! Cargo builds a dependency again for every set of features that the packages of one command agree on, and there would
//! be a set for nearly every step. So one command builds everything, and each test program is run as cargo would.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Outcome, Surroundings, cargo, conclude};
use crate::workspace::Packages;

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestProgram {
    pub(super) package: String,
    /// The name of the library, program or test that it tests.
    pub(super) target: String,
    pub(super) executable: PathBuf,
    /// The package's folder.
    folder: PathBuf,
}

/// Builds all programs of the workspace, and returns those that test.
pub(super) fn build_all(surroundings: &Surroundings<'_>) -> Result<Vec<TestProgram>> {
    build(
        surroundings,
        &["build", "--workspace", "--all-targets"],
        |_| {},
    )
}

/// Has cargo build what these arguments say, and returns the programs that test.
pub(super) fn build(
    surroundings: &Surroundings<'_>,
    arguments: &[&str],
    configure: impl FnOnce(&mut Command),
) -> Result<Vec<TestProgram>> {
    let format = "--message-format=json-render-diagnostics";
    let words = cargo(&[arguments, &[format]].concat());
    let (messages, output) = std::io::pipe().context("could not make a pipe")?;
    let process = surroundings.start(&words, |command| {
        configure(command.stdout(output));
    })?;
    let mut programs = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message = message.context("could not read what cargo says")?;
        let message = serde_json::from_str(&message).context("cargo said what is no JSON")?;
        programs.extend(test_program(&message, &surroundings.packages));
    }
    conclude(&words, process)?;
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// The test program that a message of cargo tells of, if it does.
fn test_program(message: &Value, packages: &Packages) -> Option<TestProgram> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(TestProgram {
        package: packages.name(manifest)?.to_owned(),
        target: message["target"]["name"].as_str()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
        folder: manifest.parent()?.to_path_buf(),
    })
}

/// Runs test programs one after the other, all of them whatever fails.
pub(super) fn run<'a>(
    surroundings: &Surroundings<'_>,
    programs: impl IntoIterator<Item = &'a TestProgram>,
    arguments: &[&str],
    environment: &[(&str, &str)],
    outcome: &mut Outcome,
) -> Result<()> {
    let mut failed = Vec::new();
    for program in programs {
        let TestProgram {
            package, target, ..
        } = program;
        let words: Vec<String> = std::iter::once(program.executable.display().to_string())
            .chain(arguments.iter().map(|&argument| argument.to_owned()))
            .collect();
        println!("{package}: {target}");
        let ended = surroundings.counted_process(&words, outcome, |command| {
            command
                .current_dir(&program.folder)
                .env("CARGO_MANIFEST_DIR", &program.folder)
                .envs(environment.iter().copied());
        });
        if ended.is_err() {
            failed.push(format!("{package}: {target}"));
        }
    }
    if !failed.is_empty() {
        bail!("these have failed: {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workspace;

    #[test]
    fn only_what_was_built_to_test_is_a_test_program() {
        let packages = Packages::read().unwrap();
        let manifest = workspace::root().join("xtask/Cargo.toml");
        let message = |test: bool| {
            json!({
                "reason": "compiler-artifact",
                "manifest_path": manifest,
                "target": { "name": "xtask" },
                "profile": { "test": test },
                "executable": "/target/debug/deps/xtask-0123",
            })
        };
        let program = test_program(&message(true), &packages).unwrap();
        assert_eq!((&*program.package, &*program.target), ("xtask", "xtask"));
        assert_eq!(program.folder, workspace::root().join("xtask"));
        assert_eq!(test_program(&message(false), &packages), None);
        let other = json!({ "reason": "build-finished", "success": true });
        assert_eq!(test_program(&other, &packages), None);
    }
}
