//! The sources of a configuration.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    Settings, entries, file,
    layer::{Node, Source},
    setting::Setting,
    variables,
};
use crate::error::StartError;

/// The sources of a configuration: a file, environment variables and values of keys, each of which wins over the ones
/// before. Start from [`Sources::default`], which has none, or [`Sources::environment`].
#[derive(Clone, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    /// Paths and texts.
    values: Vec<(String, String)>,
}

impl Sources {
    /// Returns the environment of this process: all variables that begin with `FAROE_`, and the file that `FAROE_CONFIG` names.
    pub fn environment() -> Self {
        let all = env::vars_os();
        let ours = all.filter(|(name, _)| name.to_string_lossy().starts_with(entries::PREFIX));
        let sources = Self {
            environment: ours.collect(),
            ..Self::default()
        };
        let file = env::var_os(variables::FILE).map(|name| match name.into_string() {
            Ok(name) => name.trim_end().into(),
            Err(name) => PathBuf::from(name),
        });
        Self { file, ..sources }
    }

    /// Reads this configuration file, and no other.
    #[must_use]
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = Some(path.as_ref().to_owned());
        self
    }

    /// Sets a key, such as `session.inactivity_timeout`. The text is read like the value of a flag.
    #[must_use]
    pub fn set(mut self, key: &str, text: impl Into<String>) -> Self {
        self.values.push((key.to_owned(), text.into()));
        self
    }

    /// Returns all that is set, and the names of the variables that set nothing.
    pub(super) fn layers(&self) -> Result<(Node, Vec<String>), StartError> {
        let file = self.file.as_deref().map(file::read).transpose()?;
        let mut layers = file.unwrap_or_else(|| Node::table(Source::Default));
        let (environment, others) = variables::read(&self.environment)?;
        layers.merge(environment, Settings::SHAPE);
        let mut values = Node::table(Source::Default);
        for (path, text) in &self.values {
            let shape = variables::shape_of(path)
                .ok_or_else(|| StartError::usage(format!("{path}: unknown key")))?;
            variables::set(&mut values, path, shape, text, &Source::Flag(flag(path)))?;
        }
        layers.merge(values, Settings::SHAPE);
        Ok((layers, others))
    }
}

/// Returns the name of the flag for a key, or else the name of the key.
fn flag(path: &str) -> String {
    let entry = entries().into_iter().find(|entry| entry.path == path);
    let flag = entry.and_then(|entry| entry.key.flag());
    flag.map_or_else(|| path.to_owned(), |(name, _)| format!("--{name}"))
}

/// Values may hold passwords.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
