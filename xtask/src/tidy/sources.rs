//! Rules for source code.

use super::{Finding, Tree};

/// The longest file of a crate.
const MOST_LINES: usize = 500;

/// Where time and entropy come in: how a path begins and ends, and what it may use.
const DOORS: [(&str, &str, &str); 2] = [
    ("crates/faroe-core/src/", "time.rs", "SystemTime::now"),
    ("crates/faroe-core/src/", "random.rs", "getrandom::"),
];

const TIME_AND_ENTROPY: [&str; 5] = [
    "SystemTime::now",
    "UNIX_EPOCH.elapsed",
    "getrandom::",
    "rand::",
    "thread_rng",
];

/// How long something takes is measured outside of core, or in its `time.rs`, and decides nothing but when to give up.
const TIME_IN_CORE: &str = "Instant::now";

/// Modules have their own name: `foo.rs` beside `foo/`.
pub(super) fn modules_are_named(tree: &Tree) -> Vec<Finding> {
    let unnamed = tree.texts().filter(|(path, _)| path.ends_with("/mod.rs"));
    unnamed
        .map(|(path, _)| {
            Finding::new(
                path,
                1,
                "give the file the name of its folder, beside the folder",
            )
        })
        .collect()
}

/// No file is too long to be read in one go.
pub(super) fn files_are_small(tree: &Tree) -> Vec<Finding> {
    let lengths = tree
        .crate_sources()
        .map(|(path, text)| (path, text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > MOST_LINES);
    long.map(|(path, length)| {
        Finding::new(
            path,
            length,
            format!("split this: {MOST_LINES} lines are enough"),
        )
    })
    .collect()
}

/// Time and entropy come in through their doors.
pub(super) fn time_and_entropy_have_doors(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in TIME_AND_ENTROPY {
        let is_door = |path: &str| {
            let mut doors = DOORS.iter().filter(|(_, _, used)| *used == word);
            doors.any(|(start, end, _)| path.starts_with(start) && path.ends_with(end))
        };
        let message =
            format!("take the server's Clock, or faroe_core's random module, instead of {word}");
        let sources = tree.crate_sources().filter(|(path, _)| !is_door(path));
        findings.extend(sources.flat_map(|(path, text)| occurrences(path, text, word, &message)));
    }
    let message =
        "take the server's Clock: what core decides by time, a test must be able to decide";
    findings.extend(
        core_but(tree, &["time.rs"])
            .flat_map(|(path, text)| occurrences(path, text, TIME_IN_CORE, message)),
    );
    findings
}

/// The files that may have unsafe code; they say why.
const UNSAFE: [&str; 2] = [
    "crates/faroe-argon2/src/huge_pages.rs",
    "crates/faroe-sqlite/src/changes.rs",
];

/// There is no other unsafe code.
pub(super) fn nothing_else_is_unsafe(tree: &Tree) -> Vec<Finding> {
    let rust = tree
        .texts()
        .filter(|(path, _)| path.ends_with(".rs") && !UNSAFE.contains(path));
    let unsafe_code =
        ["{", "fn", "impl", "trait", "extern"].map(|next| format!("{} {next}", "unsafe"));
    let mut findings = Vec::new();
    for (path, text) in rust {
        for word in &unsafe_code {
            findings.extend(occurrences(
                path,
                text,
                word,
                "do without: only huge_pages.rs of faroe-argon2 and changes.rs of faroe-sqlite have unsafe code",
            ));
        }
    }
    findings
}

/// Core writes logs in one place.
pub(super) fn core_logs_in_one_place(tree: &Tree) -> Vec<Finding> {
    let core = core_but(tree, &["log.rs"]);
    let message = "give the fault to the server's ActionErrorLogger: only log.rs writes logs";
    core.flat_map(|(path, text)| occurrences(path, text, "tracing::", message))
        .collect()
}

/// Core maps faults to error codes in one place.
pub(super) fn core_maps_faults_in_one_place(tree: &Tree) -> Vec<Finding> {
    let message = "return a Fault: only server.rs maps faults to error codes";
    let mut findings = Vec::new();
    for (path, text) in core_but(tree, &["server.rs"]) {
        for word in [
            "INTERNAL_ERROR",
            "INTERNAL_CONFLICT",
            "InternalError",
            "InternalConflict",
        ] {
            findings.extend(occurrences(path, text, word, message));
        }
    }
    findings
}

fn core_but<'a>(tree: &'a Tree, files: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let core = tree.crate_sources().filter_map(|(path, text)| {
        Some((path, path.strip_prefix("crates/faroe-core/src/")?, text))
    });
    core.filter(|(_, name, _)| !files.contains(name))
        .map(|(path, _, text)| (path, text))
}

/// What is not done is not in the tree.
pub(super) fn nothing_is_left_to_do(tree: &Tree) -> Vec<Finding> {
    // Taken apart, so that this line is no finding.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
    ];
    let ours = tree
        .texts()
        .filter(|(path, _)| !path.ends_with(".lock") && !path.ends_with("package-lock.json"));
    let mut findings = Vec::new();
    for (path, text) in ours {
        for (index, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| contains_word(line, mark)) {
                findings.push(Finding::new(path, index + 1, "do it, or leave it out"));
            }
        }
    }
    findings
}

