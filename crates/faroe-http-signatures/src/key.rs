//! Keys of the two algorithms.

use std::{error::Error, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};

/// The shortest secret, in bytes: as long as the output of HMAC-SHA256.
const MIN_SECRET_SIZE: usize = 32;

const MAX_ID_SIZE: usize = 100;

/// The prefix of the 32 bytes of an Ed25519 public key in its DER encoding (RFC 8410).
const ED25519_PUBLIC_KEY_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A key that signs requests. `Debug` does not show it.
pub struct SigningKey {
    id: String,
    algorithm: Signing,
}

enum Signing {
    HmacSha256(hmac::Key),
    Ed25519(Ed25519KeyPair),
}

/// A key that verifies signatures. `Debug` does not show it.
pub struct VerifyingKey {
    id: String,
    algorithm: Verifying,
}

enum Verifying {
    HmacSha256(hmac::Key),
    Ed25519(UnparsedPublicKey<[u8; 32]>),
}

impl SigningKey {
    /// Creates a key of HMAC-SHA256 from a shared secret of at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is shorter, or the ID is not 1 to 100 visible ASCII characters.
    pub fn hmac_sha256(id: &str, secret: &[u8]) -> Result<Self, InvalidKey> {
        Ok(Self {
            id: check_id(id)?,
            algorithm: Signing::HmacSha256(hmac_key(secret)?),
        })
    }

    /// Reads an Ed25519 private key as `openssl genpkey -algorithm ed25519` writes it: PKCS #8 in PEM.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not such a key, or the ID is not 1 to 100 visible ASCII characters.
    pub fn ed25519(id: &str, pem: &str) -> Result<Self, InvalidKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| InvalidKey::Ed25519PrivateKey)?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        Ok(Self {
            id: check_id(id)?,
            algorithm: Signing::Ed25519(key.map_err(|_| InvalidKey::Ed25519PrivateKey)?),
        })
    }

    /// Parses the content of a key file: an Ed25519 private key in PEM, or a secret in base64.
    ///
    /// # Errors
    ///
    /// Returns an error if it is neither, or the ID is not 1 to 100 visible ASCII characters.
    pub fn parse(id: &str, text: &str) -> Result<Self, InvalidKey> {
        if is_pem(text) {
            Self::ed25519(id, text)
        } else {
            Self::hmac_sha256(id, &parse_secret(text)?)
        }
    }

    /// Returns the ID that names the key to the verifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn sign(&self, message: &str) -> Vec<u8> {
        match &self.algorithm {
            Signing::HmacSha256(key) => hmac::sign(key, message.as_bytes()).as_ref().to_vec(),
            Signing::Ed25519(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        }
    }
}

impl VerifyingKey {
    /// Creates a key of HMAC-SHA256 from a shared secret of at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is shorter, or the ID is not 1 to 100 visible ASCII characters.
    pub fn hmac_sha256(id: &str, secret: &[u8]) -> Result<Self, InvalidKey> {
        Ok(Self {
            id: check_id(id)?,
            algorithm: Verifying::HmacSha256(hmac_key(secret)?),
        })
    }

    /// Reads an Ed25519 public key as `openssl pkey -pubout` writes it: SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not such a key, or the ID is not 1 to 100 visible ASCII characters.
    pub fn ed25519(id: &str, pem: &str) -> Result<Self, InvalidKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| InvalidKey::Ed25519PublicKey)?;
        let key = der.strip_prefix(&ED25519_PUBLIC_KEY_PREFIX);
        let key: Option<[u8; 32]> = key.and_then(|key| key.try_into().ok());
        let key = key.ok_or(InvalidKey::Ed25519PublicKey)?;
        Ok(Self {
            id: check_id(id)?,
            algorithm: Verifying::Ed25519(UnparsedPublicKey::new(&ED25519, key)),
        })
    }

    /// Parses the content of a key file: an Ed25519 public key in PEM, or a secret in base64.
    ///
    /// # Errors
    ///
    /// Returns an error if it is neither, or the ID is not 1 to 100 visible ASCII characters.
    pub fn parse(id: &str, text: &str) -> Result<Self, InvalidKey> {
        if is_pem(text) {
            Self::ed25519(id, text)
        } else {
            Self::hmac_sha256(id, &parse_secret(text)?)
        }
    }

    /// Returns the ID by which a signature names the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the algorithm's name in the registry of RFC 9421.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.algorithm {
            Verifying::HmacSha256(_) => "hmac-sha256",
            Verifying::Ed25519(_) => "ed25519",
        }
    }

    /// Checks the signature; in constant time if the key is secret.
    pub(crate) fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        match &self.algorithm {
            Verifying::HmacSha256(key) => hmac::verify(key, message.as_bytes(), signature).is_ok(),
            Verifying::Ed25519(key) => key.verify(message.as_bytes(), signature).is_ok(),
        }
    }
}

