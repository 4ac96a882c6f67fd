//! The published JavaScript client against the real server.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Outcome, Surroundings, cargo, version};
use crate::{
    services::install,
    workspace::{self, find_program},
};

/// The oldest major version of Node with the test runner that the tests use.
const OLDEST_NODE: u32 = 18;

pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    provide_node(surroundings.options.no_install)?;
    let node = version("node", &["--version"])?;
    let major: Option<u32> = node
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    outcome.against.push(format!("Node {node}"));
    ensure!(
        major.is_some_and(|major| major >= OLDEST_NODE),
        "Node {node} is too old: install Node {OLDEST_NODE} or newer from https://nodejs.org",
    );
    surroundings.process(&cargo(&["build", "--package", "faroe-server"]), |_| {})?;
    let server = workspace::target_directory()?.join("debug/faroe-server");
    let in_folder = |command: &mut Command| {
        command
            .current_dir(workspace::root().join("tests/javascript"))
            .env("FAROE_SERVER_BINARY", server);
    };
    surroundings.process(
        &npm(&[
            "ci",
            "--prefix",
            "tests/javascript",
            "--no-audit",
            "--no-fund",
        ]),
        |_| {},
    )?;
    let ended = surroundings.counted_process(&npm(&["test"]), outcome, in_folder);
    surroundings.require_tests(outcome)?;
    ended
}

fn provide_node(no_install: bool) -> Result<()> {
    const MEND: &str = "Node and npm are not there: run `sudo apt-get install nodejs npm`, or see https://nodejs.org";
    if ["node", "npm"]
        .iter()
        .all(|program| find_program(program, &[]).is_some())
    {
        return Ok(());
    }
    ensure!(!no_install, MEND);
    install::packages(&["nodejs", "npm"]).context(MEND)
}

fn npm(arguments: &[&str]) -> Vec<String> {
    std::iter::once("npm")
        .chain(arguments.iter().copied())
        .map(str::to_owned)
        .collect()
}
