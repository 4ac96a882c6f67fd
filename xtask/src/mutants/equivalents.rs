//! The mutants that no test can notice, each with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::list::Mutant;
use crate::workspace;

const FILE: &str = "tests/mutants/equivalent.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    mutants: Vec<Equivalent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    /// The name of the mutant without line and column.
    name: String,
    /// The line of code that it begins in, if the function has several of this name.
    line: Option<String>,
    /// For people.
    #[serde(rename = "reason")]
    _reason: String,
}

/// The listed mutants.
#[derive(Debug)]
pub(super) struct Equivalents {
    indices: BTreeSet<usize>,
    stale: Vec<String>,
}

impl Equivalents {
    /// Reads the list and finds its mutants.
    pub(super) fn read(mutants: &[Mutant], texts: &BTreeMap<String, String>) -> Result<Self> {
        let text = fs::read_to_string(workspace::root().join(FILE));
        let text = text.with_context(|| format!("read {FILE}"))?;
        Self::find(&text, mutants, texts).with_context(|| format!("read {FILE}"))
    }

    fn find(list: &str, mutants: &[Mutant], texts: &BTreeMap<String, String>) -> Result<Self> {
        let list: List = toml::from_str(list)?;
        let (mut indices, mut stale) = (BTreeSet::new(), Vec::new());
        for Equivalent { name, line, .. } in list.mutants {
            let is_it = |mutant: &Mutant| {
                let is_line = |line: &String| mutant.line(&texts[&mutant.file]) == line;
                mutant.short_name() == name && line.as_ref().is_none_or(is_line)
            };
            let numbered = mutants.iter().enumerate();
            let found: Vec<_> = numbered.filter(|(_, mutant)| is_it(mutant)).collect();
            if found.is_empty() {
                stale.push(format!(
                    "listed as equivalent, but there is no such mutant: {name}"
                ));
            }
            indices.extend(found.iter().map(|(index, _)| *index));
        }
        Ok(Self { indices, stale })
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        self.indices.contains(&index)
    }

    /// Returns a finding for each entry of the list that is none of the mutants.
    pub(super) fn stale(&self) -> impl Iterator<Item = String> {
        self.stale.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::list::tests::{TEXT, mutants};

    #[test]
    fn listed_mutants_are_found_by_name_and_line() {
        let texts = BTreeMap::from([("src/lib.rs".to_owned(), TEXT.to_owned())]);
        let list = r#"
            [[mutants]]
            name = "src/lib.rs: replace < with <= in is_small"
            line = "number < 9"
            reason = "Nothing has this size."

            [[mutants]]
            name = "src/lib.rs: replace * with + in double"
            line = "number * 3"
            reason = "Gone."
        "#;
        let equivalents = Equivalents::find(list, &mutants(), &texts).unwrap();
        let indices = [0, 1, 2].map(|index| equivalents.contains(index));
        assert_eq!(indices, [false, false, true]);
        assert_eq!(
            equivalents.stale().collect::<Vec<_>>(),
            [
                "listed as equivalent, but there is no such mutant: src/lib.rs: replace * with + in double"
            ]
        );
    }
}
