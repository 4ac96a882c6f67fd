//! The primitive types of the wire: counters, timestamps and bytes, and their names in the protocol.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Error as _, Visitor},
};
use subtle::ConstantTimeEq;

/// The type of an argument, a value or a model's field, as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldType {
    /// `boolean`.
    Boolean,
    /// `bytes`: standard base64 with padding.
    Bytes,
    /// `int32`: a [`Counter`].
    Int32,
    /// `string`.
    String,
    /// `timestamp`.
    Timestamp,
    /// `timestamp|null`.
    OptionalTimestamp,
    /// `fields`: an object of strings, booleans and exact numbers, a [`UserFields`](crate::fields::UserFields).
    UserFields,
    /// A model, by its name.
    Model(&'static str),
}

impl FieldType {
    /// Returns the protocol's name for the type, such as `string` or `signup`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Bytes => "bytes",
            Self::Int32 => "int32",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::OptionalTimestamp => "timestamp|null",
            Self::UserFields => "fields",
            Self::Model(name) => name,
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Serializes as the protocol's name for the type.
impl Serialize for FieldType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A Rust type that an argument, a value or a model's field can have.
pub trait WireType {
    /// The same type in the protocol.
    const TYPE: FieldType;
}

impl WireType for String {
    const TYPE: FieldType = FieldType::String;
}

impl WireType for bool {
    const TYPE: FieldType = FieldType::Boolean;
}

impl WireType for Option<Timestamp> {
    const TYPE: FieldType = FieldType::OptionalTimestamp;
}

/// Unix time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates the timestamp `seconds` after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since the Unix epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl WireType for Timestamp {
    const TYPE: FieldType = FieldType::Timestamp;
}

/// A number of changes, from 0 to 2³¹ − 1. It never wraps, and a number outside that range does not deserialize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Counter(i32);

impl Counter {
    /// The first value of every counter.
    pub const ZERO: Self = Self(0);

    /// The last value of every counter.
    pub const MAX: Self = Self(i32::MAX);

    /// Creates a counter with this value, or returns `None` for a negative one.
    pub const fn new(value: i32) -> Option<Self> {
        if value < 0 { None } else { Some(Self(value)) }
    }

    /// Returns the value, which is never negative.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Returns the counter after one more change, or `None` after [`Counter::MAX`].
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }
}

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i32::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| D::Error::custom("a counter is never negative"))
    }
}

impl WireType for Counter {
    const TYPE: FieldType = FieldType::Int32;
}

/// Bytes, in standard base64 with padding on the wire. They may be a password hash, so `Debug` shows only their number,
/// and equal lengths compare in constant time.
#[derive(Clone, Default)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Returns the bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;

        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("standard base64 with padding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                let bytes = BASE64_STANDARD.decode(text);
                bytes
                    .map(Bytes)
                    .map_err(|_| E::custom("not standard base64 with padding"))
            }
        }

        deserializer.deserialize_str(Base64)
    }
}

impl WireType for Bytes {
    const TYPE: FieldType = FieldType::Bytes;
}
