//! The outcomes of this and earlier runs, so that an interrupted run can go on.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
};

use anyhow::{Context, Result};

use super::list::Mutant;
use crate::workspace;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A test fails.
    Caught,
    /// A test takes many times as long, which a person would notice.
    TimedOut,
    /// Every test passes, or none was run yet.
    Survived,
    /// It does not compile.
    Unviable,
}

const NAMES: [(Outcome, &str); 4] = [
    (Outcome::Caught, "caught"),
    (Outcome::TimedOut, "timed out"),
    (Outcome::Survived, "survived"),
    (Outcome::Unviable, "not compilable"),
];

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        let name = NAMES.iter().find(|(outcome, _)| *outcome == self);
        name.map_or("", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<Self> {
        let outcome = NAMES.iter().find(|(_, other)| *other == name);
        outcome.map(|(outcome, _)| *outcome)
    }
}

/// A line for each mutant that was tried: its outcome, a tab, and its identity. The last line counts.
#[derive(Debug)]
pub(super) struct Record {
    file: File,
    /// The identity of each mutant of this run.
    identities: Vec<String>,
    outcomes: BTreeMap<String, Outcome>,
}

impl Record {
    pub(super) fn open(
        mutants: &[Mutant],
        texts: &BTreeMap<String, String>,
        anew: bool,
    ) -> Result<Self> {
        let path = workspace::target_directory()?.join("mutants.txt");
        let before = if anew {
            String::new()
        } else {
            fs::read_to_string(&path).unwrap_or_default()
        };
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(!anew)
            .write(true)
            .truncate(anew);
        let file = options.open(&path);
        let identity = |mutant: &Mutant| mutant.identity(&texts[&mutant.file]);
        Ok(Self {
            file: file.with_context(|| format!("open {}", path.display()))?,
            identities: mutants.iter().map(identity).collect(),
            outcomes: before.lines().filter_map(parse).collect(),
        })
    }

    /// Returns the mutants that may have become noticeable: all that were not tried yet, and those that survived.
    pub(super) fn open_mutants(&self) -> Vec<usize> {
        let all = 0..self.identities.len();
        all.filter(|index| self.outcome(*index) == Outcome::Survived)
            .collect()
    }

    pub(super) fn outcome(&self, mutant: usize) -> Outcome {
        let outcome = self.outcomes.get(&self.identities[mutant]);
        outcome.copied().unwrap_or(Outcome::Survived)
    }

    pub(super) fn add(&mut self, mutant: usize, outcome: Outcome) -> Result<()> {
        let identity = &self.identities[mutant];
        writeln!(self.file, "{}\t{identity}", outcome.name()).context("write the outcomes")?;
        self.outcomes.insert(identity.clone(), outcome);
        Ok(())
    }
}

fn parse(line: &str) -> Option<(String, Outcome)> {
    let (outcome, identity) = line.split_once('\t')?;
    Some((identity.to_owned(), Outcome::from_name(outcome)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_they_are_written() {
        for (outcome, name) in NAMES {
            let line = format!("{}\tsrc/lib.rs: replace a with b #0123", outcome.name());
            let identity = "src/lib.rs: replace a with b #0123".to_owned();
            assert_eq!(parse(&line), Some((identity, outcome)), "{name}");
        }
        assert_eq!(parse("caught"), None);
    }
}
