//! TLS settings (rustls and ring) for implicit TLS and for STARTTLS.

use std::sync::Arc;

use faroe_core::error::AdapterError;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

const OPERATION: &str = "read the root certificates";

/// Returns settings for TLS 1.2 or 1.3 from the first byte. The server's certificate must be issued by a trusted authority.
pub(crate) fn from_the_start(roots: Option<&str>) -> Result<Arc<ClientConfig>, AdapterError> {
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

/// Returns the same settings for TLS after STARTTLS.
pub(crate) fn after_starttls(
    host: &str,
    roots: Option<&str>,
) -> Result<TlsParameters, AdapterError> {
    let failed = |error: lettre::transport::smtp::Error| AdapterError::new(OPERATION, error);
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(pem) = roots {
        parameters = parameters.certificate_store(CertificateStore::None);
        for certificate in certificates(pem)? {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(failed)?;
            parameters = parameters.add_root_certificate(certificate);
        }
    }
    parameters.build_rustls().map_err(failed)
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
