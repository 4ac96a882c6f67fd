//! The files of the repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

/// Names of folders that hold nothing of the repository.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "node_modules", "target"];

/// Endings of the files whose text the rules are about. Of others only the name is known.
const TEXT_ENDINGS: [&str; 3] = [".md", ".rs", ".toml"];

/// All files and folders by their paths from the root, with `/` between names.
#[derive(Debug, Default)]
pub(super) struct Tree {
    texts: BTreeMap<String, String>,
    paths: BTreeSet<String>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let read = || format!("could not read {}", folder.display());
        for entry in fs::read_dir(folder).with_context(read)? {
            let entry = entry.with_context(read)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type().with_context(read)?.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                    self.paths.insert(path);
                }
            } else {
                if TEXT_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                    let text = fs::read_to_string(entry.path());
                    self.texts.insert(
                        path.clone(),
                        text.with_context(|| format!("could not read {path}"))?,
                    );
                }
                self.paths.insert(path);
            }
        }
        Ok(())
    }

    /// Checks whether there is a file or folder at this path.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Returns the text of a file, if it has one.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Returns every text file with its path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the Rust sources of the crates in `crates/`, without their tests and examples.
    pub(super) fn crate_sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_source = |path: &str| {
            let mut parts = path.split('/');
            parts.next() == Some("crates") && parts.nth(1) == Some("src") && path.ends_with(".rs")
        };
        self.texts().filter(move |(path, _)| is_source(path))
    }

    /// Returns the folders of the crates in `crates/`.
    pub(super) fn crates(&self) -> impl Iterator<Item = &str> {
        self.paths
            .iter()
            .filter_map(|path| path.strip_suffix("/Cargo.toml"))
            .filter(|path| path.starts_with("crates/"))
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            let folders = path
                .match_indices('/')
                .map(|(end, _)| path[..end].to_owned());
            tree.paths.extend(folders.chain([(*path).to_owned()]));
            tree.texts.insert((*path).to_owned(), (*text).to_owned());
        }
        tree
    }
}
