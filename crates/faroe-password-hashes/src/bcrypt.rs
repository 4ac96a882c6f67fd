//! bcrypt, and the forms of Django and passlib that hash with SHA-256 first.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::{
    cost::Cost,
    stored::{Malformed, Stored},
    text::{bcrypt_base64, number, parameters, parts, required},
};

/// The estimated time for a cost of 0, in nanoseconds.
const UNIT_NS: u64 = 60_000;

/// The bytes of a password that bcrypt uses, a NUL at its end included.
const MAX_KEY_SIZE: usize = 72;

/// The step before bcrypt.
enum Before {
    Nothing,
    /// SHA-256 in hexadecimal digits.
    Sha256,
    /// SHA-256 in Base64.
    Sha256InBase64,
    /// HMAC-SHA256 in Base64. The key is the salt as it is written.
    HmacInBase64(String),
}

impl Before {
    fn apply(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let base64 = |digest: &[u8]| BASE64_STANDARD.encode(digest).into_bytes();
        let sha256 = || digest::digest(&digest::SHA256, password);
        Zeroizing::new(match self {
            Self::Nothing => password.to_vec(),
            Self::Sha256 => {
                let mut digits = String::with_capacity(64);
                for byte in sha256().as_ref() {
                    let _infallible = write!(digits, "{byte:02x}");
                }
                digits.into_bytes()
            }
            Self::Sha256InBase64 => base64(sha256().as_ref()),
            Self::HmacInBase64(salt) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
                base64(hmac::sign(&key, password).as_ref())
            }
        })
    }
}

pub(crate) fn read(text: &str) -> Result<Stored, Malformed> {
    if let Some(rest) = text.strip_prefix("$bcrypt-sha256$") {
        return of_passlib(rest);
    }
    let (before, text) = if let Some(rest) = text.strip_prefix("bcrypt_sha256$") {
        (Before::Sha256, rest)
    } else {
        (
            Before::Nothing,
            text.strip_prefix("bcrypt$").unwrap_or(text),
        )
    };
    let [empty, variant, cost, salt_and_hash] = parts(text)?;
    if !empty.is_empty() || !is_variant(variant) {
        return Err(Malformed("it has another form"));
    }
    let (salt, hash) = salt_and_hash
        .split_at_checked(22)
        .ok_or(Malformed("the salt is too short"))?;
    stored(before, cost, salt, hash)
}

/// Reads `2b,12$SALT$HASH` (version 1) or `v=2,t=2b,r=12$SALT$HASH`.
fn of_passlib(text: &str) -> Result<Stored, Malformed> {
    let [costs, salt, hash] = parts(text)?;
    let (before, variant, cost) = match costs.split_once(',') {
        Some((variant, cost)) if !variant.contains('=') => (Before::Sha256InBase64, variant, cost),
        _ => {
            let [version, variant, cost] = parameters(costs, ["v", "t", "r"])?;
            if required(version)? != 2 {
                return Err(Malformed("it has an unknown version"));
            }
            let before = Before::HmacInBase64(salt.to_owned());
            (
                before,
                variant.unwrap_or_default(),
                cost.unwrap_or_default(),
            )
        }
    };
    if !is_variant(variant) {
        return Err(Malformed("it has another form"));
    }
    stored(before, cost, salt, hash)
}

/// All three are the same function. `2x` is not: it has the defect that `2y` was named to tell apart.
fn is_variant(variant: &str) -> bool {
    ["2a", "2b", "2y"].contains(&variant)
}

fn stored(before: Before, cost: &str, salt: &str, hash: &str) -> Result<Stored, Malformed> {
    let cost = number(cost)?;
    if !(4..=31).contains(&cost) {
        return Err(Malformed("the cost is not from 4 to 31"));
    }
    let salt = bcrypt_base64::<16>(salt)?;
    Ok(Stored {
        hash: bcrypt_base64::<23>(hash)?.to_vec(),
        cost: Cost::new(4, 1 << cost, UNIT_NS, format!("cost {cost}")),
        compute: Box::new(move |password, hash| {
            let mut key = before.apply(password);
            key.truncate(MAX_KEY_SIZE);
            if key.len() < MAX_KEY_SIZE {
                key.push(0);
            }
            let computed = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key));
            hash.copy_from_slice(&computed[..hash.len()]);
            Ok(())
        }),
    })
}
