//! Configuration keys.

use clap::builder::PossibleValue;

/// A configuration key, as [`section!`](super::section::section) declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// The documentation of the field, or else of its section.
    pub(crate) about: &'static str,
    /// The kind of value, for readers.
    pub(crate) kind: fn() -> String,
    /// All values, if there are only a few.
    pub(crate) values: fn() -> Vec<PossibleValue>,
    pub(crate) shape: Shape,
    /// The default, in TOML.
    pub(crate) default: fn() -> Option<String>,
    /// The effect of a key that has no default and is not set.
    pub(crate) otherwise: Option<&'static str>,
    /// The flag and the placeholder of its value.
    pub(crate) flag: Option<&'static str>,
    /// A further environment variable.
    pub(crate) variable: Option<&'static str>,
}

/// The keys below a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// None: it has a value.
    Value,
    /// None, or `file` and `environment`: it has a secret.
    Secret,
    /// None, or `file` and `environment`: it has a URL, which can hold a secret.
    Url,
    /// The keys of a section.
    Section(&'static [Key]),
    /// Any name, with this below it.
    Map(&'static Self),
    /// Any keys: they are declared elsewhere.
    Open,
}

impl Shape {
    /// Returns the shape of a key below this one, if it can exist.
    pub(crate) fn below(self, name: &str) -> Option<Self> {
        match self {
            Self::Value => None,
            Self::Secret | Self::Url => ["file", "environment"]
                .contains(&name)
                .then_some(Self::Value),
            Self::Section(keys) => {
                let key = keys.iter().find(|key| key.name == name);
                key.map(|key| key.shape)
            }
            Self::Map(shape) => Some(*shape),
            Self::Open => Some(Self::Open),
        }
    }
}

impl Key {
    /// Returns the name of the flag, without dashes, and the placeholder of its value.
    pub(crate) fn flag(&self) -> Option<(&'static str, &'static str)> {
        self.flag?.trim_start_matches('-').split_once(' ')
    }
}

/// Returns the first of two texts that is not empty.
pub(crate) const fn first(text: &'static str, other: &'static str) -> &'static str {
    if text.is_empty() { other } else { text }
}
