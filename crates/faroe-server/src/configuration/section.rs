//! The declaration of configuration keys.

use clap::builder::PossibleValue;

use super::{
    deserializer,
    layer::Node,
    setting::{Setting, ToToml},
};

/// A configuration key, as [`section!`] declares it.
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
            Self::Secret => ["file", "environment"]
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

/// Returns a default in TOML, or `None` if nothing is set by default.
pub(super) fn to_toml(default: &impl ToToml) -> Option<String> {
    default.to_toml()
}

/// Returns a section in which nothing is set.
pub(super) fn default<S: Setting>() -> S {
    let section = deserializer::read(&Node::defaults(S::SHAPE));
    section.expect("every key of a section has a valid default")
}

/// Declares a section: its keys in the order of the reference, each with the sentence that documents it and its default.
///
/// ```text
/// /// Limits of the network.
/// Http {
///     /// Number of open connections.
///     max_connections: NonZeroU32 = 1024,
/// }
/// ```
///
/// A key without a default is an `Option`, a list, a map or another section. Attributes stand after its documentation, in
/// this order:
///
/// - `#[flag = "--listen ADDR:PORT"]`: it can also be set by this flag and the environment variable `FAROE_LISTEN`;
/// - `#[variable = NAME]`: it is also read from this environment variable, as the section's code says;
/// - `#[otherwise = "the domain of `email.from`"]`: what applies if it is not set.
///
/// `Session => SessionConfiguration { … }` declares keys that have the names and the defaults of a library's options, and
/// makes those options from them.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $Section:ident => $Options:ty {
            $(
                $(#[doc = $doc:literal])+
                $(#[otherwise = $otherwise:literal])?
                $key:ident: $Type:ty,
            )+
        }
    ) => {
        $crate::configuration::section::section! {
            $(#[doc = $about])+
            $Section {
                $(
                    $(#[doc = $doc])+
                    $(#[otherwise = $otherwise])?
                    $key: $Type = <$Options>::default().$key,
                )+
            }
        }

        impl From<$Section> for $Options {
            fn from(section: $Section) -> Self {
                let mut options = Self::default();
                $(options.$key = section.$key.into();)+
                options
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $Section:ident {
            $(
                $(#[doc = $doc:literal])*
                $(#[flag = $flag:literal])?
                $(#[variable = $variable:expr])?
                $(#[otherwise = $otherwise:literal])?
                $key:ident: $Type:ty $(= $default:expr)?,
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, expecting = "a table")]
        pub(crate) struct $Section {
            $(
                $(#[doc = $doc])*
                pub(crate) $key: $Type,
            )+
        }

        const _: () = {
            use $crate::configuration::{
                section::{self, Key, Shape},
                setting::Setting,
            };

            impl Default for $Section {
                fn default() -> Self {
                    section::default()
                }
            }

            impl Setting for $Section {
                const ABOUT: &'static str = concat!($($about),+);
                const SHAPE: Shape = Shape::Section(&[$(Key {
                    name: stringify!($key),
                    about: section::first(concat!($($doc),*), <$Type as Setting>::ABOUT),
                    kind: <$Type as Setting>::kind,
                    values: <$Type as Setting>::values,
                    shape: <$Type as Setting>::SHAPE,
                    default: || section::option!($(section::to_toml(&$default))?),
                    otherwise: section::option!($(Some($otherwise))?),
                    flag: section::option!($(Some($flag))?),
                    variable: section::option!($(Some($variable))?),
                }),+]);

                fn kind() -> String {
                    "table".to_owned()
                }
            }
        };
    };
}

/// `None` if there is no value.
macro_rules! option {
    () => {
        None
    };
    ($value:expr) => {
        $value
    };
}

pub(super) use {option, section};
