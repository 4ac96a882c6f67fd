//! Kinds of earlier password hashes.

use std::fmt;

use faroe_argon2::Parameters;
use faroe_password_hashes::Kind;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

use super::{
    secret::SecretPlace,
    setting::{Setting, setting},
};

const EXPECTED: &str = "{ memory_kib = NUMBER, iterations = NUMBER }, \"bcrypt\", \"argon2\", \"scrypt\", \"pbkdf2\", \
    \"firebase_scrypt\" or { firebase_scrypt = { signer_key = SECRET, salt_separator = TEXT } }";

/// A kind of earlier hashes.
#[derive(Clone, Debug)]
pub(crate) enum PreviousHash {
    /// Argon2id hashes in parts, stored under this ID or under that of their costs.
    Argon2id {
        id: Option<String>,
        parameters: Parameters,
    },
    /// Hashes of other software.
    Other(Kind),
    /// Hashes of a Firebase project.
    Firebase(FirebaseProject),
}

/// The parameters of a Firebase project.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{ signer_key = SECRET, salt_separator = TEXT }"
)]
pub(crate) struct FirebaseProject {
    pub(crate) signer_key: SecretPlace,
    pub(crate) salt_separator: String,
}

setting! {
    PreviousHash: "`{ memory_kib = 19456, iterations = 2 }` or a name such as `\"bcrypt\"`",
}

/// A table in the list, before it is known which one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    firebase_scrypt: Option<FirebaseProject>,
    id: Option<String>,
    memory_kib: Option<u32>,
    iterations: Option<u32>,
    parallelism: Option<u32>,
    hash_length: Option<u32>,
}

impl Table {
    fn read(self) -> Result<PreviousHash, String> {
        let unexpected = || format!("expected {EXPECTED}");
        match self {
            Self {
                firebase_scrypt: Some(project),
                id: None,
                memory_kib: None,
                iterations: None,
                parallelism: None,
                hash_length: None,
            } => Ok(PreviousHash::Firebase(project)),
            Self {
                firebase_scrypt: None,
                id,
                memory_kib: Some(memory_kib),
                iterations: Some(iterations),
                parallelism,
                hash_length,
            } => {
                let parameters = Parameters {
                    memory_kib,
                    iterations,
                    parallelism: parallelism.unwrap_or(1),
                    hash_length: hash_length.unwrap_or(32),
                };
                if id
                    .as_deref()
                    .is_some_and(|id| names_other_costs(id, parameters))
                {
                    return Err("the id names other costs than the rest of the table".to_owned());
                }
                Ok(PreviousHash::Argon2id { id, parameters })
            }
            _ => Err(unexpected()),
        }
    }
}

/// Checks whether an ID of four numbers names other costs than these, in either order of memory and iterations.
fn names_other_costs(id: &str, parameters: Parameters) -> bool {
    let numbers = id.strip_prefix("argon2id.").map(|numbers| {
        let numbers = numbers.split('.').map(str::parse::<u32>);
        numbers.collect::<Result<Vec<_>, _>>().unwrap_or_default()
    });
    let Some([first, second, rest @ ..]) = numbers.as_deref() else {
        return false;
    };
    let Parameters {
        memory_kib,
        iterations,
        parallelism,
        hash_length,
    } = parameters;
    let is_order = |costs| [(memory_kib, iterations), (iterations, memory_kib)].contains(&costs);
    rest.len() == 2 && (*rest != [parallelism, hash_length] || !is_order((*first, *second)))
}

impl<'de> Deserialize<'de> for PreviousHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PreviousHashVisitor;

        impl<'de> Visitor<'de> for PreviousHashVisitor {
            type Value = PreviousHash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<PreviousHash, E> {
                let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
                let kind = kind.ok_or_else(|| E::invalid_value(Unexpected::Str(""), &self))?;
                Ok(PreviousHash::Other(kind))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PreviousHash, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                table.read().map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(PreviousHashVisitor)
    }
}
