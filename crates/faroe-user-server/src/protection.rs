//! Who may ask.

use std::{error::Error, fmt};

use faroe_http_signatures::{InvalidSignature, Verifier};
use http::{HeaderValue, header::AUTHORIZATION, request::Parts};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// The shortest token, in characters: `openssl rand -base64 32` writes 44.
const MIN_TOKEN_SIZE: usize = 32;

/// What a request has to bring along.
#[derive(Debug)]
#[non_exhaustive]
pub enum Protection {
    /// Nothing: whoever reaches the endpoint may read every password hash and delete every user. For an endpoint that is
    /// protected by other means.
    None,
    /// `Authorization: Bearer TOKEN`. Whoever reads one request can make others, so that TLS is needed.
    BearerTokens(BearerTokens),
    /// A signature over method, host, path and body, which is good for one request.
    Signatures(Verifier),
}

/// The tokens that are accepted: two while one follows the other. `Debug` does not show them, and they are wiped when
/// dropped.
pub struct BearerTokens(Vec<Zeroizing<String>>);

impl BearerTokens {
    /// Accepts each of these tokens.
    ///
    /// # Errors
    ///
    /// When there is none, or one has less than 32 characters or others than `a-z A-Z 0-9 - . _ ~ + / =`.
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

    /// Compares with every token, in a time that tells nothing but their lengths.
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

/// Why tokens cannot be used. It never shows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidBearerTokens {
    /// There is none.
    None,
    /// One has less than 32 characters.
    TooShort,
    /// One has a character that no bearer token has.
    Character,
}

impl fmt::Display for InvalidBearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "at least one bearer token is needed",
            Self::TooShort => {
                "a bearer token has at least 32 characters: make one with `openssl rand -base64 32`"
            }
            Self::Character => "a bearer token has a character that no bearer token has",
        })
    }
}

impl Error for InvalidBearerTokens {}

/// Why a request is refused.
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

/// The scheme's name may be written in any case (RFC 9110, section 11.1).
fn bearer_token(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}
