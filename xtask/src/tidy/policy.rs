//! What `deny.toml` forbids, as far as the lock file and cargo tell. `cargo deny check` looks for known vulnerabilities too,
//! which takes a network.

use spdx::{Expression, ParseMode};
use toml::{Table, Value};

use super::{Finding, Tree};
use crate::workspace::Packages;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Nothing comes from elsewhere than crates.io, and nothing that is banned.
pub(super) fn dependencies_are_allowed(tree: &Tree) -> Vec<Finding> {
    let policy = policy(tree);
    let bans: Vec<(&str, &str)> = array(&policy, "bans", "deny")
        .filter_map(|ban| Some((ban.get("crate")?.as_str()?, ban.get("reason")?.as_str()?)))
        .collect();
    let lines = tree.text("Cargo.lock").unwrap_or_default().lines();
    let mut name = "";
    let mut findings = Vec::new();
    for (index, line) in lines.enumerate() {
        let mut find = |message| findings.push(Finding::new("Cargo.lock", index + 1, message));
        if let Some(value) = value(line, "name") {
            name = value;
            if let Some((_, reason)) = bans.iter().find(|(banned, _)| *banned == name) {
                find(format!(
                    "{name} is banned: {reason}; `cargo tree --invert {name}` tells what brings it in"
                ));
            }
        }
        if value(line, "source").is_some_and(|source| source != CRATES_IO) {
            find(format!("{name} does not come from crates.io"));
        }
    }
    findings
}

/// All that is depended upon may be used under licenses that are allowed.
pub(super) fn licenses_are_allowed(tree: &Tree, packages: &Packages) -> Vec<Finding> {
    let policy = policy(tree);
    let allowed: Vec<_> = array(&policy, "licenses", "allow")
        .filter_map(Value::as_str)
        .collect();
    packages
        .licenses()
        .filter(|(_, license)| !is_allowed(license.unwrap_or_default(), &allowed))
        .map(|(name, license)| {
            let license = license.unwrap_or("nothing that it names");
            Finding::new(
                "Cargo.lock",
                1,
                format!("{name} is licensed under {license}"),
            )
        })
        .collect()
}

fn is_allowed(license: &str, allowed: &[&str]) -> bool {
    let expression = Expression::parse_mode(license, ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|required| {
            let id = required.license.id();
            id.is_some_and(|id| allowed.contains(&id.name))
        })
    })
}

fn policy(tree: &Tree) -> Table {
    let text = tree.text("deny.toml").unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn array<'a>(policy: &'a Table, table: &str, key: &str) -> impl Iterator<Item = &'a Value> {
    let array = policy
        .get(table)
        .and_then(|table| table.get(key)?.as_array());
    array.into_iter().flatten()
}

/// The text in a line `key = "text"`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(" = ")?;
    (name == key).then(|| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(lock: &str) -> Vec<String> {
        let policy = "[bans]\ndeny = [{ crate = \"rsa\", reason = \"it leaks\" }]";
        let tree = Tree::of(&[("deny.toml", policy), ("Cargo.lock", lock)]);
        let findings = dependencies_are_allowed(&tree);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_banned_or_comes_from_elsewhere_is_found() {
        let package = |name: &str, source: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n")
        };
        assert_eq!(findings(&package("serde", CRATES_IO)), [""; 0]);
        assert_eq!(
            findings(&package("rsa", CRATES_IO)),
            [
                "Cargo.lock:2: rsa is banned: it leaks; `cargo tree --invert rsa` tells what brings it in"
            ]
        );
        assert_eq!(
            findings(&package("serde", "git+https://example.com/serde#0")),
            ["Cargo.lock:4: serde does not come from crates.io"]
        );
    }

    #[test]
    fn a_license_is_allowed_as_a_whole() {
        let allowed = ["MIT", "Apache-2.0"];
        for license in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR ISC) AND Apache-2.0",
        ] {
            assert!(is_allowed(license, &allowed), "{license}");
        }
        for license in ["", "GPL-3.0-only", "MIT AND ISC", "mine"] {
            assert!(!is_allowed(license, &allowed), "{license}");
        }
    }
}