/// An exception to a lint is expected, with a reason.
pub(super) fn lints_are_not_allowed_away(tree: &Tree) -> Vec<Finding> {
    let forms = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(".rs")) {
        for form in forms {
            findings.extend(lines_with(
                path,
                text,
                form,
                "write #[expect(lint, reason = \"…\")]",
            ));
        }
    }
    findings
}

/// Where code that is neither a comment nor a unit test contains a word.
fn occurrences(path: &str, text: &str, word: &str, message: &str) -> Vec<Finding> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    lines_with(path, code, word, message)
}

fn lines_with(path: &str, text: &str, word: &str, message: &str) -> Vec<Finding> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = lines.filter(|(_, line)| contains_word(line, word));
    found
        .map(|(index, _)| Finding::new(path, index + 1, message))
        .collect()
}

/// Whether the word is there and does not begin in the middle of another.
fn contains_word(line: &str, word: &str) -> bool {
    let is_inside = |start: usize| {
        line[..start].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    };
    line.match_indices(word).any(|(start, _)| !is_inside(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Check;

    const CORE: &str = "crates/faroe-core/src/signin.rs";

    fn lines(check: Check, path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)]))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_module_without_a_name_is_found() {
        assert_eq!(
            lines(modules_are_named, "crates/a/tests/common/mod.rs", ""),
            [1]
        );
        assert_eq!(
            lines(modules_are_named, "crates/a/src/model.rs", ""),
            [0; 0]
        );
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(lines(files_are_small, CORE, &"\n".repeat(501)), [501]);
        assert_eq!(lines(files_are_small, CORE, &"\n".repeat(500)), [0; 0]);
        assert_eq!(
            lines(files_are_small, "crates/a/tests/long.rs", &"\n".repeat(501)),
            [0; 0]
        );
    }

    #[test]
    fn time_and_entropy_beside_the_doors_are_found() {
        for word in TIME_AND_ENTROPY.into_iter().chain([TIME_IN_CORE]) {
            assert_eq!(
                lines(
                    time_and_entropy_have_doors,
                    CORE,
                    &format!("\nlet x = {word}();")
                ),
                [2]
            );
        }
        let tested =
            "// not SystemTime::now\n\n#[cfg(test)]\nmod tests {\n    SystemTime::now();\n}\n";
        assert_eq!(lines(time_and_entropy_have_doors, CORE, tested), [0; 0]);
        assert_eq!(
            lines(time_and_entropy_have_doors, CORE, "operand::new()"),
            [0; 0]
        );
        let door = "crates/faroe-core/src/time.rs";
        assert_eq!(
            lines(time_and_entropy_have_doors, door, "SystemTime::now()"),
            [0; 0]
        );
        assert_eq!(
            lines(time_and_entropy_have_doors, door, "getrandom::fill()"),
            [1]
        );
    }

    #[test]
    fn unsafe_code_is_found() {
        let code = format!("#![forbid(unsafe_code)]\n{} {{ x }}\n// {0} fn\n", "unsafe");
        assert_eq!(lines(nothing_else_is_unsafe, "xtask/src/a.rs", &code), [2]);
        for path in UNSAFE {
            assert_eq!(lines(nothing_else_is_unsafe, path, &code), [0; 0]);
        }
    }

    #[test]
    fn logs_and_faults_in_the_wrong_place_are_found() {
        assert_eq!(
            lines(core_logs_in_one_place, CORE, "tracing::info!(1)"),
            [1]
        );
        assert_eq!(
            lines(
                core_logs_in_one_place,
                "crates/faroe-core/src/log.rs",
                "tracing::info!(1)"
            ),
            [0; 0]
        );
        assert_eq!(
            lines(core_maps_faults_in_one_place, CORE, "\nKind::InternalError"),
            [2]
        );
        assert_eq!(
            lines(
                core_maps_faults_in_one_place,
                "crates/faroe-core/src/server.rs",
                "INTERNAL_ERROR"
            ),
            [0; 0]
        );
        assert_eq!(
            lines(
                core_maps_faults_in_one_place,
                "crates/faroe-client/src/lib.rs",
                "INTERNAL_ERROR"
            ),
            [0; 0]
        );
    }

    #[test]
    fn what_is_left_to_do_is_found() {
        for mark in [
            concat!("// TO", "DO: x"),
            concat!("FIX", "ME"),
            concat!("to", "do!()"),
            concat!("unimpl", "emented!()"),
        ] {
            assert_eq!(
                lines(nothing_is_left_to_do, "docs/a.md", &format!("\n{mark}")),
                [2]
            );
        }
        assert_eq!(
            lines(nothing_is_left_to_do, "a.rs", "see the todo list"),
            [0; 0]
        );
    }

    #[test]
    fn an_allowed_lint_is_found() {
        assert_eq!(
            lines(
                lints_are_not_allowed_away,
                "tests/a.rs",
                concat!("\n#[", "allow(dead_code)]")
            ),
            [2]
        );
        assert_eq!(
            lines(
                lints_are_not_allowed_away,
                "tests/a.rs",
                concat!("#![", "allow(dead_code)]")
            ),
            [1]
        );
        assert_eq!(
            lines(
                lints_are_not_allowed_away,
                "tests/a.rs",
                "#[expect(dead_code, reason = \"\")]"
            ),
            [0; 0]
        );
    }
}
