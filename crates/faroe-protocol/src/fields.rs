//! Fields of a new user: what an application asks for at sign-up, besides an address and a password.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::types::{FieldType, WireType};

/// The magnitude from which on a fraction may stand for another number: a JSON integer that has no exact form.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// Fields of a new user, by name. `Debug` shows only their number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserFields(BTreeMap<String, UserFieldValue>);

impl UserFields {
    /// The maximum size of all fields together: of their JSON object without white space, in bytes.
    pub const MAX_SIZE: usize = 4 * 1024;

    /// Sets a field, and returns the value that it had.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<UserFieldValue>,
    ) -> Option<UserFieldValue> {
        self.0.insert(name.into(), value.into())
    }

    /// Returns the value of the field with this name.
    pub fn get(&self, name: &str) -> Option<&UserFieldValue> {
        self.0.get(name)
    }

    /// Returns the fields in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &UserFieldValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Checks whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks whether the fields take at most [`UserFields::MAX_SIZE`] and every number is exact.
    pub fn is_valid(&self) -> bool {
        self.0.values().all(UserFieldValue::is_exact)
            && serde_json::to_string(self).is_ok_and(|json| json.len() <= Self::MAX_SIZE)
    }
}

impl<N: Into<String>, V: Into<UserFieldValue>> FromIterator<(N, V)> for UserFields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields = fields.into_iter();
        Self(
            fields
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for UserFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} fields]", self.0.len())
    }
}

impl WireType for UserFields {
    const TYPE: FieldType = FieldType::UserFields;
}

/// The value of a field. `Debug` shows only its kind. Numbers of JSON without an exact form are refused: integers beyond 64
/// bits, and fractions of 2⁵³ or more.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum UserFieldValue {
    /// A string.
    Text(String),
    /// A number that is written without a fraction and an exponent.
    Integer(i64),
    /// Any other number. It is finite.
    Fraction(f64),
    /// True or false.
    Boolean(bool),
}

/// A fraction is a number.
impl Eq for UserFieldValue {}

impl UserFieldValue {
    fn is_exact(&self) -> bool {
        match self {
            Self::Fraction(fraction) => fraction.abs() < FIRST_INEXACT,
            Self::Text(_) | Self::Integer(_) | Self::Boolean(_) => true,
        }
    }
}

impl From<&str> for UserFieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for UserFieldValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for UserFieldValue {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for UserFieldValue {
    fn from(fraction: f64) -> Self {
        Self::Fraction(fraction)
    }
}

impl From<bool> for UserFieldValue {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl fmt::Debug for UserFieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "[text]",
            Self::Integer(_) => "[integer]",
            Self::Fraction(_) => "[fraction]",
            Self::Boolean(_) => "[boolean]",
        })
    }
}

impl<'de> Deserialize<'de> for UserFieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = UserFieldValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a boolean or an exact number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<UserFieldValue, E> {
                Ok(text.into())
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<UserFieldValue, E> {
                Ok(text.into())
            }

            fn visit_bool<E: de::Error>(self, boolean: bool) -> Result<UserFieldValue, E> {
                Ok(boolean.into())
            }

            fn visit_i64<E: de::Error>(self, integer: i64) -> Result<UserFieldValue, E> {
                Ok(integer.into())
            }

            fn visit_u64<E: de::Error>(self, integer: u64) -> Result<UserFieldValue, E> {
                i64::try_from(integer)
                    .map(UserFieldValue::Integer)
                    .map_err(|_| E::custom("the integer has more than 64 bits"))
            }

            fn visit_f64<E: de::Error>(self, fraction: f64) -> Result<UserFieldValue, E> {
                let value = UserFieldValue::Fraction(fraction);
                if value.is_exact() {
                    Ok(value)
                } else {
                    Err(E::custom("the number is not exact"))
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Option<UserFields> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn p81_strings_booleans_and_exact_numbers_are_fields() {
        let fields = parse(
            r#"{"a": "x", "b": true, "c": 9007199254740993, "d": -9223372036854775808, "e": 0.5}"#,
        );
        let fields = fields.unwrap();
        let expected = UserFields::from_iter([
            ("a", UserFieldValue::from("x")),
            ("b", true.into()),
            ("c", 9_007_199_254_740_993.into()),
            ("d", i64::MIN.into()),
            ("e", 0.5.into()),
        ]);
        assert_eq!(fields, expected);
        assert!(fields.is_valid());
        let sent = serde_json::to_value(&fields).unwrap();
        let expected =
            json!({ "a": "x", "b": true, "c": 9_007_199_254_740_993_i64, "d": i64::MIN, "e": 0.5 });
        assert_eq!(sent, expected);
    }

    #[test]
    fn p81_anything_else_is_not_a_field() {
        for value in [
            "null",
            "[]",
            "{}",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "1e16",
            "1e999",
        ] {
            assert_eq!(parse(&format!("{{\"a\": {value}}}")), None, "{value}");
        }
        for fraction in [f64::NAN, f64::INFINITY, 1e16] {
            assert!(!UserFields::from_iter([("a", fraction)]).is_valid());
        }
    }

    #[test]
    fn p81_four_kib_are_the_most() {
        let of_size = |size: usize| UserFields::from_iter([("a", "x".repeat(size - 8))]);
        assert!(of_size(UserFields::MAX_SIZE).is_valid());
        assert!(!of_size(UserFields::MAX_SIZE + 1).is_valid());
        assert!(UserFields::default().is_valid());
    }

    #[test]
    fn p81_values_are_not_printed() {
        let fields = UserFields::from_iter([("canary", "canary")]);
        assert_eq!(format!("{fields:?}"), "[1 fields]");
        assert_eq!(format!("{:?}", fields.get("canary").unwrap()), "[text]");
    }
}
