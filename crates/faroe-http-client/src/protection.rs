//! Credentials of requests.

use std::fmt::Debug;

use faroe_protocol::error::AdapterError;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION, request::Parts};

/// Adds credentials to a request: a token, a signature, a key.
///
/// # Contract
///
/// Called once per request, with the request as it will be sent: POST, the absolute URL, its headers and its body. The
/// returned headers are added and replace those with the same names.
///
/// # Errors
///
/// If it returns an error, the request is not sent.
///
/// # Concurrency
///
/// Called from many tasks at once; it must not block.
///
/// # Implementing
///
/// Mark secret values as sensitive (`HeaderValue::set_sensitive`).
pub trait RequestProtection: Debug + Send + Sync + 'static {
    /// Returns the headers that protect this request.
    ///
    /// # Errors
    ///
    /// Returns an error if they cannot be created.
    fn headers(&self, request: &Parts, body: &[u8]) -> Result<HeaderMap, AdapterError>;
}

const _OBJECT_SAFE: Option<&dyn RequestProtection> = None;

/// No credentials: for an endpoint that accepts every client or is protected by the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProtection;

impl RequestProtection for NoProtection {
    fn headers(&self, _request: &Parts, _body: &[u8]) -> Result<HeaderMap, AdapterError> {
        Ok(HeaderMap::new())
    }
}

/// `Authorization: Bearer TOKEN` (RFC 6750). `Debug` does not show the token.
#[derive(Clone, Debug)]
pub struct BearerToken(HeaderValue);

impl BearerToken {
    /// Creates the protection from a token.
    ///
    /// # Errors
    ///
    /// Returns an error if the token is empty or has characters other than `a-z A-Z 0-9 - . _ ~ + / =`. The error does not
    /// show it.
    pub fn new(token: &str) -> Result<Self, AdapterError> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || !token.bytes().all(is_valid) {
            return Err(AdapterError::message(
                "use the bearer token: it is empty or has a character that no bearer token has",
            ));
        }
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.expect("these characters may be in a header");
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl RequestProtection for BearerToken {
    fn headers(&self, _request: &Parts, _body: &[u8]) -> Result<HeaderMap, AdapterError> {
        Ok(HeaderMap::from_iter([(AUTHORIZATION, self.0.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_not_shown() {
        let token = BearerToken::new("canary.0-~+/=").unwrap();
        assert!(!format!("{token:?}").contains("canary"));
        for token in ["", "canary\r\nHost: evil", "canary canary", "canäry"] {
            let error = BearerToken::new(token).unwrap_err();
            assert!(!format!("{error:?}{error}").contains("can"), "{token}");
        }
    }
}
