//! The output of test programs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    ops::AddAssign,
};

use anyhow::{Context, Result};

/// The numbers of tests by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Shows the output, and returns the sum of the results in it.
pub(super) fn show_and_count(printed: impl Read, mut shown: impl Write) -> Result<Counts> {
    let (mut sum, mut line) = (Counts::default(), Vec::new());
    let mut printed = BufReader::new(printed);
    while printed
        .read_until(b'\n', &mut line)
        .context("read the output of tests")?
        > 0
    {
        shown
            .write_all(&line)
            .and_then(|()| shown.flush())
            .context("print the output of tests")?;
        sum += count(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(sum)
}

/// Returns the results in one line: the summary of a Rust test program, or one of the last lines of Node's test runner.
fn count(line: &str) -> Counts {
    let mut counts = Counts::default();
    if let Some(summary) = line.strip_prefix("test result: ") {
        let (_, parts) = summary.split_once(". ").unwrap_or_default();
        for (number, what) in parts
            .split(';')
            .filter_map(|part| part.trim().split_once(' '))
        {
            add(&mut counts, what, number);
        }
    } else if let Some(("#" | "ℹ", rest)) = line.split_once(' ') {
        let (what, number) = rest.split_once(' ').unwrap_or_default();
        add(&mut counts, what, number);
    }
    counts
}

fn add(counts: &mut Counts, what: &str, number: &str) {
    let Ok(number) = number.trim().parse::<u64>() else {
        return;
    };
    match what {
        "passed" | "pass" => counts.passed += number,
        "failed" | "fail" | "cancelled" => counts.failed += number,
        "ignored" | "skipped" | "todo" => counts.ignored += number,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_rust_tests_are_summed_up() {
        let printed = "running 3 tests\ntest a ... ok\n\
            test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.03s\n\
            test passed ... 7 passed\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        let counts = show_and_count(printed.as_bytes(), std::io::sink()).unwrap();
        assert_eq!(
            counts,
            Counts {
                passed: 6,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn summaries_of_node_tests_are_summed_up() {
        for mark in ["#", "ℹ"] {
            let lines = [
                "tests 9",
                "suites 1",
                "pass 5",
                "fail 1",
                "cancelled 1",
                "skipped 2",
                "todo 0",
            ];
            let printed: String = lines
                .iter()
                .map(|line| format!("{mark} {line}\n"))
                .collect();
            let counts = show_and_count(printed.as_bytes(), std::io::sink()).unwrap();
            assert_eq!(
                counts,
                Counts {
                    passed: 5,
                    failed: 2,
                    ignored: 2
                }
            );
        }
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            "ok",
            "# passwords are tested",
            "pass 3",
            "test result: strange",
            "test result: ok. many passed",
        ] {
            assert_eq!(count(line), Counts::default(), "{line}");
        }
    }
}
