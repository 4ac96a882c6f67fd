//! The repository's rules that no compiler, lint or other tool checks.

mod dependencies;
mod documents;
mod manifests;
mod sources;
mod tree;

use std::{fmt, process::ExitCode};

use anyhow::{Result, bail};

use self::tree::Tree;
use crate::workspace::{self, Packages};

/// A broken rule, and how to fix it.
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
    documents::readmes_are_front_pages,
    manifests::inherit_from_the_workspace,
    manifests::dependencies_have_reasons,
    sources::files_are_short,
    sources::doors_are_used,
    sources::documentation_names_its_subject,
];

/// Prints every finding.
pub(crate) fn run() -> Result<ExitCode> {
    check(&Packages::read()?)?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints every finding, and fails if there is one.
pub(crate) fn check(packages: &Packages) -> Result<()> {
    let tree = Tree::read(workspace::root())?;
    let mut findings: Vec<_> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.extend(dependencies::point_one_way(packages));
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
