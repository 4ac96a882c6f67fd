//! The only source of randomness, and the alphabets of IDs, secrets and codes.

use std::cell::RefCell;

/// 32 lower-case letters and digits, without `l`, `o`, `0` and `1`: 5 bits per character.
const LOWER_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 32 upper-case letters and digits, without `I`, `O`, `0` and `1`: 5 bits per character.
const UPPER_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The length of an ID and of a secret: 24 characters of 5 bits, 120 bits.
pub(crate) const ID_LENGTH: usize = 24;

const TEMPORARY_PASSWORD_LENGTH: usize = 12;

/// Fills a buffer from the operating system's secure generator.
///
/// # Panics
///
/// Panics if the operating system provides no entropy. No secret could be made, and no answer would be safe.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door that the others are sent to"
)]
fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives entropy");
}

thread_local! {
    /// Random bytes for IDs, fetched in blocks: IDs are not secret, and one system call for each would be measurable.
    static ID_BYTES: RefCell<([u8; ID_BYTES_SIZE], usize)> = const { RefCell::new(([0; ID_BYTES_SIZE], ID_BYTES_SIZE)) };
}

const ID_BYTES_SIZE: usize = 64 * ID_LENGTH;

/// Returns random bytes, such as a nonce.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// Returns a random salt of `size` bytes.
pub(crate) fn salt(size: usize) -> Vec<u8> {
    let mut salt = vec![0; size];
    fill(&mut salt);
    salt
}

/// Returns a new ID for a record, an entry or an invocation, or for a user if the user store chooses IDs: 24
/// characters, 120 random bits. It is unique, but not a secret.
///
/// # Panics
///
/// Panics if the operating system provides no entropy.
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

/// Returns a new secret half of a token, straight from the operating system.
pub(crate) fn secret() -> String {
    characters::<ID_LENGTH>(LOWER_ALPHABET, bytes())
}

/// Checks whether a text has the form of an ID or a secret.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| IS_LOWER[usize::from(byte)])
}

/// The characters of [`LOWER_ALPHABET`], as a table: each token has 48 characters to check.
const IS_LOWER: [bool; 256] = {
    let mut is_lower = [false; 256];
    let mut place = 0;
    while place < LOWER_ALPHABET.len() {
        is_lower[LOWER_ALPHABET[place] as usize] = true;
        place += 1;
    }
    is_lower
};

/// Returns a new temporary password: 12 characters, 60 bits.
pub(crate) fn temporary_password() -> String {
    characters::<TEMPORARY_PASSWORD_LENGTH>(UPPER_ALPHABET, bytes())
}

/// Checks whether a text has the form of a temporary password.
pub(crate) fn is_temporary_password(text: &str) -> bool {
    text.len() == TEMPORARY_PASSWORD_LENGTH
        && text.bytes().all(|byte| UPPER_ALPHABET.contains(&byte))
}

/// Turns pseudorandom bytes into a code of 8 characters, 40 bits.
pub(crate) fn code(bytes: [u8; 8]) -> String {
    characters(UPPER_ALPHABET, bytes)
}

/// Formats bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Maps each byte to a character by its low 5 bits. 32 divides 256, so all characters are equally likely.
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
    fn salts_have_the_size_asked_for_and_do_not_repeat() {
        let salts: HashSet<Vec<u8>> = (0..1_000).map(|_| salt(16)).collect();
        assert_eq!(salts.len(), 1_000);
        assert!(salts.iter().all(|salt| salt.len() == 16));
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
