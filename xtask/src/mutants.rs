//! `cargo xtask mutants`: measures how many changes of the code the tests of faroe-core notice.
//!
//! cargo-mutants finds the changes, called mutants. Nearly all of them are compiled together: a function becomes a choice, at run
//! time, between its body and its mutants. Each test runs once without a mutant, which tells how long it takes and which functions
//! it reaches. A mutant then meets the tests that reach its function, the fastest first, until one fails.

mod equivalents;
mod lab;
mod list;
mod record;
mod splice;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use self::{
    equivalents::Equivalents,
    lab::Lab,
    list::Mutant,
    record::{Outcome, Record},
};

/// The arguments of `cargo xtask mutants`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only the mutants of this file, such as `src/record.rs`.
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Only the mutants of lines that have changed since this revision.
    #[arg(long, value_name = "REVISION", conflicts_with = "file")]
    diff: Option<String>,
    /// Forget the outcomes of earlier runs.
    #[arg(long)]
    again: bool,
    /// Do not install cargo-mutants if it is missing.
    #[arg(long)]
    no_install: bool,
}

/// Tries every chosen mutant that no earlier run has seen caught, and prints the score of all chosen ones.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mutants = list::list(options)?;
    let texts = list::texts(&mutants)?;
    let equivalents = Equivalents::read(&mutants, &texts)?;
    let mut record = Record::open(&mutants, &texts, options.again)?;
    let open = record.open_mutants();
    println!(
        "{} mutants, of which {} are open",
        mutants.len(),
        open.len()
    );
    if !open.is_empty() {
        Lab::new(&mutants, &texts)?.run(open, &mut record)?;
    }
    let is_whole = options.file.is_none() && options.diff.is_none();
    Ok(report(&mutants, &record, &equivalents, is_whole))
}

/// Prints the survivors and the score. A survivor that is not listed is a failure, and so is a list that is not right.
fn report(
    mutants: &[Mutant],
    record: &Record,
    equivalents: &Equivalents,
    is_whole: bool,
) -> ExitCode {
    let (mut caught, mut viable, mut equivalent) = (0, 0, 0);
    let mut findings = Vec::new();
    for (index, mutant) in mutants.iter().enumerate() {
        let is_listed = equivalents.contains(index);
        match record.outcome(index) {
            Outcome::Caught | Outcome::TimedOut => {
                (caught, viable) = (caught + 1, viable + 1);
                if is_listed {
                    findings.push(format!("listed as equivalent, but caught: {}", mutant.name));
                }
            }
            Outcome::Survived => {
                viable += 1;
                if is_listed {
                    equivalent += 1;
                } else {
                    findings.push(format!("survived: {}", mutant.name));
                }
            }
            Outcome::Unviable => {}
        }
    }
    if is_whole {
        findings.extend(equivalents.stale());
        if equivalent * 100 > viable * 3 {
            findings.push("more than 3 % of the mutants are listed as equivalent".to_owned());
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    println!(
        "{caught} of {viable} mutants caught ({:.1} %), {equivalent} equivalent, {} not compilable",
        100.0 * f64::from(caught) / f64::from(viable.max(1)),
        mutants.len() - viable as usize,
    );
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
