//! The sources with all defects inside.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::{
    VARIABLE,
    data::{self, Defect, Place},
};

/// Returns the texts of all files that have defects, by their paths from the root.
pub(super) fn texts(root: &Path, defects: &[Defect]) -> Result<BTreeMap<String, String>> {
    let mut places = BTreeMap::<&String, Vec<(u32, &Place)>>::new();
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
        texts.insert(file.clone(), spliced);
    }
    Ok(texts)
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
}
