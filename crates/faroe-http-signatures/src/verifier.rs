//! Verifying.

use std::{collections::HashSet, error::Error, fmt, sync::Arc, time::Duration};

use faroe_core::time::{Clock, SystemClock};
use http::{HeaderName, request::Parts};
use sfv::{Dictionary, InnerList, ListEntry, Parser};

use crate::{
    key::VerifyingKey,
    message::{COMPONENTS, CONTENT_DIGEST, Message, SIGNATURE, SIGNATURE_INPUT, only, sha256},
    nonces::{Nonces, Shown},
};

/// The parameters that a signature may have. An unknown one might restrict it to another use.
const PARAMETERS: [&str; 5] = ["alg", "created", "expires", "keyid", "nonce"];

/// The allowed lengths of a nonce. The shortest holds 96 random bits in base64.
const NONCE_SIZES: std::ops::RangeInclusive<usize> = 16..=128;

/// Settings of a verifier.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifierOptions {
    /// The largest difference between a signature's time and the clock, in either direction. Default: 60 seconds.
    pub max_age: Duration,
    /// The number of signatures that are remembered to reject replays, in about 40 bytes each. A verifier that has seen as
    /// many within `max_age` accepts no more until some are older. Default: 1,000,000.
    pub max_remembered: usize,
    /// The clock. Default: [`SystemClock`].
    pub clock: Arc<dyn Clock>,
}

impl Default for VerifierOptions {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(60),
            max_remembered: 1_000_000,
            clock: Arc::new(SystemClock),
        }
    }
}

/// Verifies the signatures of requests by a few keys. Each signature is valid once.
///
/// # Guarantees
///
/// An accepted request was signed by one of the keys, within [`VerifierOptions::max_age`] of now, with this method, host,
/// path and body, and no other request with its signature is ever accepted. Each verifier has its own memory: several
/// processes accept a signature once each.
///
/// # Concurrency
///
/// Called from many tasks at once. Of concurrent calls with one signature, one is accepted.
#[derive(Debug)]
pub struct Verifier {
    keys: Vec<VerifyingKey>,
    nonces: Nonces,
    options: VerifierOptions,
}

impl Verifier {
    /// Creates a verifier of signatures by any of these keys; two during a rotation.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no key, or if two have the same ID.
    pub fn new(
        keys: impl IntoIterator<Item = VerifyingKey>,
        options: VerifierOptions,
    ) -> Result<Self, InvalidKeys> {
        let keys: Vec<_> = keys.into_iter().collect();
        let mut ids = HashSet::new();
        if keys.is_empty() {
            return Err(InvalidKeys::None);
        }
        if !keys.iter().all(|key| ids.insert(key.id())) {
            return Err(InvalidKeys::SameId);
        }
        Ok(Self {
            keys,
            nonces: Nonces::new(options.max_remembered),
            options,
        })
    }

    /// Verifies one request. Behind a proxy that changes `Host` or the path, pass the request as the signer sent it.
    ///
    /// # Errors
    ///
    /// Returns the first reason to refuse the request. It may be shown to the sender.
    pub fn verify(&self, request: &Parts, body: &[u8]) -> Result<(), InvalidSignature> {
        let field =
            |name: &HeaderName| only(&request.headers, name).ok_or(InvalidSignature::Fields);
        let content_digest = field(&CONTENT_DIGEST)?;
        let message = Message::new(request, content_digest).ok_or(InvalidSignature::Fields)?;
        let (label, input) = parse_input(field(&SIGNATURE_INPUT)?)?;
        let signature = bytes(field(&SIGNATURE)?, &label).ok_or(InvalidSignature::Fields)?;

        let base = covers_all(&input).then(|| message.signature_base(&input));
        let base = base.flatten().ok_or(InvalidSignature::Components)?;
        let parameters = SignatureParameters::parse(&input).ok_or(InvalidSignature::Parameters)?;
        let key = self.keys.iter().find(|key| key.id() == parameters.key_id);
        let key = key.ok_or(InvalidSignature::UnknownKey)?;
        if parameters
            .algorithm
            .is_some_and(|name| name != key.algorithm())
        {
            return Err(InvalidSignature::UnknownKey);
        }
        let now = self.options.clock.now().to_timestamp().as_seconds();
        let max_age = i64::try_from(self.options.max_age.as_secs()).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(max_age);
        let is_timely = (oldest..=now.saturating_add(max_age)).contains(&parameters.created)
            && parameters.expires.is_none_or(|expires| now < expires);
        if !is_timely {
            return Err(InvalidSignature::Time);
        }
        if !key.verifies(&base, &signature) {
            return Err(InvalidSignature::Signature);
        }
        if bytes(content_digest, "sha-256") != Some(sha256(body)) {
            return Err(InvalidSignature::Body);
        }
        match self
            .nonces
            .show(parameters.created, parameters.nonce, oldest)
        {
            Shown::First => Ok(()),
            Shown::Again => Err(InvalidSignature::Replayed),
            Shown::Full => Err(InvalidSignature::TooMany),
        }
    }
}

