//! The one door through which randomness comes in, and the alphabets of what is made from it.

use std::cell::RefCell;

/// 32 lower-case letters and digits without `l`, `o`, `0` and `1`: 5 bits a character.
const LOWER_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 32 upper-case letters and digits without `I`, `O`, `0` and `1`: 5 bits a character.
const UPPER_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The length of an ID and of a secret: 24 characters of 5 bits, 120 bits.
pub(crate) const ID_LENGTH: usize = 24;

const TEMPORARY_PASSWORD_LENGTH: usize = 12;

/// Fills bytes from the operating system's secure generator.
///
/// # Panics
///
/// When the operating system has no entropy to give: no secret can be made then, and no answer would be safe.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door that the others are sent to"
)]
fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives entropy");
}

thread_local! {
    /// Random bytes for IDs, fetched many at a time: an ID is no secret, and a system call for each would be felt.
    static ID_BYTES: RefCell<([u8; ID_BYTES_SIZE], usize)> = const { RefCell::new(([0; ID_BYTES_SIZE], ID_BYTES_SIZE)) };
}

const ID_BYTES_SIZE: usize = 64 * ID_LENGTH;

/// Random bytes, such as a nonce.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// A random salt of this many bytes.
pub(crate) fn salt(size: usize) -> Vec<u8> {
    let mut salt = vec![0; size];
    fill(&mut salt);
    salt
}

/// A fresh ID of a record, an entry or an invocation, or of a user if the user store is to choose one: 24 characters,
/// 120 random bits. It names something, and is not made to be kept secret.
///
/// # Panics
///
/// When the operating system has no entropy to give.
pub fn id() -> String {
    let bytes = ID_BYTES.with_borrow_mut(|(bytes, used)| {
        if *used == ID_BYTES_SIZE {
            fill(bytes);
            *used = 0;
        }
        let (_, unused) = bytes.split_at(*used);
        *used += ID_LENGTH;
        *unused
            .first_chunk()
            .expect("the size is a multiple of the length")
    });
    characters::<ID_LENGTH>(LOWER_ALPHABET, bytes)
}

/// A fresh secret half of a token, straight from the operating system.
pub(crate) fn secret() -> String {
    characters::<ID_LENGTH>(LOWER_ALPHABET, bytes())
}

/// Whether a text has the form of an ID or of a secret.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| IS_LOWER[usize::from(byte)])
}

/// Which characters [`LOWER_ALPHABET`] has, without a search: each token has 48 of them.
const IS_LOWER: [bool; 256] = {
    let mut is_lower = [false; 256];
    let mut place = 0;
    while place < LOWER_ALPHABET.len() {
        is_lower[LOWER_ALPHABET[place] as usize] = true;
        place += 1;
    }
    is_lower
};

/// A fresh temporary password: 12 characters, 60 bits.
pub(crate) fn temporary_password() -> String {
    characters::<TEMPORARY_PASSWORD_LENGTH>(UPPER_ALPHABET, bytes())
}

/// Whether a text has the form of a temporary password.
pub(crate) fn is_temporary_password(text: &str) -> bool {
    text.len() == TEMPORARY_PASSWORD_LENGTH
        && text.bytes().all(|byte| UPPER_ALPHABET.contains(&byte))
}

/// A code of 8 characters (40 bits) out of bytes that are as good as random.
pub(crate) fn code(bytes: [u8; 8]) -> String {
    characters(UPPER_ALPHABET, bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each byte picks a character by its low 5 bits; 32 divides 256, so every character is equally likely.
fn characters<const N: usize>(alphabet: &[u8; 32], bytes: [u8; N]) -> String {
    let characters = bytes.map(|byte| alphabet[usize::from(byte & 31)]);
    str::from_utf8(&characters)
        .expect("alphabets are ASCII")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn ids_have_the_form_of_the_protocol_and_do_not_repeat() {
        let ids: HashSet<String> = (0..10_000).map(|_| id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| is_id(id)));
        let used: BTreeSet<u8> = ids.iter().flat_map(|id| id.bytes()).collect();
        assert_eq!(used, LOWER_ALPHABET.iter().copied().collect());
    }

    #[test]
    fn secrets_have_the_form_of_an_id_and_do_not_repeat() {
        let secrets: HashSet<String> = (0..1_000).map(|_| secret()).collect();
        assert_eq!(secrets.len(), 1_000);
        assert!(secrets.iter().all(|secret| is_id(secret)));
    }

    #[test]
    fn other_forms_are_no_ids() {
        let id = id();
        for text in [
            "",
            &id[1..],
            &format!("{id}a"),
            &id.to_uppercase(),
            &format!("{}l", &id[1..]),
            &"é".repeat(12),
        ] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn temporary_passwords_have_the_form_of_the_protocol() {
        let password = temporary_password();
        assert!(is_temporary_password(&password));
        assert!(
            !is_temporary_password(&password.to_lowercase())
                || password.bytes().all(|byte| byte.is_ascii_digit())
        );
        assert!(!is_temporary_password(&password[1..]));
    }

    #[test]
    fn alphabets_have_no_character_twice() {
        for alphabet in [LOWER_ALPHABET, UPPER_ALPHABET] {
            assert_eq!(alphabet.iter().collect::<BTreeSet<_>>().len(), 32);
        }
    }
}
