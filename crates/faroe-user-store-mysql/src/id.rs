//! The IDs that the store makes itself.

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 24 random characters of 5 bits, the form of the protocol's own IDs.
///
/// # Panics
///
/// When the operating system has no entropy to give.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's door is not open to adapters, and an ID is no secret"
)]
pub(crate) fn random() -> String {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the operating system gives entropy");
    // 32 divides 256, so every character is equally likely.
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn ids_have_the_form_of_the_protocol_and_do_not_repeat() {
        let ids: HashSet<String> = (0..1000).map(|_| random()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 24));
        let used: BTreeSet<u8> = ids.iter().flat_map(|id| id.bytes()).collect();
        assert_eq!(used, ALPHABET.iter().copied().collect());
    }
}
