//! Copies of the sources in which an environment variable chooses, at run time, between the code and wrong variants of it.
//!
//! One build is enough for all variants. A copy shares the builds of dependencies with everything else.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace;

/// Folders that no build reads, by name.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "node_modules", "target"];

/// A copy of the sources.
#[derive(Debug)]
pub(crate) struct SourceCopy {
    pub(crate) folder: PathBuf,
}

impl SourceCopy {
    /// Returns the copy in this folder of `target`.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = workspace::target_directory()?.join(name);
        Ok(Self { folder })
    }

    /// Makes the folder a copy of the sources in which these files, by their paths from the root, have other texts.
    ///
    /// Files that are as they should be stay untouched, so that cargo compiles only what has changed.
    pub(crate) fn write(&self, texts: &BTreeMap<String, String>) -> Result<()> {
        let root = workspace::root();
        let texts = texts.iter().map(|(path, text)| (root.join(path), text));
        synchronize(root, &self.folder, &texts.collect())
    }

    /// Gives files of the copy other texts. Meanwhile, the sources themselves may change.
    pub(crate) fn change(&self, texts: &BTreeMap<String, String>) -> Result<()> {
        for (path, text) in texts {
            let path = self.folder.join(path);
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Has a cargo command build the copy.
    pub(crate) fn configure(&self, command: &mut Command) -> Result<()> {
        let wrapper = self.folder.join("xtask/instrumented.sh");
        // Another wrapper, such as a cache of compilations, would have to know this one.
        command.current_dir(&self.folder).envs([
            ("CARGO_TARGET_DIR", workspace::target_directory()?),
            ("RUSTC_WRAPPER", PathBuf::new()),
            ("RUSTC_WORKSPACE_WRAPPER", wrapper),
        ]);
        Ok(())
    }
}

/// Makes `to` a copy of `from` in which these files have other texts.
fn synchronize(from: &Path, to: &Path, texts: &BTreeMap<PathBuf, &String>) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    let mut names = BTreeSet::<OsString>::new();
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let copy = to.join(&name);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped) {
                continue;
            }
            synchronize(&path, &copy, texts)?;
        } else if kind.is_file() {
            let wanted = match texts.get(&path) {
                Some(text) => text.as_bytes().to_vec(),
                None => fs::read(&path).with_context(|| format!("read {}", path.display()))?,
            };
            if fs::read(&copy).ok().as_ref() != Some(&wanted) {
                fs::write(&copy, wanted).with_context(|| format!("write {}", copy.display()))?;
                fs::set_permissions(&copy, entry.metadata()?.permissions())?;
            }
        } else {
            continue;
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to).with_context(|| format!("read {}", to.display()))? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            let path = entry.path();
            let removed = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// A test program of a copy.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of the library or test.
    pub(crate) name: String,
    executable: PathBuf,
    /// The folder of its package.
    folder: PathBuf,
}

impl Program {
    /// Returns the test program that a message of cargo is about, if any.
    pub(crate) fn from_message(message: &Value) -> Option<Self> {
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            return None;
        }
        let manifest = Path::new(message["manifest_path"].as_str()?);
        Some(Self {
            name: message["target"]["name"].as_str()?.to_owned(),
            executable: message["executable"].as_str()?.into(),
            folder: manifest.parent()?.to_path_buf(),
        })
    }

    /// Returns the paths of its tests.
    pub(crate) fn tests(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.executable).arg("--list").output();
        let output = output.with_context(|| format!("run {}", self.executable.display()))?;
        let list = String::from_utf8_lossy(&output.stdout);
        let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(tests.map(str::to_owned).collect())
    }

    /// Returns the command that runs these tests, silently.
    pub(crate) fn command(&self, tests: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(tests)
            .arg("--exact")
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_copy_follows_its_original_and_keeps_what_has_not_changed() {
        let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (from, to) = (from.path(), to.path());
        let text = "one()".to_owned();
        let texts = BTreeMap::from([(from.join("src/lib.rs"), &text)]);
        fs::create_dir_all(from.join("src")).unwrap();
        fs::create_dir_all(from.join("target/debug")).unwrap();
        fs::write(from.join("src/lib.rs"), "two()").unwrap();
        fs::write(from.join("Cargo.toml"), "[package]").unwrap();
        synchronize(from, to, &texts).unwrap();
        assert_eq!(fs::read_to_string(to.join("src/lib.rs")).unwrap(), "one()");
        assert!(to.join("Cargo.toml").exists());
        assert!(!to.join("target").exists());

        let modified = || {
            let metadata = fs::metadata(to.join("src/lib.rs")).unwrap();
            metadata.modified().unwrap()
        };
        let before = modified();
        fs::remove_file(from.join("Cargo.toml")).unwrap();
        synchronize(from, to, &texts).unwrap();
        assert_eq!(modified(), before);
        assert!(!to.join("Cargo.toml").exists());
    }
}
