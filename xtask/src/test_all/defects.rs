//! Whether the tests have teeth: each known defect is put in, and the tests named after it have to fail.

use std::{collections::BTreeMap, ops::RangeInclusive, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use super::{
    Outcome, Surroundings,
    output::{self, Counts},
    programs,
};
use crate::workspace;

/// The numbers in the protocol's list of known defects.
const DEFECTS: RangeInclusive<u32> = 1..=26;

/// The test programs in which the tests `defect_1_…` to `defect_26_…` are.
const PROGRAMS: [&str; 2] = ["core", "range_service"];

/// Builds the tests with all defects inside, and runs them with one after the other turned on.
pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    let mut programs = Vec::new();
    for path in build(surroundings)? {
        programs.push(Program::new(path)?);
    }
    let mut passed = true;
    for program in &programs {
        passed &= program.run(program.tests.values().flatten(), None)?.failed == 0;
    }
    ensure!(passed, "tests fail without any defect: see the step `test`");
    let mut missed = Vec::new();
    for number in DEFECTS {
        let mut failed = 0;
        for program in &programs {
            let tests = program.tests.get(&number).into_iter().flatten();
            failed += program.run(tests, Some(number))?.failed;
        }
        if failed == 0 {
            missed.push(number);
        }
    }
    let injected = DEFECTS.count();
    outcome.count(Counts {
        passed: (injected - missed.len()) as u64,
        failed: missed.len() as u64,
        ignored: 0,
    });
    ensure!(
        missed.is_empty(),
        "no test named `defect_N_…` fails with these defects: {missed:?}; see crates/faroe-core/src/defect.rs"
    );
    let covered = format!("{injected} defects put in, each caught by the tests named after it");
    surroundings.reports.report("P59", &covered)
}

/// The test programs, built so that only the project's own crates are compiled anew.
fn build(surroundings: &Surroundings<'_>) -> Result<Vec<PathBuf>> {
    // The whole workspace, so that the features of dependencies are those that they were built with before.
    let mut arguments = vec!["test", "--no-run", "--workspace"];
    arguments.extend(PROGRAMS.iter().flat_map(|name| ["--test", name]));
    let wrapper = workspace::root().join("xtask/with-defects.sh");
    let built = programs::build(surroundings, &arguments, |command| {
        // Another wrapper, such as a cache of compilations, would have to know ours.
        command.envs([
            ("RUSTC_WRAPPER", PathBuf::new()),
            ("RUSTC_WORKSPACE_WRAPPER", wrapper),
        ]);
    })?;
    ensure!(built.len() == PROGRAMS.len(), "cargo built {built:?}");
    Ok(built
        .into_iter()
        .map(|program| program.executable)
        .collect())
}

struct Program {
    path: PathBuf,
    /// The names of the tests, by the number of the defect.
    tests: BTreeMap<u32, Vec<String>>,
}

impl Program {
    fn new(path: PathBuf) -> Result<Self> {
        let output = Command::new(&path).arg("--list").output();
        let output = output.with_context(|| format!("could not run {}", path.display()))?;
        let mut tests = BTreeMap::<u32, Vec<String>>::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((number, name)) = named_after_defect(line) {
                tests.entry(number).or_default().push(name.to_owned());
            }
        }
        Ok(Self { path, tests })
    }

    /// Runs these tests, if there are any. A program that ends in another way than with a summary has failed once.
    fn run<'a>(
        &self,
        tests: impl Iterator<Item = &'a String>,
        defect: Option<u32>,
    ) -> Result<Counts> {
        let tests: Vec<_> = tests.collect();
        if tests.is_empty() {
            return Ok(Counts::default());
        }
        let mut command = Command::new(&self.path);
        command
            .args(&tests)
            .arg("--exact")
            .current_dir(workspace::root());
        if let Some(number) = defect {
            command.env("FAROE_DEFECT", number.to_string());
        }
        let output = command.output();
        let output = output.with_context(|| format!("could not run {}", self.path.display()))?;
        let mut counts = output::show_and_count(&output.stdout[..], std::io::sink())?;
        counts.failed = counts.failed.max((!output.status.success()).into());
        let defect = defect.map_or("no defect".to_owned(), |number| format!("defect {number}"));
        println!("{defect}: {} tests fail of {}", counts.failed, tests.len());
        Ok(counts)
    }
}

/// The number and the name in a line of a program's list, `module::defect_4_two_completions: test`.
fn named_after_defect(line: &str) -> Option<(u32, &str)> {
    let name = line.strip_suffix(": test")?;
    let (_, own_name) = name.rsplit_once("::").unwrap_or(("", name));
    let (number, _) = own_name.strip_prefix("defect_")?.split_once('_')?;
    Some((number.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_the_number_in_their_name() {
        let line = "one_completion::defect_4_two_completions_of_a_signin: test";
        let name = "one_completion::defect_4_two_completions_of_a_signin";
        assert_eq!(named_after_defect(line), Some((4, name)));
        for line in [
            "a::defect_4: test",
            "a::p04_b: test",
            "defect_x_y: test",
            "1 test, 0 benchmarks",
        ] {
            assert_eq!(named_after_defect(line), None, "{line}");
        }
    }
}
