//! The programs of the workspace, built once for all steps.
//!
//! Cargo builds a dependency again for every set of features that the packages of one command agree on, which differs from
//! step to step. So one command builds everything, and each test program runs as cargo would run it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Outcome, Surroundings, cargo, conclude};
use crate::workspace;

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestProgram {
    /// The folder of its package, from the root.
    pub(super) package: String,
    /// The name of the library, program or test.
    pub(super) target: String,
    pub(super) executable: PathBuf,
}

/// All test programs, which the first step that needs them builds.
#[derive(Debug, Default)]
pub(super) struct Programs {
    building: Mutex<()>,
    built: OnceLock<Vec<TestProgram>>,
}

impl Programs {
    /// Returns the test programs, after building them with all other programs of the workspace.
    pub(super) fn get_or_build(&self, surroundings: &Surroundings<'_>) -> Result<&[TestProgram]> {
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = self.built.get() {
            return Ok(built);
        }
        let built = build(surroundings, &["build", "--workspace", "--all-targets"])?;
        Ok(self.built.get_or_init(|| built))
    }
}

/// Runs cargo with these arguments, and returns the test programs that it builds.
fn build(surroundings: &Surroundings<'_>, arguments: &[&str]) -> Result<Vec<TestProgram>> {
    let format = "--message-format=json-render-diagnostics";
    let words = cargo(&[arguments, &[format]].concat());
    let (messages, output) = std::io::pipe().context("create a pipe")?;
    let process = surroundings.start(&words, |command| {
        command.stdout(output);
    })?;
    let mut programs = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message = message.context("read the messages of cargo")?;
        let message = serde_json::from_str(&message).context("parse a message of cargo")?;
        programs.extend(test_program(&message));
    }
    conclude(&words, process)?;
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// Returns the test program that a message of cargo is about, if any.
fn test_program(message: &Value) -> Option<TestProgram> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let package = folder.strip_prefix(workspace::root()).ok()?;
    Some(TestProgram {
        package: package.to_str()?.to_owned(),
        target: message["target"]["name"].as_str()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
    })
}

/// Runs test programs one after the other, each also after the failure of another.
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
        let folder = workspace::root().join(package);
        let ended = surroundings.counted_process(&words, outcome, |command| {
            command
                .current_dir(&folder)
                .env("CARGO_MANIFEST_DIR", &folder)
                .envs(environment.iter().copied());
        });
        if ended.is_err() {
            failed.push(format!("{package}: {target}"));
        }
    }
    if !failed.is_empty() {
        bail!("failed tests: {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_program_is_known_by_its_profile() {
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
        let program = test_program(&message(true)).unwrap();
        assert_eq!((&*program.package, &*program.target), ("xtask", "xtask"));
        assert_eq!(test_program(&message(false)), None);
        let other = json!({ "reason": "build-finished", "success": true });
        assert_eq!(test_program(&other), None);
    }
}
