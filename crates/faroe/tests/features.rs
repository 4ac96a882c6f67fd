//! The facade is complete.

use std::fs;

/// Crates without a feature: the facade, the program, the crate for tests, and crates that others re-export.
const WITHOUT_FEATURE: [&str; 11] = [
    "faroe",
    "faroe-address",
    "faroe-mysql",
    "faroe-postgres",
    "faroe-protocol",
    "faroe-server",
    "faroe-sql",
    "faroe-sqlite",
    "faroe-testkit",
    "faroe-tls",
    "faroe-users-table",
];

#[test]
fn every_crate_has_a_feature_a_module_and_a_row_in_the_readme() {
    let manifest = include_str!("../Cargo.toml");
    let source = include_str!("../src/lib.rs");
    let readme = include_str!("../README.md");
    let crates = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let names = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter(|name| !WITHOUT_FEATURE.contains(&name.as_str())) {
        let feature = name.strip_prefix("faroe-").unwrap();
        let export = format!("#[cfg(feature = \"{feature}\")]");
        assert!(manifest.contains(&format!("\n{feature} = [")), "{name}");
        assert!(source.contains(&export), "{name}");
        assert!(readme.contains(&format!("`{feature}`")), "{name}");
    }
}
