#![doc = include_str!("../README.md")]

mod pinned;

use std::sync::Arc;

use faroe_protocol::error::AdapterError;
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::pinned::PinnedVerifier;

const OPERATION: &str = "read the certificates to trust";

/// Returns the settings of a client. Without certificates in PEM, it trusts the authorities that browsers trust; otherwise those
/// alone, as authorities and as the server's own.
///
/// # Errors
///
/// When there is no certificate in the PEM, or one is malformed.
pub fn client_config(trusted: Option<&str>) -> Result<ClientConfig, AdapterError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let Some(pem) = trusted else {
        let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    };
    let failed = |reason: String| AdapterError::new(OPERATION, reason);
    let (mut roots, mut pinned) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        let added = roots.add(certificate.clone());
        added.map_err(|error| failed(error.to_string()))?;
        pinned.push(certificate);
    }
    if pinned.is_empty() {
        return Err(failed("no certificate found; expected PEM".to_owned()));
    }
    let authorities =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let authorities = authorities.map_err(|error| failed(error.to_string()))?;
    let verifier = Arc::new(PinnedVerifier::new(authorities, pinned));
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}
