//! Rules for the sources of the crates.

use super::{Finding, Tree};

/// The most lines that a file of a crate may have.
const MOST_LINES: usize = 500;

/// A word that only one file of faroe-core may contain.
#[derive(Debug)]
struct Door {
    word: &'static str,
    file: &'static str,
    message: &'static str,
}

const DOORS: [Door; 6] = [
    Door {
        word: "Instant::now",
        file: "time.rs",
        message: "use the server's Clock, so that tests control all time-based decisions",
    },
    Door {
        word: "tracing::",
        file: "log.rs",
        message: "give the fault to the server's ActionErrorLogger: only log.rs writes logs",
    },
    fault_door("INTERNAL_ERROR"),
    fault_door("INTERNAL_CONFLICT"),
    fault_door("InternalError"),
    fault_door("InternalConflict"),
];

const fn fault_door(word: &'static str) -> Door {
    Door {
        word,
        file: "server.rs",
        message: "return a Fault: only server.rs maps faults to error codes",
    }
}

/// Checks that no file but of tests is too long to be read in one go.
pub(super) fn files_are_short(tree: &Tree) -> Vec<Finding> {
    let sources = tree.crate_sources();
    let sources = sources.filter(|(path, _)| !path.ends_with("/tests.rs"));
    let lengths = sources.map(|(path, text)| (path, text.lines().count()));
    lengths
        .filter(|(_, length)| *length > MOST_LINES)
        .map(|(path, length)| {
            let message = format!("split the file: at most {MOST_LINES} lines");
            Finding::new(path, length, message)
        })
        .collect()
}

/// Checks that faroe-core reads clocks, writes logs and maps faults in one file each.
pub(super) fn doors_are_used(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.crate_sources() {
        let Some(file) = path.strip_prefix("crates/faroe-core/src/") else {
            continue;
        };
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
        for (index, line) in code.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            let closed = DOORS
                .iter()
                .filter(|door| door.file != file && line.contains(door.word));
            findings.extend(closed.map(|door| Finding::new(path, index + 1, door.message)));
        }
    }
    findings
}

/// Openings of documentation that do not name the subject.
const OPENINGS: [&str; 5] = ["What ", "Who ", "Whoever ", "Whose ", "Whether "];

/// Checks that documentation begins with a noun phrase or a verb.
pub(super) fn documentation_names_its_subject(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(".rs")) {
        let mut continues = false;
        for (index, line) in text.lines().map(str::trim_start).enumerate() {
            let said = ["/// ", "//! "]
                .iter()
                .find_map(|start| line.strip_prefix(start));
            let opens = said.filter(|_| !continues);
            if opens.is_some_and(|said| OPENINGS.iter().any(|word| said.starts_with(word))) {
                let message =
                    "begin with a noun phrase, or of a function with a verb: CONTRIBUTING.md";
                findings.push(Finding::new(path, index + 1, message));
            }
            continues = line.starts_with("///") || line.starts_with("//!");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        doors_are_used(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_file_may_have_500_lines() {
        let findings = |path: &str, lines: usize| {
            files_are_short(&Tree::of(&[(path, &"\n".repeat(lines))])).len()
        };
        assert_eq!(findings("crates/a/src/lib.rs", 500), 0);
        assert_eq!(findings("crates/a/src/lib.rs", 501), 1);
        assert_eq!(findings("crates/a/src/lib/tests.rs", 501), 0);
        assert_eq!(findings("crates/a/tests/all.rs", 501), 0);
    }

    #[test]
    fn each_word_belongs_to_one_file_of_core() {
        for Door { word, file, .. } in DOORS {
            assert_eq!(found("crates/faroe-core/src/signin.rs", word), 1);
            assert_eq!(found(&format!("crates/faroe-core/src/{file}"), word), 0);
            assert_eq!(found("crates/faroe-client/src/lib.rs", word), 0);
        }
    }

    #[test]
    fn comments_and_unit_tests_may_contain_them() {
        let text = "// not Instant::now\n\n#[cfg(test)]\nmod tests {\n    Instant::now();\n}\n";
        assert_eq!(found("crates/faroe-core/src/signin.rs", text), 0);
    }

    #[test]
    fn documentation_that_opens_with_a_relative_clause_is_found() {
        let text = "//! What it does.\n\n/// Returns the code.\n/// What it says.\n/// Whether it is.\nfn a() {}\n    /// Whose it is.\n";
        let findings = documentation_names_its_subject(&Tree::of(&[("tests/src/a.rs", text)]));
        let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 7]);
    }
}
