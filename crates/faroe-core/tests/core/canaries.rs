//! The secrets of a world, and the forms in which bytes are written.

use faroe_core::protocol::types::Bytes;
use faroe_testkit::canaries::Canaries;

use crate::{
    harness::{NEW_PASSWORD, PASSWORD},
    world::World,
};

/// As many characters of a secret are too many: 40 bits of a random one.
const PIECE: usize = 8;

/// All secrets of a world: the beginnings and ends of those in its tokens and emails, and its passwords.
pub(crate) fn canaries_of(world: &World) -> Canaries {
    // A log may well begin a sentence as these do.
    let mut pieces = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
    let tokens = world.tokens.values();
    let secrets = tokens.map(|token| token.split_once('.').unwrap().1.to_owned());
    for secret in secrets.chain(world.harness.mailbox.secrets()) {
        pieces.push(secret[..PIECE].to_owned());
        pieces.push(secret[secret.len() - PIECE..].to_owned());
    }
    Canaries::new(pieces)
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
