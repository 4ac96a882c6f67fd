//! The types that configuration values can have.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::builder::PossibleValue;
use humantime::format_duration;
use serde::de::DeserializeOwned;

use super::key::Shape;

/// A type that a configuration key can have.
pub(crate) trait Setting: DeserializeOwned {
    /// The documentation of a section.
    const ABOUT: &'static str = "";

    /// The keys below one with this type.
    const SHAPE: Shape = Shape::Value;

    /// Describes the values, for readers.
    fn kind() -> String;

    /// Returns all values, if there are only a few.
    fn values() -> Vec<PossibleValue> {
        Vec::new()
    }
}

/// Implements [`Setting`] for types without keys below them.
macro_rules! setting {
    ($($Type:ty: $kind:literal,)+) => {
        $(impl Setting for $Type {
            fn kind() -> String {
                $kind.to_owned()
            }
        })+
    };
}

pub(super) use setting;

setting! {
    Duration: "duration",
    NonZeroU32: "number, at least 1",
    NonZeroUsize: "number, at least 1",
    PathBuf: "path",
    SocketAddr: "address and port",
    String: "text",
    u32: "number",
    usize: "number",
}

impl Setting for bool {
    fn kind() -> String {
        "`true` or `false`".to_owned()
    }

    fn values() -> Vec<PossibleValue> {
        ["true", "false"].map(PossibleValue::new).into()
    }
}

impl<T: Setting> Setting for Option<T> {
    const ABOUT: &'static str = T::ABOUT;
    const SHAPE: Shape = T::SHAPE;

    fn kind() -> String {
        T::kind()
    }

    fn values() -> Vec<PossibleValue> {
        T::values()
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn kind() -> String {
        format!("list: {}", T::kind())
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    const SHAPE: Shape = Shape::Map(&T::SHAPE);

    fn kind() -> String {
        format!("table: {}", T::kind())
    }
}

/// Implements [`Setting`] for enumerations.
macro_rules! enumeration {
    ($Type:ty) => {
        impl Setting for $Type {
            fn kind() -> String {
                let values = Self::values().into_iter();
                let names: Vec<_> = values
                    .map(|value| format!("`{}`", value.get_name()))
                    .collect();
                names.join(", ")
            }

            fn values() -> Vec<clap::builder::PossibleValue> {
                let values = <Self as clap::ValueEnum>::value_variants().iter();
                values
                    .filter_map(clap::ValueEnum::to_possible_value)
                    .collect()
            }
        }
    };
}

pub(super) use enumeration;

/// A default that can be written in TOML.
pub(super) trait ToToml {
    /// Returns the value in TOML, or `None` if nothing is set by default.
    fn to_toml(&self) -> Option<String>;
}

impl ToToml for &str {
    fn to_toml(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

impl ToToml for [&str; 0] {
    fn to_toml(&self) -> Option<String> {
        Some("[]".to_owned())
    }
}

impl ToToml for Duration {
    fn to_toml(&self) -> Option<String> {
        let text = format_duration(*self).to_string();
        Some(format!("\"{}\"", text.replace("days", " days")))
    }
}

impl<T: ToToml> ToToml for Option<T> {
    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(T::to_toml)
    }
}

macro_rules! to_toml {
    ($($Type:ty),+) => {
        $(impl ToToml for $Type {
            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        })+
    };
}

to_toml!(bool, i32, u32, usize);
