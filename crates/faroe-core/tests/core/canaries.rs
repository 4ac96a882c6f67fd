//! Secrets to look for where they must not be, in every form in which they could be there.

use faroe_core::protocol::types::Bytes;

use crate::{
    harness::{NEW_PASSWORD, PASSWORD},
    world::World,
};

/// As many characters of a secret are too many: 40 bits of a random one.
const PIECE: usize = 8;

/// Secrets, and the forms of them that are looked for.
pub(crate) struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    /// All secrets of a world: of its tokens, codes and passwords, the beginnings and ends too.
    pub(crate) fn of(world: &World) -> Self {
        // A log may well begin a sentence as these do.
        let mut pieces = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
        let tokens = world.tokens.values();
        let secrets = tokens.map(|token| token.split_once('.').unwrap().1.to_owned());
        let sent = world.harness.mailbox.secrets();
        for secret in secrets.chain(sent) {
            pieces.push(secret[..PIECE].to_owned());
            pieces.push(secret[secret.len() - PIECE..].to_owned());
        }
        Self::new(pieces)
    }

    /// These very texts.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut forms = vec![];
        for secret in secrets {
            forms.extend(forms_of(secret.as_bytes()).map(|form| (secret.clone(), form)));
        }
        Self(forms)
    }

    /// The secrets of which a form is in these bytes.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let is_in = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        let found = self.0.iter().filter(|(_, form)| is_in(form));
        found.map(|(secret, _)| secret.as_str()).collect()
    }
}

/// The bytes themselves, in hexadecimal, and in base64 however they lie in it.
fn forms_of(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let lower = hex(secret);
    let upper = lower.to_ascii_uppercase();
    let shifted = (0..3).flat_map(move |shift| {
        let bytes = [&vec![0; shift], secret].concat();
        // Characters that other bytes have a part in are left out.
        let (start, end) = ((8 * shift).div_ceil(6), 8 * bytes.len() / 6);
        [
            base64(&bytes),
            base64(&bytes).replace('+', "-").replace('/', "_"),
        ]
        .map(|text| text.as_bytes()[start..end].to_vec())
    });
    [secret.to_vec(), lower.into_bytes(), upper.into_bytes()]
        .into_iter()
        .chain(shifted)
}

/// As the wire and the storage write bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let text = serde_json::to_value(Bytes::from(bytes.to_vec())).unwrap();
    text.as_str().unwrap().to_owned()
}

/// The bytes that a text is base64 of, if it is.
pub(crate) fn from_base64(text: &str) -> Option<Bytes> {
    serde_json::from_value(text.into()).ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_secret_is_found_in_every_form_and_place() {
    let canaries = Canaries::new(["SWORDFISH".to_owned()]);
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}SWORDFISH and more");
        assert!(!canaries.found_in(text.as_bytes()).is_empty());
        assert!(
            !canaries
                .found_in(base64(text.as_bytes()).as_bytes())
                .is_empty()
        );
        assert!(
            !canaries
                .found_in(hex(text.as_bytes()).as_bytes())
                .is_empty()
        );
        let without = base64(format!("{before}SWORDFLSH and more").as_bytes());
        assert!(canaries.found_in(without.as_bytes()).is_empty());
    }
}
