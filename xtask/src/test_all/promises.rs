//! The promises of SECURITY.md, and the reports of the tests that prove them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::workspace;

/// The environment variable with the file to which a test that has proved a promise appends a line.
const VARIABLE: &str = "FAROE_TEST_PROMISES";

/// The file in which tests report promises, while they run.
#[derive(Debug)]
pub(super) struct Reports {
    file: PathBuf,
}

impl Reports {
    pub(super) fn new() -> Result<Self> {
        let name = format!("promises-{}", process::id());
        let file = workspace::target_directory()?.join(name);
        fs::write(&file, "").with_context(|| format!("create {}", file.display()))?;
        Ok(Self { file })
    }

    /// Returns the environment variable for tests.
    pub(super) fn environment(&self) -> (&'static str, &Path) {
        (VARIABLE, &self.file)
    }

    /// Reports a promise that no test program can prove by itself.
    pub(super) fn report(&self, id: &str, covered: &str) -> Result<()> {
        let mut file = File::options().append(true).open(&self.file)?;
        let report = format!("promise {id}: {covered}\n");
        file.write_all(report.as_bytes()).context("write a report")
    }

    /// Returns the result of each promise, or if not all tests were run, of each that they reported.
    pub(super) fn read(&self, all: bool) -> Result<Vec<Promise>> {
        let document = workspace::root().join("SECURITY.md");
        Ok(promises(&read(&document)?, &read(&self.file)?, all))
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        // An error means that somebody has removed the file.
        let _ = fs::remove_file(&self.file);
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// One promise in the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) id: String,
    pub(super) result: PromiseResult,
    /// The cases that its tests have covered.
    pub(super) covered: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PromiseResult {
    /// At least one test has reported it. A test that fails does not.
    Passed,
    /// Every test was run, and none has reported it.
    Failed,
    /// A test has reported it, but it is not in SECURITY.md.
    NotPromised,
}

impl PromiseResult {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotPromised => "not in SECURITY.md",
        }
    }

    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::NotPromised)
    }
}

fn promises(document: &str, reports: &str, all: bool) -> Vec<Promise> {
    let promised: BTreeSet<&str> = document.lines().filter_map(promised).collect();
    let mut covered = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (id, what) in reports.lines().filter_map(reported) {
        covered.entry(id).or_default().insert(what);
    }
    let mut ids: BTreeSet<&str> = covered.keys().copied().collect();
    if all {
        ids.extend(&promised);
    }
    let promise = |id: &str| {
        let result = match (promised.contains(id), covered.contains_key(id)) {
            (true, true) => PromiseResult::Passed,
            (true, false) => PromiseResult::Failed,
            (false, _) => PromiseResult::NotPromised,
        };
        let covered = covered.get(id).into_iter().flatten().copied();
        Promise {
            id: id.to_owned(),
            result,
            covered: covered.collect::<Vec<_>>().join("; "),
        }
    };
    ids.into_iter().map(promise).collect()
}

/// Returns the ID in a row of the table of promises: `| P24 | … |`.
fn promised(line: &str) -> Option<&str> {
    let cell = line.strip_prefix('|')?.split('|').next()?.trim();
    is_id(cell).then_some(cell)
}

/// Returns the ID and the rest of a report: `promise P24: 91 cells, 0 violations`.
fn reported(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("promise ")?.split_once(": ")
}

fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix('P').unwrap_or_default();
    digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "| | What is promised |\n|---|---|\n| P01 | A dump opens nothing. |\n| P24 | It ends. |\n\nP99\n";

    fn results(reports: &str, all: bool) -> Vec<(String, &'static str, String)> {
        let promises = promises(DOCUMENT, reports, all);
        let cells = promises
            .into_iter()
            .map(|one| (one.id, one.result.text(), one.covered));
        cells.collect()
    }

    #[test]
    fn a_promise_that_no_test_reports_has_failed_if_all_tests_were_run() {
        let reports = "promise P24: 91 cells, 0 violations\n";
        let passed = (
            "P24".to_owned(),
            "passed",
            "91 cells, 0 violations".to_owned(),
        );
        let failed = ("P01".to_owned(), "failed", String::new());
        assert_eq!(results(reports, true), [failed, passed.clone()]);
        assert_eq!(results(reports, false), [passed]);
    }

    #[test]
    fn what_is_reported_but_not_promised_is_a_failure() {
        let promises = promises(DOCUMENT, "promise P24: a\npromise P98: b\n", false);
        let failures = promises
            .iter()
            .filter(|promise| promise.result.is_failure());
        assert_eq!(
            failures
                .map(|promise| promise.id.as_str())
                .collect::<Vec<_>>(),
            ["P98"]
        );
    }

    #[test]
    fn what_several_tests_report_stands_in_one_row() {
        let reports = "promise P24: b\npromise P24: a\nother output\npromise P24: b\n";
        assert_eq!(results(reports, false)[0].2, "a; b");
    }

    #[test]
    fn the_table_in_the_repository_is_read() {
        let document = read(&workspace::root().join("SECURITY.md")).unwrap();
        let ids: Vec<_> = document.lines().filter_map(promised).collect();
        assert!(!ids.is_empty() && ids.is_sorted(), "{ids:?}");
    }
}