fn check_id(id: &str) -> Result<String, InvalidKey> {
    let is_valid =
        (1..=MAX_ID_SIZE).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then(|| id.to_owned()).ok_or(InvalidKey::Id)
}

fn hmac_key(secret: &[u8]) -> Result<hmac::Key, InvalidKey> {
    if secret.len() < MIN_SECRET_SIZE {
        return Err(InvalidKey::ShortSecret);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

fn parse_secret(text: &str) -> Result<Vec<u8>, InvalidKey> {
    let secret = BASE64_STANDARD.decode(text.trim());
    secret.map_err(|_| InvalidKey::Secret)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// The error of an invalid key. It never shows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The ID is not 1 to 100 visible ASCII characters.
    Id,
    /// The secret is not in base64.
    Secret,
    /// The secret is shorter than 32 bytes.
    ShortSecret,
    /// The text is not an Ed25519 private key in PEM.
    Ed25519PrivateKey,
    /// The text is not an Ed25519 public key in PEM.
    Ed25519PublicKey,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "a key's ID has 1 to 100 visible ASCII characters",
            Self::Secret => {
                "this is neither a key in PEM nor a secret in base64: make one with `openssl rand -base64 32`"
            }
            Self::ShortSecret => {
                "a secret has at least 32 bytes: make one with `openssl rand -base64 32`"
            }
            Self::Ed25519PrivateKey => {
                "this is no Ed25519 private key: make one with `openssl genpkey -algorithm ed25519`"
            }
            Self::Ed25519PublicKey => {
                "this is no Ed25519 public key: get it with `openssl pkey -pubout -in PRIVATE_KEY_FILE`"
            }
        })
    }
}

impl Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::signature_base;

    /// The examples of RFC 9421, appendices B.1 and B.2.
    const SECRET: &str =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----\n";
    const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----\n";

    #[test]
    fn hmac_sha256_makes_and_takes_the_signature_of_the_standard() {
        let message = signature_base(
            &[
                ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
                ("@authority", "example.com"),
                ("content-type", "application/json"),
            ],
            r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        );
        let expected = BASE64_STANDARD
            .decode("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=")
            .unwrap();
        let key = SigningKey::parse("test-shared-secret", SECRET).unwrap();
        assert_eq!(key.sign(&message), expected);
        let key = VerifyingKey::parse("test-shared-secret", SECRET).unwrap();
        assert!(key.verifies(&message, &expected));
        assert!(!key.verifies(&message[1..], &expected));
        assert!(!key.verifies(&message, &expected[1..]));
    }

    #[test]
    fn ed25519_makes_and_takes_the_signature_of_the_standard() {
        let message = signature_base(
            &[
                ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
                ("@method", "POST"),
                ("@path", "/foo"),
                ("@authority", "example.com"),
                ("content-type", "application/json"),
                ("content-length", "18"),
            ],
            r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        );
        let expected = BASE64_STANDARD
            .decode("wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")
            .unwrap();
        let key = SigningKey::parse("test-key-ed25519", PRIVATE_KEY).unwrap();
        assert_eq!(key.sign(&message), expected);
        let key = VerifyingKey::parse("test-key-ed25519", PUBLIC_KEY).unwrap();
        assert!(key.verifies(&message, &expected));
        assert!(!key.verifies(&message[1..], &expected));
        assert!(!key.verifies(&message, &expected[1..]));
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let short = BASE64_STANDARD.encode([7; 31]);
        for (text, expected) in [
            ("", InvalidKey::ShortSecret),
            (&short, InvalidKey::ShortSecret),
            ("not base64!", InvalidKey::Secret),
            (PUBLIC_KEY, InvalidKey::Ed25519PrivateKey),
            ("-----BEGIN PRIVATE KEY-----", InvalidKey::Ed25519PrivateKey),
        ] {
            assert_eq!(SigningKey::parse("id", text).unwrap_err(), expected);
        }
        let error = VerifyingKey::parse("id", PRIVATE_KEY).unwrap_err();
        assert_eq!(error, InvalidKey::Ed25519PublicKey);
        for id in ["", "a b", "ä", "\n", &"x".repeat(101)] {
            let error = SigningKey::parse(id, SECRET).unwrap_err();
            assert_eq!(error, InvalidKey::Id, "{id}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let key = SigningKey::hmac_sha256("id", &[77; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey { id: \"id\", .. }");
        let key = VerifyingKey::hmac_sha256("id", &[77; 32]).unwrap();
        assert!(!format!("{key:?}").contains("77"));
    }
}
