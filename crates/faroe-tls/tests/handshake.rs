//! Handshakes with servers whose certificates are good and bad.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use faroe_testkit::promise;
use faroe_tls::client_config;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ClientConnection, Error, ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// A self-signed certificate and its key.
struct SelfSigned {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl SelfSigned {
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            key,
        }
    }

    /// One as `openssl req -x509` makes it.
    fn flagged(name: &str) -> Self {
        Self::new(name, |parameters| {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        })
    }

    fn expired(name: &str, is_ca: IsCa) -> Self {
        Self::new(name, |parameters| {
            parameters.is_ca = is_ca;
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2021, 1, 1);
        })
    }
}

/// Shakes hands with a server at `localhost`.
fn shake_hands(trusted: Option<&SelfSigned>, server: &SelfSigned) -> Result<(), Error> {
    let key = PrivateKeyDer::try_from(server.key.serialize_der()).unwrap();
    let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der.clone()], key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(settings)).unwrap();
    let settings = client_config(trusted.map(|trusted| trusted.pem.as_str())).unwrap();
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(settings), name).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn a_self_signed_certificate_that_is_trusted_works() {
    let plain = SelfSigned::new("localhost", |_| {});
    let flagged = SelfSigned::flagged("localhost");
    for certificate in [plain, flagged] {
        shake_hands(Some(&certificate), &certificate).unwrap();
    }
}

#[test]
fn p55_a_self_signed_certificate_that_is_trusted_counts_for_itself_alone() {
    let flagged = SelfSigned::flagged("localhost");
    let ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cases = [
        ("not trusted", None, &flagged),
        (
            "another of the same name",
            Some(&SelfSigned::flagged("localhost")),
            &flagged,
        ),
        (
            "for another name",
            Some(&SelfSigned::flagged("elsewhere.example")),
            &SelfSigned::flagged("elsewhere.example"),
        ),
    ];
    for (case, trusted, server) in cases {
        assert!(shake_hands(trusted, server).is_err(), "{case}");
    }
    for (case, certificate) in [
        ("for another name", SelfSigned::flagged("elsewhere.example")),
        ("expired", SelfSigned::expired("localhost", IsCa::NoCa)),
        ("expired, and flagged", SelfSigned::expired("localhost", ca)),
    ] {
        assert!(
            shake_hands(Some(&certificate), &certificate).is_err(),
            "{case}"
        );
    }
    promise::report("P55", "6 self-signed certificates refused");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in [
        "",
        "canary",
        "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----",
    ] {
        let error = client_config(Some(pem)).unwrap_err();
        assert!(!format!("{error:?}").contains("canary"));
    }
}
