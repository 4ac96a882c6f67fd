//! The user server in Python, against the contract of a user store.

use anyhow::{Result, ensure};

use super::{Outcome, Surroundings, programs, version};
use crate::{services::install, workspace::find_program};

pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    install::provide(
        || find_program("python3", &[]),
        &["python3"],
        !surroundings.options.no_install,
        "Python is missing; run `sudo apt-get install python3`, or see https://www.python.org",
    )?;
    outcome.against.push(version("python3", &["--version"])?);
    let programs = surroundings.programs()?.iter();
    let programs = programs.filter(|program| program.target == "user_servers");
    let ended = programs::run(surroundings, programs, &["python"], &[], outcome);
    surroundings.require_tests(outcome)?;
    let ignored = outcome.counts.map_or(0, |counts| counts.ignored);
    ensure!(
        ignored == 0,
        "{ignored} tests were ignored although Python is installed"
    );
    ended
}
