//! TLS by rustls and ring.

use std::sync::Arc;

use faroe_protocol::error::AdapterError;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

const OPERATION: &str = "read the certificates to trust";

/// Returns a configuration of TLS 1.2 and 1.3 that requires a certificate for the endpoint's name by a trusted authority.
pub(crate) fn configuration(roots: Option<&str>) -> Result<ClientConfig, AdapterError> {
    let roots = match roots {
        Some(pem) => only(pem)?,
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn only(pem: &str) -> Result<RootCertStore, AdapterError> {
    let failed = |error| AdapterError::new(OPERATION, error);
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        let added = store.add(certificate);
        added.map_err(|error| failed(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(failed("there is no certificate in PEM".to_owned()));
    }
    Ok(store)
}
