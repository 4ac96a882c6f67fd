//! The workspace: its folders and packages, and the programs of this machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Returns the folder of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask is a folder of the repository")
}

/// Returns the cargo that runs this program, in the folder of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Returns the folder of build results: this program is in its `debug`.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let executable = env::current_exe().context("find the folder of build results")?;
    let target = executable.ancestors().nth(2);
    Ok(target
        .context("find the folder of build results")?
        .to_path_buf())
}

/// The packages of the workspace, as `cargo metadata` describes them.
#[derive(Debug)]
pub(crate) struct Packages(Vec<Value>);

impl Packages {
    pub(crate) fn read() -> Result<Self> {
        let mut metadata = cargo();
        metadata
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit());
        let output = metadata.output().context("run cargo metadata")?;
        ensure!(output.status.success(), "cargo metadata failed");
        let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
        match metadata["packages"].take() {
            Value::Array(packages) => Ok(Self(packages)),
            _ => anyhow::bail!("cargo metadata named no packages"),
        }
    }

    /// Returns the names of the packages in a folder.
    pub(crate) fn names_in(&self, folder: &str) -> impl Iterator<Item = &str> {
        let folder = root().join(folder);
        let packages = self.0.iter().filter(move |package| {
            let manifest = package["manifest_path"].as_str().map(Path::new);
            manifest.is_some_and(|manifest| manifest.starts_with(&folder))
        });
        packages.filter_map(|package| package["name"].as_str())
    }

    /// Returns the names of a package's dependencies, without those of its tests.
    pub(crate) fn dependencies(&self, name: &str) -> impl Iterator<Item = &str> {
        let package = self.0.iter().find(|package| package["name"] == name);
        let dependencies = package.and_then(|package| package["dependencies"].as_array());
        let dependencies = dependencies.into_iter().flatten();
        dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
    }
}

/// Finds a program on the `PATH` or in these folders, in which `*` stands for any one name; the last in order wins.
pub(crate) fn find_program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(name));
    let elsewhere = folders
        .iter()
        .flat_map(|folder| expand(folder))
        .map(|folder| folder.join(name));
    on_path.chain(elsewhere).find(|program| program.is_file())
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once("/*/") else {
        return vec![PathBuf::from(pattern)];
    };
    let entries = std::fs::read_dir(before).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path().join(after)).collect();
    folders.sort();
    folders.reverse();
    folders
}
