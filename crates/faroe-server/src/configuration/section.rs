//! The declaration of configuration keys in sections.

use super::{
    deserializer,
    layer::Node,
    setting::{Setting, ToToml},
};

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
                key::{self, Key, Shape},
                section,
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
                    about: key::first(concat!($($doc),*), <$Type as Setting>::ABOUT),
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
