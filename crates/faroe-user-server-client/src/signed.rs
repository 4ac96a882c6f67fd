//! Signed requests.

use faroe_core::error::AdapterError;
use faroe_http_client::RequestProtection;
use faroe_http_signatures::Signer;
use http::{HeaderMap, request::Parts};

/// Signs each request, for a user server that verifies signatures.
#[derive(Clone, Debug)]
pub struct SignedRequests(pub Signer);

impl RequestProtection for SignedRequests {
    fn headers(&self, request: &Parts, body: &[u8]) -> Result<HeaderMap, AdapterError> {
        let signed = self.0.sign(request, body);
        signed.map_err(|error| AdapterError::new("sign a request to the user server", error))
    }
}
