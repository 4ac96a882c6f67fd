//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask is a folder of the repository")
}

/// The cargo that runs us, in the folder of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Where cargo puts what it builds: we were built into its `debug`.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let executable = env::current_exe().context("could not find the folder of build results")?;
    let target = executable.ancestors().nth(2);
    Ok(target
        .context("could not find the folder of build results")?
        .to_path_buf())
}

/// The packages of the workspace and all that they depend on, as `cargo metadata` tells.
#[derive(Debug)]
pub(crate) struct Packages(Vec<Value>);

impl Packages {
    pub(crate) fn read() -> Result<Self> {
        let mut metadata = cargo();
        metadata
            .args(["metadata", "--format-version", "1"])
            .stderr(Stdio::inherit());
        let output = metadata.output().context("could not run cargo metadata")?;
        ensure!(output.status.success(), "cargo metadata failed");
        let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
        match metadata["packages"].take() {
            Value::Array(packages) => Ok(Self(packages)),
            _ => anyhow::bail!("cargo metadata named no packages"),
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.folder(name).is_some()
    }

    /// The name of the package with this manifest.
    pub(crate) fn name(&self, manifest: &Path) -> Option<&str> {
        let is_it = |package: &&Value| {
            let path = package["manifest_path"].as_str();
            path.is_some_and(|path| Path::new(path) == manifest)
        };
        self.0.iter().find(is_it)?["name"].as_str()
    }

    /// The names of the packages in the folder `examples`.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &str> {
        let names = self.0.iter().filter_map(|package| package["name"].as_str());
        let examples = root().join("examples");
        names.filter(move |name| {
            self.folder(name)
                .is_some_and(|folder| folder.starts_with(&examples))
        })
    }

    /// Every package and what it is licensed under, if it says so.
    pub(crate) fn licenses(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let packages = self.0.iter();
        packages
            .filter_map(|package| Some((package["name"].as_str()?, package["license"].as_str())))
    }

    /// The version of the SQLite that is built into rusqlite, if there is one.
    pub(crate) fn bundled_sqlite_version(&self) -> Option<String> {
        let header = self.folder("libsqlite3-sys")?.join("sqlite3/sqlite3.h");
        let header = std::fs::read_to_string(header).ok()?;
        let mut definitions = header
            .lines()
            .filter_map(|line| line.strip_prefix("#define SQLITE_VERSION "));
        Some(definitions.next()?.trim().trim_matches('"').to_owned())
    }

    fn folder(&self, name: &str) -> Option<&Path> {
        let package = self.0.iter().find(|package| package["name"] == name)?;
        Path::new(package["manifest_path"].as_str()?).parent()
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
