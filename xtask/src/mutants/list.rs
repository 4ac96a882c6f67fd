//! The mutants that cargo-mutants finds.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Options;
use crate::workspace;

/// The package whose mutants these are.
pub(super) const PACKAGE: &str = "faroe-core";

/// The version that is installed if there is none.
const VERSION: &str = "27.1.0";

/// A change of the code that tests should notice, as cargo-mutants describes it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Mutant {
    /// For people, with file, line and column.
    pub(super) name: String,
    /// The path of its file from the root.
    pub(super) file: String,
    /// The function that it is in; constants are in none.
    pub(super) function: Option<Function>,
    /// The text that is replaced.
    pub(super) span: Span,
    pub(super) replacement: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Function {
    pub(super) function_name: String,
    pub(super) return_type: String,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Span {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// Both count from 1; a column is a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    /// Returns the byte at which this is in a text.
    pub(super) fn offset(self, text: &str) -> usize {
        let lines = text.split_inclusive('\n').take(self.line - 1);
        let before: usize = lines.map(str::len).sum();
        let line = &text[before..];
        let column = line.char_indices().nth(self.column - 1);
        before + column.map_or(line.len(), |(offset, _)| offset)
    }
}

impl Mutant {
    /// Returns the name without line and column, which stays the same when other code changes.
    pub(super) fn short_name(&self) -> String {
        let Position { line, column } = self.span.start;
        self.name.replacen(&format!(":{line}:{column}:"), ":", 1)
    }

    /// Returns the line of the file in which it begins.
    pub(super) fn line<'a>(&self, text: &'a str) -> &'a str {
        let line = text.lines().nth(self.span.start.line - 1);
        line.unwrap_or_default().trim()
    }

    /// Returns the text of its file with the change.
    pub(super) fn apply(&self, text: &str) -> String {
        let (start, end) = (self.span.start.offset(text), self.span.end.offset(text));
        [&text[..start], &self.replacement, &text[end..]].concat()
    }

    /// Returns an identity that changes with the code of its function, or of the file if it is in none, but not with other code
    /// and with comments.
    pub(super) fn identity(&self, text: &str) -> String {
        let around = match &self.function {
            Some(Function { span, .. }) => span.start.offset(text)..span.end.offset(text),
            None => 0..text.len(),
        };
        let place = self.span.start.offset(text);
        let parts = [&text[around.start..place], &text[place..around.end]];
        let mut hasher = DefaultHasher::new();
        (parts.map(without_comments), &self.replacement).hash(&mut hasher);
        format!("{} #{:016x}", self.short_name(), hasher.finish())
    }
}

fn without_comments(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.starts_with("//")).collect()
}

/// Returns the mutants that the options choose.
pub(super) fn list(options: &Options) -> Result<Vec<Mutant>> {
    let mut command = Command::new(tool(options)?);
    command
        .args(["mutants", "--list", "--json", "--package", PACKAGE])
        .current_dir(workspace::root());
    if let Some(file) = &options.file {
        command.arg("--file").arg(format!("**/{file}"));
    }
    if let Some(revision) = &options.diff {
        command.arg("--in-diff").arg(diff(revision)?);
    }
    let output = command.output().context("run cargo-mutants")?;
    ensure!(
        output.status.success(),
        "cargo-mutants failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // For a diff without mutants it prints nothing.
    let mutants: Vec<Mutant> = match &*output.stdout {
        [] => Vec::new(),
        list => serde_json::from_slice(list).context("parse the list of cargo-mutants")?,
    };
    if let Some(file) = &options.file {
        ensure!(
            !mutants.is_empty(),
            "{PACKAGE} has no mutants in a file {file}"
        );
    }
    Ok(mutants)
}

/// Returns the texts of the files of these mutants.
pub(super) fn texts(mutants: &[Mutant]) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for Mutant { file, .. } in mutants {
        if !texts.contains_key(file) {
            let text = fs::read_to_string(workspace::root().join(file));
            texts.insert(file.clone(), text.with_context(|| format!("read {file}"))?);
        }
    }
    Ok(texts)
}

