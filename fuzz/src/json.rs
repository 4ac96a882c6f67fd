//! A JSON reader that is independent of Faroe's own parser, to compare with it.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// A JSON value, with all members of objects in their order.
#[derive(Debug)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    Boolean(bool),
    /// A number without sign, fraction and exponent.
    Natural(u64),
    /// A negative number without fraction and exponent.
    Negative,
    /// Any other number.
    Fraction(f64),
    Null,
}

impl Json {
    /// Reads an object within the protocol's bounds: this many bytes, 16 levels, and no duplicate member.
    pub(crate) fn strict_object(text: &[u8], most_bytes: usize) -> Option<Self> {
        let json: Self = serde_json::from_slice(text).ok()?;
        let is_strict = text.len() <= most_bytes && json.levels() <= 16 && json.names_are_unique();
        (is_strict && matches!(json, Self::Object(_))).then_some(json)
    }

    /// Returns the first member with this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let member = members.iter().find(|(known, _)| known == name);
        member.map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn inner(&self) -> Vec<&Self> {
        match self {
            Self::Object(members) => members.iter().map(|(_, value)| value).collect(),
            Self::Array(elements) => elements.iter().collect(),
            _ => Vec::new(),
        }
    }

    fn levels(&self) -> usize {
        let deepest = self.inner().into_iter().map(Self::levels).max();
        let is_level = matches!(self, Self::Object(_) | Self::Array(_));
        usize::from(is_level) + deepest.unwrap_or(0)
    }

    fn names_are_unique(&self) -> bool {
        let mut names = HashSet::new();
        let are_unique = match self {
            Self::Object(members) => members.iter().all(|(name, _)| names.insert(name)),
            _ => true,
        };
        are_unique && self.inner().into_iter().all(Self::names_are_unique)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Negative)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Natural(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Json::Object(object))
    }
}