/// Returns the label and the components of the signature.
fn parse_input(field: &str) -> Result<(String, InnerList), InvalidSignature> {
    let signatures: Option<Dictionary> = Parser::new(field).parse().ok();
    let mut signatures = signatures.ok_or(InvalidSignature::Fields)?.into_iter();
    match (signatures.next(), signatures.next()) {
        (Some((label, ListEntry::InnerList(input))), None) => {
            Ok((label.as_str().to_owned(), input))
        }
        _ => Err(InvalidSignature::Fields),
    }
}

/// Returns the bytes with this name in a dictionary.
fn bytes(field: &str, name: &str) -> Option<Vec<u8>> {
    let field: Dictionary = Parser::new(field).parse().ok()?;
    match field.get(name)? {
        ListEntry::Item(item) => item.bare_item.as_byte_sequence().map(<[u8]>::to_vec),
        ListEntry::InnerList(_) => None,
    }
}

fn covers_all(input: &InnerList) -> bool {
    let covers = |component| {
        let mut items = input.items.iter();
        items.any(|item| item.bare_item.as_string().map(|name| name.as_str()) == Some(component))
    };
    input.items.len() == COMPONENTS.len() && COMPONENTS.into_iter().all(covers)
}

struct SignatureParameters<'a> {
    created: i64,
    expires: Option<i64>,
    nonce: &'a str,
    key_id: &'a str,
    algorithm: Option<&'a str>,
}

impl<'a> SignatureParameters<'a> {
    fn parse(input: &'a InnerList) -> Option<Self> {
        let parameters = &input.params;
        let is_known = |name: &str| PARAMETERS.contains(&name);
        if !parameters.keys().all(|name| is_known(name.as_str())) {
            return None;
        }
        let integer = |name: &str| match parameters.get(name) {
            None => Some(None),
            Some(value) => value.as_integer().map(|value| Some(value.into())),
        };
        let string = |name: &str| match parameters.get(name) {
            None => Some(None),
            Some(value) => value.as_string().map(|value| Some(value.as_str())),
        };
        let nonce = string("nonce")??;
        NONCE_SIZES.contains(&nonce.len()).then_some(())?;
        Some(Self {
            created: integer("created")??,
            expires: integer("expires")?,
            nonce,
            key_id: string("keyid")??,
            algorithm: string("alg")?,
        })
    }
}

/// The reason for which a request is refused. It may be shown to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// `Content-Digest`, `Signature-Input`, `Signature` or the host is missing, malformed or duplicated.
    Fields,
    /// The signature does not cover exactly the required components.
    Components,
    /// `created`, `nonce` or `keyid` is missing or malformed, or there is an unknown parameter.
    Parameters,
    /// The key is unknown, or it belongs to another algorithm.
    UnknownKey,
    /// The signature is too old, too far in the future, or expired.
    Time,
    /// The signature is wrong for this key and request.
    Signature,
    /// The body differs from the signed one.
    Body,
    /// A request with this signature was accepted before.
    Replayed,
    /// The memory of signatures is full.
    TooMany,
}

impl fmt::Display for InvalidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => {
                "Content-Digest, Signature-Input and Signature are needed, each once, with one signature"
            }
            Self::Components => {
                "the signature has to cover \"@method\", \"@authority\", \"@path\" and \"content-digest\", and nothing else"
            }
            Self::Parameters => {
                "the signature needs the parameters created, nonce (16 to 128 characters) and keyid, and may have alg and expires"
            }
            Self::UnknownKey => "there is no such key",
            Self::Time => "the signature's time is too far from the time here",
            Self::Signature => "the signature is wrong",
            Self::Body => "the body's SHA-256 is not the one in Content-Digest",
            Self::Replayed => "the signature was used before",
            Self::TooMany => "too many signed requests in a short time",
        })
    }
}

impl Error for InvalidSignature {}

/// The error of keys that form no verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// No key.
    None,
    /// Two keys have the same ID.
    SameId,
}

impl fmt::Display for InvalidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "at least one key is needed",
            Self::SameId => "two keys have the same ID",
        })
    }
}

impl Error for InvalidKeys {}
