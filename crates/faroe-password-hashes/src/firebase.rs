//! The modified scrypt of Firebase: scrypt makes a key, which encrypts the signer key of the project.

use std::fmt;

use aes::{
    Aes256Enc,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use zeroize::Zeroizing;

use crate::{
    scrypt::Costs,
    stored::{Malformed, Stored},
    text::{base64, parameters, parts, required},
};

/// The parameters of a Firebase project that are not part of each hash, as the Firebase console shows them.
#[derive(Clone)]
pub struct FirebaseScrypt {
    signer_key: Zeroizing<Vec<u8>>,
    salt_separator: Vec<u8>,
}

/// The error for a parameter that is not in Base64. It names the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFirebaseScrypt(&'static str);

impl fmt::Display for InvalidFirebaseScrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of Firebase must be in Base64", self.0)
    }
}

impl std::error::Error for InvalidFirebaseScrypt {}

impl FirebaseScrypt {
    /// Creates parameters from `base64_signer_key` and `base64_salt_separator`.
    ///
    /// # Errors
    ///
    /// Fails if one is not in Base64, or if the signer key is empty.
    pub fn new(signer_key: &str, salt_separator: &str) -> Result<Self, InvalidFirebaseScrypt> {
        let read = |name, text| base64(text).map_err(|_| InvalidFirebaseScrypt(name));
        let signer_key = Zeroizing::new(read("signer key", signer_key)?);
        if signer_key.is_empty() {
            return Err(InvalidFirebaseScrypt("signer key"));
        }
        Ok(Self {
            signer_key,
            salt_separator: read("salt separator", salt_separator)?,
        })
    }
}

impl fmt::Debug for FirebaseScrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirebaseScrypt").finish_non_exhaustive()
    }
}

/// Reads `$fbscrypt$v=1,n=14,r=8,p=1,ss=SEPARATOR,sk=KEY$SALT$HASH`. The project's separator and key stand in for missing
/// ones.
pub(crate) fn read(text: &str, project: Option<&FirebaseScrypt>) -> Result<Stored, Malformed> {
    let [_, _, costs, salt, hash] = parts(text)?;
    let [version, log_n, r, p, separator, key] =
        parameters(costs, ["v", "n", "r", "p", "ss", "sk"])?;
    if required(version)? != 1 {
        return Err(Malformed("it has an unknown version"));
    }
    let costs = Costs::new(required(log_n)?, required(r)?, required(p)?)?;
    let mut salt = base64(salt)?;
    match (separator, project) {
        (Some(separator), _) => salt.extend(base64(separator)?),
        (None, Some(project)) => salt.extend(&project.salt_separator),
        (None, None) => {}
    }
    let signer_key = match (key, project) {
        (Some(key), _) => Zeroizing::new(base64(key)?),
        (None, Some(project)) => project.signer_key.clone(),
        (None, None) => return Err(Malformed("it has no signer key, and none is configured")),
    };
    let hash = base64(hash)?;
    if hash.len() != signer_key.len() {
        return Err(Malformed("the hash has another length than the signer key"));
    }
    Ok(Stored {
        hash,
        cost: costs.cost(),
        compute: Box::new(move |password, hash| {
            let mut key = Zeroizing::new([0; 32]);
            costs.compute(password, &salt, &mut *key);
            hash.copy_from_slice(&signer_key);
            encrypt(&key, hash);
            Ok(())
        }),
    })
}

/// Encrypts with AES-256 in counter mode, with a counter that starts at 0.
fn encrypt(key: &[u8; 32], text: &mut [u8]) {
    let cipher = Aes256Enc::new(key.into());
    for (counter, block) in (0_u128..).zip(text.chunks_mut(16)) {
        let mut stream = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut stream);
        for (byte, stream) in block.iter_mut().zip(stream) {
            *byte ^= stream;
        }
    }
}
