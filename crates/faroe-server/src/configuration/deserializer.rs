//! Values of the types that are asked for, read from a tree of settings.

use std::{fmt::Display, time::Duration};

use serde::{
    Deserialize, Deserializer, de,
    de::{
        Error as _, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::de::DeValue;

use super::{
    layer::{Content, Node, Source},
    suggestion::suggest,
};
use crate::error::StartError;

/// Reads all settings. An error names the source and the key of what is wrong; a value is never part of it.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &Node) -> Result<T, StartError> {
    serde_path_to_error::deserialize(node.clone()).map_err(|error| {
        let source = node.source_of(error.path());
        let message = format!("{source}: {}: {}", error.path(), error.inner().0);
        match source {
            Source::Flag(_) => StartError::usage(message),
            _ => StartError::new(message),
        }
    })
}

const DURATION: &str = "a duration longer than zero, such as \"30 days\" or \"1h 30m\"";

/// The reason why a value is refused. Unlike the errors of most formats it does not hold the value.
#[derive(Debug)]
pub(super) struct Error(String);

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => "a whole number",
            Unexpected::Float(_) => "a number",
            Unexpected::Str(_) => "a text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            _ => "something else",
        };
        Self(format!("expected {}, found {found}", in_words(expected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self(format!("expected {}", in_words(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<_> = expected.iter().map(|name| format!("{name:?}")).collect();
        Self(format!("expected {}", names.join(" or ")))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        let suggestion = suggest(name, expected.iter().copied());
        Self(format!("unknown key{suggestion}"))
    }
}

/// Serde describes numbers by the types of Rust.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "usize" => "a whole number".to_owned(),
        "u32" => format!("a whole number up to {}", u32::MAX),
        "a nonzero u32" | "a nonzero usize" => "a whole number of at least 1".to_owned(),
        "a string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        expected if expected.starts_with("struct ") => "a table".to_owned(),
        expected => expected.to_owned(),
    }
}

impl<'de> IntoDeserializer<'de, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.content {
            Content::Table(table) => visitor.visit_map(MapDeserializer::new(table.into_iter())),
            Content::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Content::Text(text) | Content::Untyped(text) => visitor.visit_string(text),
            Content::Integer(integer) => visitor.visit_i64(integer),
            Content::Float(float) => visitor.visit_f64(float),
            Content::Boolean(boolean) => visitor.visit_bool(boolean),
            Content::Date => Err(Error::invalid_type(Unexpected::Other("a date"), &visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.content {
            Content::Untyped(text) => match text.parse() {
                Ok(value) => visitor.visit_bool(value),
                Err(_) => Err(Error::custom("expected true or false")),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.content {
            Content::Untyped(text) => match text.parse() {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => Err(Error::invalid_value(Unexpected::Other(""), &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    /// An untyped list is a TOML array or has commas between its items.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Content::Untyped(text) = &self.content else {
            return self.deserialize_any(visitor);
        };
        if text.starts_with('[') {
            let list = DeValue::parse(text)
                .map_err(|_| Error::custom("expected a TOML array, such as [\"a\", \"b\"]"))?;
            return Self::from_toml(list, &|_| self.source.clone()).deserialize_any(visitor);
        }
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        let items = items.map(|item| Self {
            source: self.source.clone(),
            content: Content::Untyped(item.to_owned()),
        });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.content {
            Content::Text(text) | Content::Untyped(text) => {
                visitor.visit_enum(text.into_deserializer())
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// Serde takes a [`Duration`] for a struct; people write it as `30 days` or `1h 30m`.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name != "Duration" {
            return self.deserialize_any(visitor);
        }
        let duration = match &self.content {
            Content::Text(text) | Content::Untyped(text) => humantime::parse_duration(text).ok(),
            _ => None,
        };
        let duration = duration.filter(|duration| *duration > Duration::ZERO);
        let duration = duration.ok_or_else(|| Error(format!("expected {DURATION}")))?;
        let fields = [
            ("secs", duration.as_secs()),
            ("nanos", duration.subsec_nanos().into()),
        ];
        visitor.visit_map(MapDeserializer::new(fields.into_iter()))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map
        identifier ignored_any
    }
}
