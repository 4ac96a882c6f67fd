//! Rules for documents.

use super::{Finding, Tree};

const DOCUMENTS: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"];

const FRONT_PAGE: &str = "#![doc = include_str!(\"../README.md\")]";

/// Checks that every crate's documentation opens with its README, whose examples are tests then.
pub(super) fn readmes_are_front_pages(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in tree.crates() {
        let readme = format!("{folder}/README.md");
        if !tree.contains(&readme) {
            findings.push(Finding::new(readme, 1, "write the crate's README"));
        }
        let roots = ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}"));
        let root = roots.iter().find_map(|path| Some((path, tree.text(path)?)));
        if let Some((path, text)) = root
            && !text.lines().any(|line| line == FRONT_PAGE)
        {
            findings.push(Finding::new(path, 1, format!("begin with {FRONT_PAGE}")));
        }
    }
    findings
}

/// Checks that every path that a document names in backticks exists.
pub(super) fn named_paths_exist(tree: &Tree) -> Vec<Finding> {
    let documents = DOCUMENTS
        .iter()
        .filter_map(|path| Some((*path, tree.text(path)?)));
    documents
        .flat_map(|(path, text)| missing_paths(tree, path, text))
        .collect()
}

fn missing_paths(tree: &Tree, document: &str, text: &str) -> Vec<Finding> {
    let (mut findings, mut in_block) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        // Of a line split at backticks every second part was inside.
        for named in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|named| is_path(tree, named))
        {
            if !tree.contains(named.trim_end_matches('/')) {
                let message = format!("`{named}` does not exist");
                findings.push(Finding::new(document, index + 1, message));
            }
        }
    }
    findings
}

/// Checks whether a text can only mean a path from the root: it begins with a folder that exists, or names a document.
fn is_path(tree: &Tree, text: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let is_document = || text.ends_with(".md");
    let begins_in_folder = || {
        text.split_once('/')
            .is_some_and(|(folder, _)| tree.contains(folder))
    };
    text.bytes().all(is_character) && (is_document() || begins_in_folder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_front_page_is_found() {
        let lib = format!("{FRONT_PAGE}\n\nmod a;\n");
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/README.md", "# a"),
            ("crates/a/src/lib.rs", &lib),
            ("crates/b/Cargo.toml", ""),
            ("crates/b/src/main.rs", "fn main() {}"),
        ]);
        let findings = readmes_are_front_pages(&tree);
        let paths: Vec<_> = findings.iter().map(|finding| &*finding.path).collect();
        assert_eq!(paths, ["crates/b/README.md", "crates/b/src/main.rs"]);
    }

    fn findings(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("README.md", text), ("crates/faroe-core/src/lib.rs", "")]);
        named_paths_exist(&tree)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        let text = "See `crates/faroe-core/src/lib.rs`\nand `crates/faroe-gone/` and `MISSING.md`.";
        let expected = [
            "README.md:2: `crates/faroe-gone/` does not exist",
            "README.md:2: `MISSING.md` does not exist",
        ];
        assert_eq!(findings(text), expected);
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        let text = "`crates/`, `crates/*/src`, `GET /dev/emails`, `application/json`, crates/none\n```\n`crates/x`\n```";
        assert_eq!(findings(text), [""; 0]);
    }
}
