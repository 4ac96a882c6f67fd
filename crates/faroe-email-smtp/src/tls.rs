//! TLS settings: rustls and ring.

use std::sync::Arc;

use faroe_core::error::AdapterError;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

const OPERATION: &str = "read the root certificates";

/// Returns settings for TLS 1.2 or 1.3. The server's certificate must be issued by a trusted authority.
pub(crate) fn configuration(roots: Option<&str>) -> Result<Arc<ClientConfig>, AdapterError> {
    let roots = match roots {
        Some(pem) => {
            let mut store = RootCertStore::empty();
            for certificate in certificates(pem)? {
                let added = store.add(certificate);
                added.map_err(|error| AdapterError::new(OPERATION, error.to_string()))?;
            }
            store
        }
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, AdapterError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates =
        certificates.map_err(|error| AdapterError::new(OPERATION, error.to_string()))?;
    if certificates.is_empty() {
        return Err(AdapterError::new(
            OPERATION,
            "no certificate found; expected PEM",
        ));
    }
    Ok(certificates)
}
