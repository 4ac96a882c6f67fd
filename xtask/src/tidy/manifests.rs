//! Rules for manifests.

use super::{Finding, Tree};

/// Lines that every package's manifest contains.
const INHERITED: [&str; 5] = [
    "version.workspace = true",
    "edition.workspace = true",
    "rust-version.workspace = true",
    "license.workspace = true",
    "[lints]\nworkspace = true",
];

/// Checks that every package inherits version, edition, license and lints.
pub(super) fn inherit_from_the_workspace(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifests = tree
        .texts()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"));
    for (path, text) in manifests {
        for lines in INHERITED {
            if !text.contains(&format!("\n{lines}\n")) {
                findings.push(Finding::new(path, 1, format!("add {lines:?}")));
            }
        }
    }
    findings
}

/// Checks that every dependency of the workspace has a comment with the reason for it.
pub(super) fn dependencies_have_reasons(tree: &Tree) -> Vec<Finding> {
    let manifest = tree.text("Cargo.toml").unwrap_or_default();
    let mut table = "";
    let mut findings = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            table = line;
        }
        let is_dependency =
            table == "[workspace.dependencies]" && line.contains(" = ") && !line.starts_with('#');
        if is_dependency && !line.contains("path = ") && !line.contains(" # ") {
            let message = "give the reason in a comment at the end of the line";
            findings.push(Finding::new("Cargo.toml", index + 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_manifest_that_does_not_inherit_is_found() {
        let own = MANIFEST
            .replace("edition.workspace = true", "edition = \"2021\"")
            .replace("[lints]", "[other]");
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", MANIFEST),
            ("tests/Cargo.toml", &own),
        ]);
        let findings = inherit_from_the_workspace(&tree);
        let messages: Vec<_> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            "tests/Cargo.toml:1: add \"edition.workspace = true\"",
            "tests/Cargo.toml:1: add \"[lints]\\nworkspace = true\"",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let manifest = "[workspace.package]\nversion = \"1\"\n[workspace.dependencies]\n\
            faroe-core = { path = \"crates/faroe-core\" }\n# All of these are needed.\n\
            serde = \"1\" # the wire\ntoml = \"1\"\n[profile.release]\nlto = true\n";
        let findings = dependencies_have_reasons(&Tree::of(&[("Cargo.toml", manifest)]));
        let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [7]);
    }
}
