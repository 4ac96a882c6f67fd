//! Tests in JavaScript, run by Node's own test runner.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{Outcome, Surroundings, version};
use crate::{
    services::install,
    workspace::{self, find_program},
};

/// The oldest major version of Node with the test runner that the tests use.
const OLDEST_NODE: u32 = 18;

/// The package of a program, and the environment variable that tells tests its path.
pub(super) type Program = (&'static str, &'static str);

/// Builds the programs, installs the packages of the folder's `package-lock.json`, and runs the tests of the folder.
pub(super) fn test(
    surroundings: &Surroundings<'_>,
    outcome: &mut Outcome,
    folder: &str,
    programs: &[Program],
    environment: &[(&str, PathBuf)],
) -> Result<()> {
    provide(surroundings, outcome)?;
    surroundings.programs()?;
    let built = workspace::target_directory()?.join("debug");
    let prefixed = ["ci", "--prefix", folder, "--no-audit", "--no-fund"];
    surroundings.process(&npm(&prefixed), |_| {})?;
    let ended = surroundings.counted_process(&npm(&["test"]), outcome, |command| {
        command
            .current_dir(workspace::root().join(folder))
            .envs(
                programs
                    .iter()
                    .map(|(package, variable)| (variable, built.join(package))),
            )
            .envs(
                environment
                    .iter()
                    .map(|(variable, value)| (variable, value)),
            );
    });
    surroundings.require_tests(outcome)?;
    ended
}

fn provide(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    install::provide(
        || find_program("node", &[]).and(find_program("npm", &[])),
        &["nodejs", "npm"],
        !surroundings.options.no_install,
        "Node and npm are missing; run `sudo apt-get install nodejs npm`, or see https://nodejs.org",
    )?;
    let node = version("node", &["--version"])?;
    let major: Option<u32> = node
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    outcome.against.push(format!("Node {node}"));
    ensure!(
        major.is_some_and(|major| major >= OLDEST_NODE),
        "Node {node} is too old; install Node {OLDEST_NODE} or newer from https://nodejs.org",
    );
    Ok(())
}

fn npm(arguments: &[&str]) -> Vec<String> {
    std::iter::once("npm")
        .chain(arguments.iter().copied())
        .map(str::to_owned)
        .collect()
}
