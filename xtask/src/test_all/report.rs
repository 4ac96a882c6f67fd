//! The tables at the end of the output.

use std::{fmt::Write, time::Duration};

use super::{Outcome, output::Counts, promises::Promise};

/// One step in the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The reason of a failure.
    pub(super) problem: Option<String>,
    pub(super) time: Duration,
    pub(super) outcome: Outcome,
}

impl Row {
    pub(super) fn result(&self) -> &'static str {
        if self.problem.is_none() {
            "passed"
        } else {
            "failed"
        }
    }

    pub(super) fn time(&self) -> String {
        format!("{:.1} s", self.time.as_secs_f64())
    }

    fn tests(&self) -> String {
        let Some(Counts {
            passed,
            failed,
            ignored,
        }) = self.outcome.counts
        else {
            return String::new();
        };
        let mut text = format!("{passed} passed, {failed} failed");
        if ignored > 0 {
            text += &format!(", {ignored} ignored");
        }
        text
    }
}

/// Returns the tables of steps and promises, the failures, and the sum of all tests. A step that failed although no
/// test of it did, such as `lint`, counts as one that failed, and so does a promise that was not proved.
pub(super) fn report(rows: &[Row], promises: &[Promise]) -> String {
    let steps = rows.iter().map(|row| {
        let against = row.outcome.against.join(", ");
        [
            row.name.to_owned(),
            row.result().to_owned(),
            row.time(),
            row.tests(),
            against,
        ]
    });
    let head = ["step", "result", "time", "tests", "against"];
    let mut text = table(head, steps);
    if !promises.is_empty() {
        let promises = promises.iter().map(|promise| {
            let result = promise.result.text().to_owned();
            [promise.id.clone(), result, promise.covered.clone()]
        });
        text += &table(["promise", "result", "covered"], promises);
    }
    text.push('\n');
    for row in rows {
        if let Some(problem) = &row.problem {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} failed: {problem}", row.name);
        }
    }
    let counts = |row: &Row| row.outcome.counts.unwrap_or_default();
    let passed: u64 = rows.iter().map(|row| counts(row).passed).sum();
    let failed: u64 = rows
        .iter()
        .map(|row| counts(row).failed.max(row.problem.is_some().into()))
        .chain(
            promises
                .iter()
                .map(|promise| promise.result.is_failure().into()),
        )
        .sum();
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    text
}

/// Returns an empty line and aligned columns.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let cells: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| {
        cells
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::from("\n");
    for row in &cells {
        let padded: Vec<_> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text += padded.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_all::promises::PromiseResult;

    fn row(name: &'static str, problem: Option<&str>, counts: Option<Counts>) -> Row {
        let outcome = Outcome {
            against: vec!["Redis 7.0.15 (local)".to_owned()],
            counts,
        };
        Row {
            name,
            problem: problem.map(str::to_owned),
            time: Duration::from_millis(1250),
            outcome,
        }
    }

    fn last_line(rows: &[Row]) -> String {
        report(rows, &[])
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn the_table_says_what_ran_against_what() {
        let counts = Counts {
            passed: 12,
            failed: 0,
            ignored: 1,
        };
        let rows = [row("redis", None, Some(counts))];
        let expected = "\n\
            step   result  time   tests                           against\n\
            redis  passed  1.2 s  12 passed, 0 failed, 1 ignored  Redis 7.0.15 (local)\n\n\
            12 passed, 0 failed\n";
        assert_eq!(report(&rows, &[]), expected);
    }

    #[test]
    fn a_promise_that_was_not_proved_is_a_failure_of_its_own() {
        let promise = |id: &str, result, covered: &str| Promise {
            id: id.to_owned(),
            result,
            covered: covered.to_owned(),
        };
        let promises = [
            promise("P01", PromiseResult::Failed, ""),
            promise("P24", PromiseResult::Passed, "91 cells, 0 violations"),
        ];
        let expected = "\n\
            step  result  time  tests  against\n\n\
            promise  result  covered\n\
            P01      failed\n\
            P24      passed  91 cells, 0 violations\n\n\
            0 passed, 1 failed\n";
        assert_eq!(report(&[], &promises), expected);
    }

    #[test]
    fn the_last_line_is_the_sum_of_all_tests() {
        let counts = |passed, failed| {
            Some(Counts {
                passed,
                failed,
                ignored: 0,
            })
        };
        let rows = [
            row("format", None, None),
            row("test", None, counts(7, 0)),
            row("redis", None, counts(2, 0)),
        ];
        assert_eq!(last_line(&rows), "9 passed, 0 failed");
        let rows = [
            row("test", None, counts(7, 0)),
            row("redis", Some("it broke"), counts(2, 3)),
        ];
        assert_eq!(last_line(&rows), "9 passed, 3 failed");
    }

    #[test]
    fn a_step_that_failed_is_never_zero_failures() {
        let rows = [
            row("lint", Some("`cargo clippy` failed"), None),
            row("redis", Some("it is not there"), None),
        ];
        assert_eq!(last_line(&rows), "0 passed, 2 failed");
        assert!(report(&rows, &[]).contains("\nredis failed: it is not there\n"));
    }
}
