//! The rules of the repository that a program can check. ARCHITECTURE.md and CONTRIBUTING.md say why they are rules.

mod crates;
mod dependencies;
mod documents;
mod policy;
mod sources;
mod tree;

use std::{fmt, process::ExitCode};

use anyhow::{Result, bail};

use self::tree::Tree;
use crate::workspace::{self, Packages};

/// Something that breaks a rule, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    documents::named_paths_exist,
    crates::readme_is_the_front_page,
    crates::manifests_inherit,
    dependencies::have_a_reason,
    dependencies::point_one_way,
    policy::dependencies_are_allowed,
    sources::modules_are_named,
    sources::files_are_small,
    sources::time_and_entropy_have_doors,
    sources::nothing_else_is_unsafe,
    sources::core_logs_in_one_place,
    sources::core_maps_faults_in_one_place,
    sources::nothing_is_left_to_do,
    sources::lints_are_not_allowed_away,
];

/// Prints every finding.
pub(crate) fn run() -> Result<ExitCode> {
    check()?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints every finding, and fails if there is one.
pub(crate) fn check() -> Result<()> {
    let tree = Tree::read(workspace::root())?;
    let mut findings: Vec<_> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.extend(policy::licenses_are_allowed(&tree, &Packages::read()?));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("there is 1 finding"),
        count => bail!("there are {count} findings"),
    }
}
