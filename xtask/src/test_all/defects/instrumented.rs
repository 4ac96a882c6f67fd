//! The copy of the sources in which a variable of the environment turns a defect on.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};

use super::{
    VARIABLE,
    data::{self, Defect, Place},
};

/// Folders that no build reads, by name.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "node_modules", "target"];

/// Makes `copy` a copy of the sources with all defects inside. Files that are as they should be stay untouched, so that
/// cargo compiles only what has changed.
pub(super) fn write(root: &Path, copy: &Path, defects: &[Defect]) -> Result<()> {
    let mut places = BTreeMap::<&str, Vec<(u32, &Place)>>::new();
    for defect in defects {
        for place in &defect.places {
            let of_file = places.entry(&place.file).or_default();
            of_file.push((defect.number, place));
        }
    }
    let mut texts = BTreeMap::new();
    for (file, places) in places {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("read {file}"))?;
        let spliced = splice(&text, &places).with_context(|| format!("put defects into {file}"))?;
        texts.insert(root.join(file), spliced);
    }
    synchronize(root, copy, &|path| match texts.get(path) {
        Some(text) => Ok(text.clone().into_bytes()),
        None => fs::read(path).with_context(|| format!("read {}", path.display())),
    })
}

/// Makes `to` a copy of `from` in which each file has the content that `content` gives for its path.
fn synchronize(from: &Path, to: &Path, content: &dyn Fn(&Path) -> Result<Vec<u8>>) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    let mut names = BTreeSet::<OsString>::new();
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let copy = to.join(&name);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped) {
                continue;
            }
            synchronize(&path, &copy, content)?;
        } else if kind.is_file() {
            let wanted = content(&path)?;
            if fs::read(&copy).ok().as_ref() != Some(&wanted) {
                fs::write(&copy, wanted).with_context(|| format!("write {}", copy.display()))?;
            }
        } else {
            continue;
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to).with_context(|| format!("read {}", to.display()))? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            let path = entry.path();
            let removed = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes the right text of each place a choice between the wrong one, while its defect is turned on, and itself.
fn splice(text: &str, places: &[(u32, &Place)]) -> Result<String> {
    let mut found = Vec::new();
    for (number, place) in places {
        let start = find(text, place).with_context(|| data::file(*number))?;
        found.push((start, *number, *place));
    }
    found.sort_by_key(|(start, ..)| *start);
    let (mut spliced, mut end) = (String::new(), 0);
    for (start, number, Place { right, wrong, .. }) in found {
        ensure!(
            end <= start,
            "{}: the right text overlaps with that of another defect",
            data::file(number)
        );
        spliced += &text[end..start];
        spliced += &format!("if defect_is_injected({number}) {{ {wrong} }} else {{ {right} }}");
        end = start + right.len();
    }
    spliced += &text[end..];
    spliced += &switch();
    Ok(spliced)
}

/// Where the right text of a place begins in the text of its file.
fn find(text: &str, place: &Place) -> Result<usize> {
    match &place.context {
        Some(context) => Ok(find_once(text, context)? + find_once(context, &place.right)?),
        None => find_once(text, &place.right),
    }
}

fn find_once(text: &str, part: &str) -> Result<usize> {
    let starts: Vec<_> = text.match_indices(part).map(|(start, _)| start).collect();
    let [start] = starts[..] else {
        anyhow::bail!(
            "this text occurs {} times and must occur exactly once; adapt it to the code:\n{part}",
            starts.len()
        );
    };
    Ok(start)
}

/// The function that tells whether a defect is turned on.
fn switch() -> String {
    format!(
        r#"
fn defect_is_injected(number: u32) -> bool {{
    static INJECTED: std::sync::LazyLock<Option<u32>> =
        std::sync::LazyLock::new(|| std::env::var("{VARIABLE}").ok()?.parse().ok());
    *INJECTED == Some(number)
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const TEXT: &str = "let a = one();\nlet b = one();\nlet c = two();\n";

    fn place(context: Option<&str>, right: &str, wrong: &str) -> Place {
        Place {
            file: "src/lib.rs".to_owned(),
            context: context.map(str::to_owned),
            right: right.to_owned(),
            wrong: wrong.to_owned(),
        }
    }

    fn error(places: &[(u32, &Place)]) -> String {
        format!("{:#}", splice(TEXT, places).unwrap_err())
    }

    #[test]
    fn several_places_of_a_file_become_choices() {
        let second = place(Some("let b = one()"), "one()", "none()");
        let third = place(None, "two()", "{ three() }");
        let spliced = splice(TEXT, &[(7, &third), (3, &second)]).unwrap();
        let (code, switch) = spliced.split_once("\nfn defect_is_injected").unwrap();
        assert_eq!(
            code,
            "let a = one();\n\
             let b = if defect_is_injected(3) { none() } else { one() };\n\
             let c = if defect_is_injected(7) { { three() } } else { two() };\n"
        );
        assert!(switch.contains("FAROE_DEFECT"));
    }

    #[test]
    fn a_right_text_that_does_not_occur_exactly_once_is_refused() {
        let expected = |count, part| {
            format!(
                "tests/defects/04.toml: this text occurs {count} times and must occur exactly once; \
                 adapt it to the code:\n{part}"
            )
        };
        assert_eq!(
            error(&[(4, &place(None, "one()", "none()"))]),
            expected(2, "one()")
        );
        assert_eq!(
            error(&[(4, &place(None, "three()", "none()"))]),
            expected(0, "three()")
        );
        assert_eq!(
            error(&[(4, &place(Some("let d = one()"), "one()", "none()"))]),
            expected(0, "let d = one()")
        );
        assert_eq!(
            error(&[(4, &place(Some("let b = one()"), "two()", "none()"))]),
            expected(0, "two()")
        );
    }

    #[test]
    fn right_texts_that_overlap_are_refused() {
        let outer = place(None, "let c = two()", "()");
        let inner = place(None, "two()", "()");
        assert_eq!(
            error(&[(1, &outer), (2, &inner)]),
            "tests/defects/02.toml: the right text overlaps with that of another defect"
        );
    }

    #[test]
    fn a_copy_follows_its_original_and_keeps_what_has_not_changed() {
        let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (from, to) = (from.path(), to.path());
        let defect = "was = \"-\"\ntests = [\"core::a\"]\n[[places]]\nfile = \"src/lib.rs\"\n\
                      right = \"two()\"\nwrong = \"one()\"\n";
        let defects: [Defect; 1] = [toml::from_str(defect).unwrap()];
        fs::create_dir_all(from.join("src")).unwrap();
        fs::create_dir_all(from.join("target/debug")).unwrap();
        fs::write(from.join("src/lib.rs"), TEXT).unwrap();
        fs::write(from.join("Cargo.toml"), "[package]").unwrap();
        write(from, to, &defects).unwrap();
        let copy = fs::read_to_string(to.join("src/lib.rs")).unwrap();
        assert!(copy.contains("{ one() } else { two() }"), "{copy}");
        assert!(!to.join("target").exists());

        let modified = || {
            fs::metadata(to.join("src/lib.rs"))
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = modified();
        fs::remove_file(from.join("Cargo.toml")).unwrap();
        write(from, to, &defects).unwrap();
        assert_eq!(modified(), before);
        assert!(!to.join("Cargo.toml").exists());
    }
}
