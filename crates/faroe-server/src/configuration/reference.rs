//! The reference of all configuration keys.

use std::fmt::Write;

use super::{
    Settings,
    layer::Node,
    section::{Key, Shape},
    setting::Setting,
    variables,
};

/// A key with its path.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) key: &'static Key,
}

impl Entry {
    /// Returns the variable that has the name of the flag, if there is a flag.
    pub(crate) fn flag_variable(&self) -> Option<String> {
        let (flag, _) = self.key.flag()?;
        Some(variables::name(&flag.replace('-', "_")))
    }

    /// Returns the names of all variables that set the key.
    pub(crate) fn variables(&self) -> Vec<String> {
        let further = self.key.variable.map(str::to_owned);
        let mut names = vec![variables::name(&self.path)];
        names.extend(self.flag_variable().into_iter().chain(further));
        names.dedup();
        names
    }
}

/// The defaults of all keys.
pub(crate) struct Defaults(Node);

impl Defaults {
    pub(crate) fn new() -> Self {
        Self(Node::defaults(Settings::SHAPE))
    }

    /// Returns the default of a key: in words, in TOML between backticks, or an empty text.
    pub(crate) fn of(&self, entry: &Entry) -> String {
        if let Some(otherwise) = entry.key.otherwise {
            return otherwise.to_owned();
        }
        let mut names = entry.path.split('.');
        let default = names.try_fold(&self.0, |node, name| node.get(name));
        match default.map(ToString::to_string) {
            Some(default) if !default.is_empty() => format!("`{default}`"),
            _ => String::new(),
        }
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

/// Returns the reference as a table in Markdown.
pub fn config_reference() -> String {
    let mut text =
        "| key | value | default | environment variable, flag | meaning |\n|---|---|---|---|---|\n"
            .to_owned();
    let defaults = Defaults::new();
    for entry in entries() {
        let default = defaults.of(&entry);
        let flag = entry.key.flag.map(str::to_owned);
        let variables = match entry.key.shape {
            Shape::Section(_) => Vec::new(),
            Shape::Map(_) | Shape::Open => vec![format!("{}__…", variables::name(&entry.path))],
            Shape::Value | Shape::Secret => entry.variables(),
        };
        let names = variables.into_iter().chain(flag);
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        let (path, kind, about) = (&entry.path, (entry.key.kind)(), entry.key.about.trim());
        writeln!(
            text,
            "| `{path}` | {kind} | {default} | {} | {about} |",
            names.join(", ")
        )
        .expect("a String takes any text");
    }
    text
}
