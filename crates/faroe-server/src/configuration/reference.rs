//! The reference of all configuration keys.

use std::fmt::Write;

use super::{
    Settings,
    entries::{self, Entry, entries},
    key::Shape,
    layer::Node,
    setting::Setting,
};

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
            Shape::Map(_) | Shape::Open => vec![format!("{}__…", entries::variable(&entry.path))],
            Shape::Value | Shape::Secret | Shape::Url => entry.variables(),
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
