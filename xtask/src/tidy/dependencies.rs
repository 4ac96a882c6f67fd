//! The direction of dependencies between the crates.

use super::Finding;
use crate::workspace::Packages;

/// Libraries for I/O, which faroe-protocol and faroe-core do without.
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

/// Crates that any crate but the two lowest may depend on.
const SHARED: [&str; 13] = [
    "faroe-address",
    "faroe-client",
    "faroe-core",
    "faroe-email-templates",
    "faroe-http-client",
    "faroe-http-signatures",
    "faroe-mysql",
    "faroe-postgres",
    "faroe-protocol",
    "faroe-sql",
    "faroe-sqlite",
    "faroe-tls",
    "faroe-users-table",
];

/// Crates that assemble adapters.
const ASSEMBLERS: [&str; 2] = ["faroe", "faroe-server"];

/// Checks that lower crates do not know upper ones, and adapters not each other. Only tests may.
pub(super) fn point_one_way(packages: &Packages) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in packages.names_in("crates") {
        for dependency in packages.dependencies(name) {
            if let Some(reason) = objection(name, dependency) {
                let message = format!("{name} must not depend on {dependency}: {reason}");
                findings.push(Finding::new(
                    format!("crates/{name}/Cargo.toml"),
                    1,
                    message,
                ));
            }
        }
    }
    findings
}

fn objection(name: &str, dependency: &str) -> Option<&'static str> {
    let is_ours = dependency == "faroe" || dependency.starts_with("faroe-");
    let is_above = match name {
        "faroe-protocol" => is_ours,
        "faroe-core" => is_ours && dependency != "faroe-protocol",
        _ => false,
    };
    let is_lowest = ["faroe-core", "faroe-protocol"].contains(&name);
    if is_above {
        Some("dependencies point down")
    } else if is_lowest && INPUT_AND_OUTPUT.contains(&dependency)
        || name == "faroe-protocol" && dependency == "tokio"
    {
        Some("move the code that needs it into an adapter")
    } else if is_ours && !SHARED.contains(&dependency) && !ASSEMBLERS.contains(&name) {
        Some("adapters do not know each other")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(objection(name, dependency).is_some(), "{name} {dependency}");
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
            assert_eq!(objection(name, dependency), None);
        }
    }

    #[test]
    fn dependencies_are_read_without_those_of_tests() {
        let packages = Packages::read().unwrap();
        let of_core: Vec<_> = packages.dependencies("faroe-core").collect();
        assert!(of_core.contains(&"faroe-protocol"), "{of_core:?}");
        assert!(!of_core.contains(&"faroe-testkit"), "{of_core:?}");
        assert_eq!(point_one_way(&packages), []);
    }
}
