//! The known defects as data, and the table of them.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The folder with one file for each defect.
pub(super) const FOLDER: &str = "tests/defects";

/// The file of the defect with this number.
pub(super) fn file(number: u32) -> String {
    format!("{FOLDER}/{number:02}.toml")
}

/// A defect that must not come back. Its number is the name of its file.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defect {
    #[serde(skip)]
    pub(super) number: u32,
    /// One sentence on what it was.
    was: String,
    /// All of these fail while it is in the code.
    pub(super) tests: Vec<TestName>,
    /// Where it is put into the code.
    pub(super) places: Vec<Place>,
}

/// A place where the right text gives way to the wrong one. Both are expressions.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The path of the file from the root.
    pub(super) file: String,
    /// A text around the right one, if that occurs more than once in the file.
    pub(super) context: Option<String>,
    /// A text that occurs exactly once in the file, or in the context.
    pub(super) right: String,
    pub(super) wrong: String,
}

/// A test, as `program::module::test`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TestName {
    pub(super) program: String,
    /// Its path in the program.
    pub(super) path: String,
}

impl TryFrom<String> for TestName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let parts = name.split_once("::");
        let (program, path) = parts.ok_or("a test is named `program::module::test`")?;
        Ok(Self {
            program: program.to_owned(),
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for TestName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}::{}", self.program, self.path)
    }
}

/// Reads all defects of a folder, by number.
pub(super) fn read(folder: &Path) -> Result<Vec<Defect>> {
    let mut defects = Vec::new();
    let read = || format!("read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(read)? {
        let path = entry.with_context(read)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            defects.push(read_file(&path).with_context(|| format!("read {}", path.display()))?);
        }
    }
    defects.sort_by_key(|defect| defect.number);
    for (defect, number) in defects.iter().zip(1..) {
        ensure!(
            defect.number == number,
            "{}: there is no defect {number}, but one of the number {}",
            folder.display(),
            defect.number
        );
    }
    Ok(defects)
}

fn read_file(path: &Path) -> Result<Defect> {
    let number = path
        .file_stem()
        .and_then(|stem| stem.to_str()?.parse().ok());
    let mut defect: Defect = toml::from_str(&fs::read_to_string(path)?)?;
    defect.number = number.context("the file is not named after a number")?;
    ensure!(!defect.tests.is_empty(), "no test is named");
    ensure!(!defect.places.is_empty(), "no place is named");
    Ok(defect)
}

/// Checks that the table in this document is that of the defects.
pub(super) fn check_table(defects: &[Defect], document: &Path) -> Result<()> {
    let text = fs::read_to_string(document);
    let text = text.with_context(|| format!("read {}", document.display()))?;
    let expected = table(defects);
    let found: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    if found != expected {
        bail!(
            "{}: the table is not that of the defects; it should be\n\n{}\n",
            document.display(),
            expected.join("\n")
        );
    }
    Ok(())
}

/// The lines of the table of these defects.
fn table(defects: &[Defect]) -> Vec<String> {
    let mut lines = vec![
        "| | what it was | where it was | tests |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for defect in defects {
        let mut files: Vec<_> = defect.places.iter().map(|place| &*place.file).collect();
        files.dedup();
        let tests: Vec<_> = defect.tests.iter().map(TestName::to_string).collect();
        let code = |names: &[&str]| format!("`{}`", names.join("`<br>`"));
        lines.push(format!(
            "| {} | {} | {} | {} |",
            defect.number,
            defect.was,
            code(&files),
            code(&tests.iter().map(String::as_str).collect::<Vec<_>>()),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const ONE: &str = r#"
        was = "Anybody came in."
        tests = ["core::signin::defect_1_a_wrong_password", "core::defect_1_no_password"]

        [[places]]
        file = "src/signin.rs"
        right = "is_right"
        wrong = "true"

        [[places]]
        file = "src/signin.rs"
        context = "if is_set {"
        right = "is_set"
        wrong = "true"
    "#;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn error(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        error.replace(&folder.path().display().to_string(), "defects")
    }

    #[test]
    fn a_defect_is_read_with_the_number_of_its_file() {
        let defects = read(folder(&[("01.toml", ONE), ("README.md", "")]).path()).unwrap();
        let [defect] = &defects[..] else {
            panic!("{defects:?}");
        };
        assert_eq!((defect.number, defect.places.len()), (1, 2));
        assert_eq!(defect.tests[0].program, "core");
        assert_eq!(defect.tests[0].path, "signin::defect_1_a_wrong_password");
    }

    #[test]
    fn a_gap_in_the_numbers_and_a_test_without_a_program_are_refused() {
        assert_eq!(
            error(&[("02.toml", ONE)]),
            "defects: there is no defect 1, but one of the number 2"
        );
        let without_program = ONE.replace("core::defect_1", "defect_1");
        let error = error(&[("01.toml", &without_program)]);
        assert!(error.contains("`program::module::test`"), "{error}");
    }

    #[test]
    fn a_table_that_differs_from_the_data_is_refused_with_the_right_one() {
        let folder = folder(&[("01.toml", ONE)]);
        let defects = read(folder.path()).unwrap();
        let row = "| 1 | Anybody came in. | `src/signin.rs` | \
                   `core::signin::defect_1_a_wrong_password`<br>`core::defect_1_no_password` |";
        let document = folder.path().join("README.md");
        let text = format!(
            "# Defects\n\n| | what it was | where it was | tests |\n|---|---|---|---|\n{row}\n\nMore.\n"
        );
        fs::write(&document, &text).unwrap();
        check_table(&defects, &document).unwrap();
        fs::write(&document, text.replace("Anybody", "Nobody")).unwrap();
        let error = check_table(&defects, &document).unwrap_err().to_string();
        assert!(error.contains(row), "{error}");
    }
}
