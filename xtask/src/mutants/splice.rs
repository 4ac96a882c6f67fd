//! The sources with many mutants inside: the body of a function becomes a choice between itself and its mutants.

use std::{collections::BTreeMap, ops::Range};

use anyhow::{Context, Result};

use super::list::{Function, Mutant};

/// The variable that holds the number of the mutant that a test program is to show.
pub(super) const VARIABLE: &str = "FAROE_MUTANT";

/// The variable that names a file to which a test program writes the numbers of the functions that it reaches.
pub(super) const REACHED: &str = "FAROE_MUTANT_REACHED";

/// A file with mutants inside.
#[derive(Debug, Default)]
pub(super) struct Spliced {
    pub(super) text: String,
    /// The lines of each mutant, by its index in the list.
    pub(super) lines: BTreeMap<usize, Range<usize>>,
    /// The mutants of each function, by the lines of the function.
    pub(super) functions: Vec<(Range<usize>, Vec<usize>)>,
}

/// Returns whether a mutant can be one of several in its function: constants cannot choose, and types that have no name differ
/// from one variant to the next.
pub(super) fn is_choice(mutant: &Mutant, text: &str) -> bool {
    let Some(function) = &mutant.function else {
        return false;
    };
    body(function, text).is_some_and(|body| {
        let signature = &text[function.span.start.offset(text)..body.start];
        !function.return_type.contains("impl ") && !signature.contains("const fn ")
    })
}

/// Puts these mutants of a file into its text. Their numbers are their indices in the list.
pub(super) fn splice(text: &str, mutants: &[(usize, &Mutant)]) -> Result<Spliced> {
    let mut functions = BTreeMap::<(usize, usize), Vec<(usize, &Mutant)>>::new();
    for (index, mutant) in mutants {
        let function = mutant
            .function
            .as_ref()
            .and_then(|function| body(function, text));
        let body = function.with_context(|| format!("find the function of {}", mutant.name))?;
        let body = (body.start, body.end);
        functions.entry(body).or_default().push((*index, mutant));
    }
    let (mut spliced, mut end) = (Spliced::default(), 0);
    for ((start, stop), mutants) in functions {
        spliced.text += &text[end..start];
        let first_line = line(&spliced.text);
        let number = mutants[0].0;
        spliced.text += &format!("match crate::chosen_mutant({number}) {{\n");
        for (index, mutant) in &mutants {
            let variant = mutant.apply(text);
            let stop = stop + variant.len() - text.len();
            let first_line = line(&spliced.text);
            spliced.text += &format!("{index} => {{ {} }}\n", &variant[start..stop]);
            let lines = first_line..line(&spliced.text);
            spliced.lines.insert(*index, lines);
        }
        spliced.text += &format!("_ => {{ {} }}\n}}", &text[start..stop]);
        let indices = mutants.iter().map(|(index, _)| *index).collect();
        let lines = first_line..line(&spliced.text) + 1;
        spliced.functions.push((lines, indices));
        end = stop;
    }
    spliced.text += &text[end..];
    Ok(spliced)
}

/// Returns the inside of a function's body, as bytes of the text.
fn body(function: &Function, text: &str) -> Option<Range<usize>> {
    let (start, end) = (
        function.span.start.offset(text),
        function.span.end.offset(text),
    );
    let name = function.function_name.rsplit("::").next()?;
    let after_name = ["(", "<"]
        .into_iter()
        .filter_map(|next| text[start..end].find(&format!("fn {name}{next}")))
        .min()?;
    let opening = text[start + after_name..end].find('{')?;
    Some(start + after_name + opening + 1..end - 1)
}

/// Returns the number of the line at the end of a text, from 1.
fn line(text: &str) -> usize {
    text.matches('\n').count() + 1
}

/// The function that chooses, for the end of the crate's `lib.rs`.
pub(super) fn switch() -> String {
    format!(
        r#"
pub(crate) fn chosen_mutant(function: usize) -> usize {{
    use std::{{collections::BTreeSet, fs::File, io::Write, sync::{{LazyLock, Mutex}}}};
    static CHOSEN: LazyLock<usize> =
        LazyLock::new(|| std::env::var("{VARIABLE}").map_or(usize::MAX, |number| number.parse().expect("a number")));
    static REACHED: LazyLock<Option<Mutex<(File, BTreeSet<usize>)>>> = LazyLock::new(|| {{
        let path = std::env::var_os("{REACHED}")?;
        Some(Mutex::new((File::create(path).expect("a file"), BTreeSet::new())))
    }});
    if let Some(reached) = &*REACHED {{
        let mut reached = reached.lock().expect("nothing panics here");
        if reached.1.insert(function) {{
            writeln!(reached.0, "{{function}}").expect("a file");
        }}
    }}
    *CHOSEN
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::list::tests::{TEXT, mutants};

    #[test]
    fn a_body_becomes_a_choice_between_its_mutants_and_itself() {
        let mutants = mutants();
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        let Spliced {
            text,
            lines,
            functions,
        } = splice(TEXT, &numbered).unwrap();
        let expected = "\
/// Doubles.
fn double(number: u32) -> u32 {match crate::chosen_mutant(0) {
0 => { 
    // „Zwei“
    number + 2
 }
1 => { 
    // „Zwei“
    0
 }
_ => { 
    // „Zwei“
    number * 2
 }
}}

fn is_small(number: u32) -> bool {match crate::chosen_mutant(2) {
2 => { 
    number <= 9
 }
_ => { 
    number < 9
 }
}}
";
        assert_eq!(text, expected);
        assert_eq!(lines, BTreeMap::from([(0, 3..7), (1, 7..11), (2, 18..21)]));
        assert_eq!(functions, [(2..16, vec![0, 1]), (17..25, vec![2])]);
    }

    #[test]
    fn constants_and_types_without_a_name_are_no_choices() {
        let mutants = mutants();
        assert!(is_choice(&mutants[0], TEXT));
        let constant = TEXT.replace("fn double", "const fn double");
        assert!(!is_choice(&mutants[0], &constant));
        let mut mutant = mutants[0].clone();
        mutant.function = None;
        assert!(!is_choice(&mutant, TEXT));
    }
}
