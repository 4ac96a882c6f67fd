//! Rules for what depends on what.

use toml::{Table, Value};

use super::{Finding, Tree};

/// What does I/O. The two lowest crates have none of it.
const INPUT_AND_OUTPUT: [&str; 10] = [
    "axum",
    "hyper",
    "hyper-util",
    "lettre",
    "redis",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tower",
    "tower-http",
];

/// Crates of ours that any other may depend on.
const SHARED: [&str; 10] = [
    "faroe-client",
    "faroe-core",
    "faroe-email-templates",
    "faroe-http-client",
    "faroe-http-signatures",
    "faroe-mysql",
    "faroe-postgres",
    "faroe-protocol",
    "faroe-sqlite",
    "faroe-users-table",
];

/// Crates that put others together.
const ASSEMBLERS: [&str; 1] = ["faroe-server"];

/// Every dependency of the workspace says why it is there.
pub(super) fn have_a_reason(tree: &Tree) -> Vec<Finding> {
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
            findings.push(Finding::new(
                "Cargo.toml",
                index + 1,
                "say why in a comment at the end of the line",
            ));
        }
    }
    findings
}

/// The lower crates know nothing of the upper ones, and adapters nothing of each other.
pub(super) fn point_one_way(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in tree.crates() {
        let path = format!("{folder}/Cargo.toml");
        let name = folder.trim_start_matches("crates/");
        let text = tree.text(&path).unwrap_or_default();
        for dependency in dependencies(text) {
            if let Some(message) = objection(name, &dependency) {
                let line = text
                    .lines()
                    .position(|line| line.starts_with(&dependency))
                    .unwrap_or_default();
                findings.push(Finding::new(&path, line + 1, message));
            }
        }
    }
    findings
}

fn objection(name: &str, dependency: &str) -> Option<String> {
    let is_low = ["faroe-core", "faroe-protocol"].contains(&name);
    if is_low && INPUT_AND_OUTPUT.contains(&dependency)
        || name == "faroe-protocol" && dependency == "tokio"
    {
        return Some(format!(
            "{name} must not know {dependency}: move what needs it into an adapter"
        ));
    }
    let is_ours = dependency.starts_with("faroe-");
    if name == "faroe-protocol" && is_ours
        || name == "faroe-core" && is_ours && dependency != "faroe-protocol"
    {
        return Some(format!(
            "{name} must not depend on {dependency}: dependencies point down"
        ));
    }
    if is_ours && !SHARED.contains(&dependency) && !ASSEMBLERS.contains(&name) {
        return Some(format!(
            "{name} must not depend on {dependency}: adapters do not know each other"
        ));
    }
    None
}

/// The names of what a crate is built with; what only its tests are built with does not matter.
fn dependencies(manifest: &str) -> Vec<String> {
    const TABLES: [&str; 2] = ["dependencies", "build-dependencies"];
    let manifest: Table = manifest.parse().unwrap_or_default();
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let owners = targets.filter_map(Value::as_table).chain([&manifest]);
    let tables = owners.flat_map(|owner| {
        TABLES
            .iter()
            .filter_map(|table| owner.get(*table)?.as_table())
    });
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let manifest = "[workspace.package]\nversion = \"1\"\n[workspace.dependencies]\n\
            faroe-core = { path = \"crates/faroe-core\" }\n# All of these are needed.\n\
            serde = \"1\" # the wire\ntoml = \"1\"\n[profile.release]\nlto = true\n";
        let findings = have_a_reason(&Tree::of(&[("Cargo.toml", manifest)]));
        assert_eq!(
            findings,
            [Finding::new(
                "Cargo.toml",
                7,
                "say why in a comment at the end of the line"
            )]
        );
    }

    fn objections(name: &str, manifest: &str) -> Vec<usize> {
        let path = format!("crates/{name}/Cargo.toml");
        point_one_way(&Tree::of(&[(&path, manifest)]))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn dependencies_that_point_up_or_sideways_are_found() {
        for (name, dependency) in [
            ("faroe-protocol", "axum"),
            ("faroe-protocol", "tokio"),
            ("faroe-protocol", "faroe-core"),
            ("faroe-core", "rusqlite"),
            ("faroe-core", "faroe-argon2"),
            ("faroe-storage-redis", "faroe-storage-memory"),
            ("faroe-argon2", "faroe-server"),
        ] {
            for table in [
                "dependencies",
                "build-dependencies",
                "target.'cfg(unix)'.dependencies",
            ] {
                let manifest = format!("[{table}]\n{dependency}.workspace = true\n");
                assert_eq!(objections(name, &manifest), [2], "{name} {manifest}");
            }
        }
    }

    #[test]
    fn dependencies_that_point_down_are_fine() {
        for (name, dependency) in [
            ("faroe-protocol", "serde"),
            ("faroe-core", "faroe-protocol"),
            ("faroe-core", "tokio"),
            ("faroe-user-store-sqlite", "faroe-sqlite"),
            ("faroe-storage-redis", "redis"),
            ("faroe-server", "faroe-storage-memory"),
        ] {
            assert_eq!(
                objections(
                    name,
                    &format!("[dependencies]\n{dependency}.workspace = true\n")
                ),
                [0; 0]
            );
        }
        assert_eq!(
            objections(
                "faroe-storage-redis",
                "[dev-dependencies]\nfaroe-testkit.workspace = true\n"
            ),
            [0; 0]
        );
    }
}
