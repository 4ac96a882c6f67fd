//! Rules for every crate in `crates/`.

use toml::Table;

use super::{Finding, Tree};

const FRONT_PAGE: &str = "#![doc = include_str!(\"../README.md\")]";
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];
/// Lines of a manifest that are not empty.
const MOST_LINES: usize = 29;

/// Manifests that may be longer: the server names all that it puts together, and the core is tested in many ways.
const LONG_MANIFESTS: [&str; 2] = [
    "crates/faroe-core/Cargo.toml",
    "crates/faroe-server/Cargo.toml",
];

/// The front page of a crate is its README.
pub(super) fn readme_is_the_front_page(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in tree.crates() {
        let readme = format!("{folder}/README.md");
        if !tree.contains(&readme) {
            findings.push(Finding::new(
                readme,
                1,
                "write a README, the front page of the crate",
            ));
        }
        let roots = ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}"));
        let root = roots.iter().find_map(|path| Some((path, tree.text(path)?)));
        if let Some((path, _)) =
            root.filter(|(_, text)| !text.lines().any(|line| line == FRONT_PAGE))
        {
            findings.push(Finding::new(path, 1, format!("begin with {FRONT_PAGE}")));
        }
    }
    findings
}

/// A manifest inherits from the workspace and is short.
pub(super) fn manifests_inherit(tree: &Tree) -> Vec<Finding> {
    tree.crates()
        .flat_map(|folder| manifest_findings(tree, &format!("{folder}/Cargo.toml")))
        .collect()
}

fn manifest_findings(tree: &Tree, path: &str) -> Vec<Finding> {
    let text = tree.text(path).unwrap_or_default();
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(_) => return vec![Finding::new(path, 1, "this is no TOML")],
    };
    let inherits = |table: Option<&toml::Value>| {
        table
            .and_then(|table| table.get("workspace"))
            .and_then(toml::Value::as_bool)
            == Some(true)
    };
    let mut findings = Vec::new();
    let package = manifest.get("package");
    for key in INHERITED {
        if !inherits(package.and_then(|package| package.get(key))) {
            findings.push(Finding::new(
                path,
                1,
                format!("write {key}.workspace = true"),
            ));
        }
    }
    if !inherits(manifest.get("lints")) {
        findings.push(Finding::new(
            path,
            1,
            "write workspace = true under [lints]",
        ));
    }
    let lines = text.lines().filter(|line| !line.is_empty()).count();
    if lines > MOST_LINES && !LONG_MANIFESTS.contains(&path) {
        findings.push(Finding::new(
            path,
            MOST_LINES,
            format!("shorten this to {MOST_LINES} lines"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n\n[lints]\nworkspace = true\n";

    fn messages(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_as_it_should_be_has_no_findings() {
        let lib = format!("{FRONT_PAGE}\n\nmod a;\n");
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", MANIFEST),
            ("crates/a/README.md", "# a"),
            ("crates/a/src/lib.rs", &lib),
        ]);
        assert_eq!(readme_is_the_front_page(&tree), []);
        assert_eq!(manifests_inherit(&tree), []);
    }

    #[test]
    fn a_crate_without_a_front_page_is_found() {
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", MANIFEST),
            ("crates/a/src/main.rs", "fn main() {}"),
        ]);
        let expected = [
            "crates/a/README.md:1: write a README, the front page of the crate",
            "crates/a/src/main.rs:1: begin with #![doc = include_str!(\"../README.md\")]",
        ];
        assert_eq!(messages(&readme_is_the_front_page(&tree)), expected);
    }

    #[test]
    fn a_manifest_with_its_own_mind_is_found() {
        let own = MANIFEST
            .replace("edition.workspace = true", "edition = \"2021\"")
            .replace("[lints]", "[other]");
        let long = format!("{MANIFEST}{}", "#\n".repeat(30));
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", &own),
            ("crates/b/Cargo.toml", &long),
            ("crates/c/Cargo.toml", "["),
        ]);
        let expected = [
            "crates/a/Cargo.toml:1: write edition.workspace = true",
            "crates/a/Cargo.toml:1: write workspace = true under [lints]",
            "crates/b/Cargo.toml:29: shorten this to 29 lines",
            "crates/c/Cargo.toml:1: this is no TOML",
        ];
        assert_eq!(messages(&manifests_inherit(&tree)), expected);
    }
}
