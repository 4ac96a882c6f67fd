//! Signing.

use std::{error::Error, fmt, sync::Arc};

use faroe_core::{
    random,
    time::{Clock, SystemClock},
};
use http::{HeaderMap, HeaderValue, request::Parts};
use sfv::{BareItem, InnerList, Item, Key, Parameters};

use crate::{
    key::SigningKey,
    message::{COMPONENTS, CONTENT_DIGEST, Message, SIGNATURE, SIGNATURE_INPUT, field, sha256},
};

/// The label of the signature.
const LABEL: &str = "faroe";

/// Signs requests.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Arc<SigningKey>,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// Creates a signer with this key and the operating system's clock.
    pub fn new(key: SigningKey) -> Self {
        Self::with_clock(key, Arc::new(SystemClock))
    }

    /// Creates a signer with this key and clock.
    pub fn with_clock(key: SigningKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            key: Arc::new(key),
            clock,
        }
    }

    /// Returns the headers that sign a request with this body: `Content-Digest`, `Signature-Input` and `Signature`. Each call
    /// creates a new signature, which is valid for one request.
    ///
    /// # Errors
    ///
    /// Returns an error if neither the URL nor a `Host` header names the host, or if the URL has a query, which a signature
    /// does not cover.
    pub fn sign(&self, request: &Parts, body: &[u8]) -> Result<HeaderMap, UnsignableRequest> {
        if request.uri.query().is_some() {
            return Err(UnsignableRequest::Query);
        }
        let content_digest = field("sha-256", sha256(body));
        let message = Message::new(request, &content_digest).ok_or(UnsignableRequest::Authority)?;
        let input = self.input();
        let base = message.signature_base(&input);
        let signature = self.key.sign(&base.expect("we know our components"));
        let headers = [
            (SIGNATURE_INPUT, field(LABEL, input)),
            (SIGNATURE, field(LABEL, signature)),
            (CONTENT_DIGEST, content_digest),
        ];
        let headers = headers.map(|(name, value)| {
            let value = HeaderValue::try_from(value);
            (name, value.expect("structured fields are ASCII"))
        });
        Ok(HeaderMap::from_iter(headers))
    }

    fn input(&self) -> InnerList {
        let created = self.clock.now().to_timestamp().as_seconds();
        let parameters: [(&str, BareItem); 3] = [
            (
                "created",
                created.try_into().expect("a time has 15 digits at most"),
            ),
            ("nonce", string(&random::id())),
            ("keyid", string(self.key.id())),
        ];
        let parameters = parameters.map(|(name, value)| {
            let name = Key::from_string(name.to_owned());
            (name.expect("parameters are keys"), value)
        });
        let components = COMPONENTS.map(|name| Item::new(string(name)));
        InnerList::with_params(components.to_vec(), Parameters::from_iter(parameters))
    }
}

fn string(text: &str) -> BareItem {
    let string = sfv::String::from_string(text.to_owned());
    string.expect("this is visible ASCII").into()
}

/// The error of signing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsignableRequest {
    /// The request names no host.
    Authority,
    /// The URL has a query.
    Query,
}

impl fmt::Display for UnsignableRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "a request without a host cannot be signed",
            Self::Query => "the URL of a signed request has no query",
        })
    }
}

impl Error for UnsignableRequest {}
