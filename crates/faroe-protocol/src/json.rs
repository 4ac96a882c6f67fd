//! Strict JSON: bounded in size and depth, without duplicate member names.

use std::{borrow::Cow, cell::Cell, fmt, mem};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
        value::MapDeserializer,
    },
};
use serde_json::Value;

use crate::{
    fields::UserFieldValue,
    types::{Counter, FieldType},
};

/// The maximum nesting of objects and arrays. The outermost object is the first level.
pub(crate) const MAX_DEPTH: usize = 16;

/// The initial capacity for the members of an object. Most objects in requests have no more.
const USUAL_MEMBERS: usize = 2;

/// The reason why a body was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidJson {
    TooLarge,
    NotAnObject,
    TooDeep,
    DuplicateMember,
}

/// Any JSON value. Strings borrow from the body unless they contain escapes.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Object(Members<'a>),
    Text(Cow<'a, str>),
    Other(Value),
}

/// The members of an object, sorted by name, without duplicates. The protocol's objects have so few members that a list
/// is cheaper than a map.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Members<'a> {
    /// Returns the value of the member with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.place(name).map(|place| &self.0[place].1)
    }

    /// Takes the value of the member with this name and leaves null in its place.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let place = self.place(name)?;
        Some(mem::replace(&mut self.0[place].1, Json::Other(Value::Null)))
    }

    /// Decodes the members as the fields of a struct. Returns `None` if one is missing or mistyped.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Option<T> {
        let fields = self
            .0
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)));
        T::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields)).ok()
    }

    fn place(&self, name: &str) -> Option<usize> {
        let place = self
            .0
            .binary_search_by(|(other, _)| other.as_ref().cmp(name));
        place.ok()
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Self {
        match json {
            Json::Object(Members(members)) => Self::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name.into_owned(), value.into()))
                    .collect(),
            ),
            Json::Text(text) => Self::String(text.into_owned()),
            Json::Other(value) => value,
        }
    }
}

/// Parses a body of at most `max_size` bytes that must be one JSON object. Takes memory linear in its size, and linear
/// time except for sorting member names.
pub(crate) fn parse_object(body: &[u8], max_size: usize) -> Result<Members<'_>, InvalidJson> {
    if body.len() > max_size {
        return Err(InvalidJson::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| InvalidJson::NotAnObject)?;
    let refusal = Cell::new(InvalidJson::NotAnObject);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict {
        levels_left: MAX_DEPTH,
        refusal: &refusal,
    }
    .deserialize(&mut deserializer);
    match (value, deserializer.end()) {
        (Ok(Json::Object(members)), Ok(())) => Ok(members),
        _ => Err(refusal.get()),
    }
}

/// Checks whether an argument has this type.
pub(crate) fn is_of_type(value: &Json<'_>, field_type: FieldType) -> bool {
    match (field_type, value) {
        (FieldType::String, Json::Text(_)) => true,
        (FieldType::Bytes, Json::Text(text)) => BASE64_STANDARD.decode(text.as_ref()).is_ok(),
        (FieldType::Int32, Json::Other(value)) => Counter::deserialize(value).is_ok(),
        (FieldType::UserFields, Json::Object(Members(members))) => {
            members.iter().all(|(_, value)| match value {
                Json::Text(_) => true,
                Json::Other(value) => UserFieldValue::deserialize(value).is_ok(),
                Json::Object(_) => false,
            })
        }
        _ => false,
    }
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Deserializes any value. Stores in `refusal` the reason why it stopped, unless that is the syntax.
#[derive(Clone, Copy)]
struct Strict<'a> {
    levels_left: usize,
    refusal: &'a Cell<InvalidJson>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, reason: InvalidJson) -> E {
        self.refusal.set(reason);
        E::custom("the value is rejected")
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self {
                levels_left,
                ..self
            }),
            None => Err(self.refuse(InvalidJson::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Other(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element.into());
        }
        Ok(Json::Other(Value::Array(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut object = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(Name(name)) = members.next_key()? {
            object.push((name, members.next_value_seed(inner)?));
        }
        object.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if object.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(self.refuse(InvalidJson::DuplicateMember));
        }
        Ok(Json::Object(Members(object)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::MAX_BODY_SIZE;

    fn parse(body: &[u8]) -> Result<Members<'_>, InvalidJson> {
        parse_object(body, MAX_BODY_SIZE)
    }

    fn refusal(body: &str) -> InvalidJson {
        parse(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn only_an_object_is_an_object() {
        for body in [
            "",
            " ",
            "[1]",
            "1",
            "null",
            "\"{}\"",
            "{",
            "{}{}",
            "{},",
            "{\"a\":}",
            "{'a':1}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(refusal(body), InvalidJson::NotAnObject, "{body}");
        }
        assert_eq!(
            parse(b"{\"a\":\"\xff\"}").unwrap_err(),
            InvalidJson::NotAnObject
        );
        assert_eq!(
            parse(b"{\"\xff\":1}").unwrap_err(),
            InvalidJson::NotAnObject
        );
        assert!(parse(b" {\"a\": [1, 2.5, -3, true, null, \"x\", {}]}\n").is_ok());
    }

    #[test]
    fn a_name_given_twice_is_refused_at_any_depth() {
        assert_eq!(refusal(r#"{"a":1,"a":1}"#), InvalidJson::DuplicateMember);
        assert_eq!(
            refusal(r#"{"a":1,"\u0061":1}"#),
            InvalidJson::DuplicateMember
        );
        assert_eq!(
            refusal(r#"{"x":[{"a":1,"b":2,"a":3}]}"#),
            InvalidJson::DuplicateMember
        );
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn sixteen_levels_are_the_most() {
        let nested = |levels: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert!(parse(nested(16).as_bytes()).is_ok());
        assert_eq!(refusal(&nested(17)), InvalidJson::TooDeep);
        assert_eq!(
            refusal(&format!("{{\"a\":{}", "[".repeat(60_000))),
            InvalidJson::TooDeep
        );
        assert_eq!(refusal(&"[".repeat(60_000)), InvalidJson::TooDeep);
    }

    #[test]
    fn the_size_is_bounded() {
        let padded = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
        assert!(parse(padded(MAX_BODY_SIZE).as_bytes()).is_ok());
        assert_eq!(refusal(&padded(MAX_BODY_SIZE + 1)), InvalidJson::TooLarge);
    }

    #[test]
    fn counters_are_exact() {
        let is_counter = |text: &str| {
            is_of_type(
                parse(format!("{{\"a\":{text}}}").as_bytes())
                    .unwrap()
                    .get("a")
                    .unwrap(),
                FieldType::Int32,
            )
        };
        for text in ["0", "1", "2147483647"] {
            assert!(is_counter(text), "{text}");
        }
        for text in [
            "-1",
            "-0",
            "0.0",
            "1.0",
            "1.5",
            "1e2",
            "2147483648",
            "4294967296",
            "99999999999999999999",
            "\"1\"",
            "true",
            "null",
        ] {
            assert!(!is_counter(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(body: Vec<u8>) {
            let _ = parse(&body);
        }

        #[test]
        fn what_is_accepted_is_what_serde_json_reads(body in "[\\[\\]{}:,\"a1. \\\\n]{0,40}") {
            if let Ok(members) = parse(body.as_bytes()) {
                prop_assert_eq!(Value::from(Json::Object(members)), serde_json::from_str::<Value>(&body).unwrap());
            }
        }
    }
}
