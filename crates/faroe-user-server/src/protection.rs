//! The protection of a user server.

use std::{error::Error, fmt};

use faroe_http_signatures::{InvalidSignature, Verifier};
use http::{HeaderValue, header::AUTHORIZATION, request::Parts};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// The shortest token, in characters: `openssl rand -base64 32` writes 44.
const MIN_TOKEN_SIZE: usize = 32;

/// The credentials that a request must have.
#[derive(Debug)]
#[non_exhaustive]
pub enum Protection {
    /// None: any client that reaches the endpoint can read every password hash and delete every user. For an endpoint that is
    /// protected by other means.
    None,
    /// `Authorization: Bearer TOKEN`. An attacker who reads one request can send others, so TLS is required.
    BearerTokens(BearerTokens),
    /// A signature over method, host, path and body, valid for one request.
    Signatures(Verifier),
}

/// The accepted tokens; two during a rotation. `Debug` does not show them, and they are wiped when dropped.
pub struct BearerTokens(Vec<Zeroizing<String>>);

impl BearerTokens {
    /// Accepts each of these tokens.
    ///
    /// # Errors
    ///
    /// Returns an error if there is none, or if one is shorter than 32 characters or has characters other than
    /// `a-z A-Z 0-9 - . _ ~ + / =`.
    pub fn new<T: Into<String>>(
        tokens: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidBearerTokens> {
        let tokens: Vec<_> = tokens
            .into_iter()
            .map(|token| Zeroizing::new(token.into()))
            .collect();
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if tokens.is_empty() {
            Err(InvalidBearerTokens::None)
        } else if tokens.iter().any(|token| token.len() < MIN_TOKEN_SIZE) {
            Err(InvalidBearerTokens::TooShort)
        } else if !tokens.iter().all(|token| token.bytes().all(is_valid)) {
            Err(InvalidBearerTokens::Character)
        } else {
            Ok(Self(tokens))
        }
    }

    /// Compares with every token, in a time that depends on lengths only.
    fn contains(&self, presented: &[u8]) -> bool {
        let found = self.0.iter().fold(Choice::from(0), |found, token| {
            found | token.as_bytes().ct_eq(presented)
        });
        found.into()
    }
}

impl fmt::Debug for BearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerTokens([{} REDACTED])", self.0.len())
    }
}

/// The error of invalid tokens. It never shows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBearerTokens {
    /// No token.
    None,
    /// A token is shorter than 32 characters.
    TooShort,
    /// A token has an invalid character.
    Character,
}

impl fmt::Display for InvalidBearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no bearer token; configure at least one",
            Self::TooShort => {
                "bearer token shorter than 32 characters; create one with `openssl rand -base64 32`"
            }
            Self::Character => {
                "bearer token with an invalid character; use a-z A-Z 0-9 - . _ ~ + / ="
            }
        })
    }
}

impl Error for InvalidBearerTokens {}

/// The reason for which a request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    BearerToken,
    Signature(InvalidSignature),
}

impl Protection {
    pub(crate) fn check(&self, request: &Parts, body: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::None => Ok(()),
            Self::BearerTokens(tokens) => {
                let mut headers = request.headers.get_all(AUTHORIZATION).iter();
                let token = headers.next().and_then(bearer_token);
                let is_accepted =
                    headers.next().is_none() && token.is_some_and(|token| tokens.contains(token));
                is_accepted.then_some(()).ok_or(Refusal::BearerToken)
            }
            Self::Signatures(verifier) => {
                verifier.verify(request, body).map_err(Refusal::Signature)
            }
        }
    }
}

/// Returns the token. The scheme's name is case-insensitive (RFC 9110, section 11.1).
fn bearer_token(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}
