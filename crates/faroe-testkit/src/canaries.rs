//! Secrets to look for where they must not be.

use std::fmt;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};

/// Secrets, to be looked for in logs and stores in every form in which they could be there: as they are, in hexadecimal,
/// and in base64 however they lie in it.
///
/// ```
/// use faroe_testkit::canaries::Canaries;
///
/// let canaries = Canaries::new(["swordfish"]);
/// assert_eq!(canaries.found_in(b"the password is wrong"), [""; 0]);
/// assert_eq!(canaries.found_in(b"it is 73776f726466697368"), ["swordfish"]);
/// ```
pub struct Canaries(Vec<Canary>);

struct Canary {
    secret: String,
    forms: Vec<Vec<u8>>,
}

impl Canaries {
    /// These very secrets. Each should be long enough, 8 characters at least, not to be found by chance.
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let canary = |secret: String| Canary {
            forms: forms_of(secret.as_bytes()),
            secret,
        };
        Self(
            secrets
                .into_iter()
                .map(|secret| canary(secret.into()))
                .collect(),
        )
    }

    /// The secrets that are in these bytes in any form.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let contains = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        let found = self
            .0
            .iter()
            .filter(|canary| canary.forms.iter().any(|form| contains(form)));
        found.map(|canary| canary.secret.as_str()).collect()
    }
}

/// Tells how many there are.
impl fmt::Debug for Canaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canaries([{} secrets])", self.0.len())
    }
}

fn forms_of(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        secret.to_vec(),
        hex.to_ascii_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    for shift in 0..3 {
        let bytes = [&vec![0; shift], secret].concat();
        // Characters that other bytes have a part in are left out.
        let (start, end) = ((8 * shift).div_ceil(6), 8 * bytes.len() / 6);
        for engine in [BASE64_STANDARD, BASE64_URL_SAFE] {
            forms.push(engine.encode(&bytes).as_bytes()[start..end].to_vec());
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_place() {
        let canaries = Canaries::new(["SWORDFISH"]);
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}SWORDFISH and more");
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            for form in [
                BASE64_STANDARD.encode(&text),
                BASE64_URL_SAFE.encode(&text),
                hex,
                text,
            ] {
                assert_eq!(canaries.found_in(form.as_bytes()), ["SWORDFISH"], "{form}");
            }
            let other = format!("{before}SWORDFLSH and more");
            for form in [BASE64_STANDARD.encode(&other), other] {
                assert_eq!(canaries.found_in(form.as_bytes()), [""; 0], "{form}");
            }
        }
    }
}
