//! All configuration keys, with their paths and environment variables.

use super::{
    Settings,
    key::{Key, Shape},
    setting::Setting,
};

/// The first part of the name of every variable.
pub(super) const PREFIX: &str = "FAROE_";

/// Returns the name of the variable that sets the key with this path.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// A key with its path.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) key: &'static Key,
}

impl Entry {
    /// Returns the variable that has the name of the flag, if there is a flag.
    pub(crate) fn flag_variable(&self) -> Option<String> {
        let (flag, _) = self.key.flag()?;
        Some(variable(&flag.replace('-', "_")))
    }

    /// Returns the names of all variables that set the key.
    pub(crate) fn variables(&self) -> Vec<String> {
        let further = self.key.variable.map(str::to_owned);
        let mut names = vec![variable(&self.path)];
        names.extend(self.flag_variable().into_iter().chain(further));
        names.dedup();
        names
    }
}

/// Returns all keys in the order of their declaration, sections before the keys that they have.
pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    collect("", Settings::SHAPE, &mut entries);
    entries
}

fn collect(prefix: &str, shape: Shape, entries: &mut Vec<Entry>) {
    let Shape::Section(keys) = shape else { return };
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        let below = format!("{path}.");
        entries.push(Entry { path, key });
        collect(&below, key.shape, entries);
    }
}