/// Writes what has changed since a revision to a file.
fn diff(revision: &str) -> Result<PathBuf> {
    let mut git = Command::new("git");
    git.args(["diff", revision, "--", "crates"])
        .current_dir(workspace::root());
    let output = git.output().context("run git")?;
    ensure!(
        output.status.success(),
        "git diff {revision} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let file = workspace::target_directory()?.join("mutants.diff");
    fs::write(&file, output.stdout).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// Returns the program cargo-mutants, which is installed into `target` if it is missing.
fn tool(options: &Options) -> Result<PathBuf> {
    let folder = workspace::target_directory()?.join("tools");
    let program = folder.join("bin/cargo-mutants");
    if !is_right_version(&program) {
        let hint = format!(
            "run `cargo install cargo-mutants --version {VERSION} --locked --root target/tools`"
        );
        ensure!(
            !options.no_install,
            "cargo-mutants {VERSION} is missing; {hint}"
        );
        println!("installing cargo-mutants {VERSION}");
        let mut install = workspace::cargo();
        install
            .args(["install", "cargo-mutants", "--version", VERSION, "--locked"])
            .arg("--root")
            .arg(&folder);
        let status = install.status().context("run cargo install")?;
        ensure!(status.success(), "installing cargo-mutants failed; {hint}");
    }
    Ok(program)
}

fn is_right_version(program: &Path) -> bool {
    let output = Command::new(program)
        .args(["mutants", "--version"])
        .output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .ends_with(VERSION)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::mutants) const TEXT: &str = "\
/// Doubles.
fn double(number: u32) -> u32 {
    // „Zwei“
    number * 2
}

fn is_small(number: u32) -> bool {
    number < 9
}
";

    pub(in crate::mutants) fn mutants() -> Vec<Mutant> {
        let function = |name, kind, start, end| {
            format!(
                r#"{{"function_name": "{name}", "return_type": "{kind}", "span": {}}}"#,
                span((start, 1), (end, 2))
            )
        };
        let double = function("double", "-> u32", 1, 5);
        let is_small = function("is_small", "-> bool", 7, 9);
        let mutant = |place: &str, name, function: &str, span, replacement| {
            format!(
                r#"{{"name": "src/lib.rs:{place}: {name}", "file": "src/lib.rs", "function": {function},
                    "span": {span}, "replacement": "{replacement}", "genre": "BinaryOperator"}}"#
            )
        };
        let list = [
            mutant(
                "4:12",
                "replace * with + in double",
                &double,
                span((4, 12), (4, 13)),
                "+",
            ),
            mutant(
                "4:5",
                "replace double -> u32 with 0",
                &double,
                span((4, 5), (4, 15)),
                "0",
            ),
            mutant(
                "8:12",
                "replace < with <= in is_small",
                &is_small,
                span((8, 12), (8, 13)),
                "<=",
            ),
        ];
        serde_json::from_str(&format!("[{}]", list.join(","))).unwrap()
    }

    fn span(start: (usize, usize), end: (usize, usize)) -> String {
        let position = |(line, column)| format!(r#"{{"line": {line}, "column": {column}}}"#);
        format!(
            r#"{{"start": {}, "end": {}}}"#,
            position(start),
            position(end)
        )
    }

    #[test]
    fn a_mutant_replaces_its_span() {
        let mutants = mutants();
        assert_eq!(mutants[0].apply(TEXT), TEXT.replace("* 2", "+ 2"));
        assert_eq!(mutants[1].apply(TEXT), TEXT.replace("number * 2", "0"));
        assert_eq!(mutants[0].line(TEXT), "number * 2");
        assert_eq!(
            mutants[0].short_name(),
            "src/lib.rs: replace * with + in double"
        );
    }

    #[test]
    fn an_identity_changes_with_its_function_alone() {
        let [double, other, small] = &mutants()[..] else {
            panic!("there are three");
        };
        let changed = TEXT.replace("< 9", "< 8").replace("Zwei", "Two");
        assert_eq!(double.identity(TEXT), double.identity(&changed));
        assert_ne!(small.identity(TEXT), small.identity(&changed));
        assert_ne!(double.identity(TEXT), other.identity(TEXT));
    }
}
