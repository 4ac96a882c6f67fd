//! The protocol's rules for email addresses and the length of passwords.

use faroe_protocol::secret::Password;
use unicode_normalization::{UnicodeNormalization, is_nfc};

const MAX_EMAIL_ADDRESS_SIZE: usize = 100;

/// The largest number of Unicode scalar values of a new password.
const MAX_PASSWORD_LENGTH: usize = 100;

/// The size up to which a password is verified, in bytes. Every password of 100 scalar values in NFC is smaller in every
/// other form.
const MAX_PASSWORD_SIZE: usize = 1024;

/// Checks whether the text is an email address: `local@domain`, at most 100 bytes, of the protocol's characters.
pub(crate) fn is_email_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_{|}~.".contains(&byte);
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= MAX_EMAIL_ADDRESS_SIZE
        && !local.is_empty()
        && local.bytes().all(is_local)
        && domain.split('.').all(is_label)
}

/// Checks whether a password can be the one of an existing user: it is not empty and not too long to be hashed. No other
/// rule for new passwords holds for it, because passwords can be older than the rules.
pub(crate) fn can_be_verified(password: &Password) -> bool {
    (1..=MAX_PASSWORD_SIZE).contains(&password.expose().len())
}

/// Returns a new password in NFC, or `None` if its length is invalid: it has `minimum` to 100 Unicode scalar values in
/// NFC.
pub(crate) fn new_password(password: &Password, minimum: usize) -> Option<Password> {
    if !can_be_verified(password) {
        return None;
    }
    let password = in_nfc(password).unwrap_or_else(|| password.clone());
    let length = password.expose().chars().count();
    (minimum..=MAX_PASSWORD_LENGTH)
        .contains(&length)
        .then_some(password)
}

/// Returns the password in NFC (Unicode Normalization Form C), or `None` if it is in NFC already.
pub(crate) fn in_nfc(password: &Password) -> Option<Password> {
    let text = password.expose();
    if is_nfc(text) {
        return None;
    }
    // NFC has at most three times the size, so no copy of a part is left behind by a reallocation.
    let mut normalized = String::with_capacity(3 * text.len());
    normalized.extend(text.nfc());
    Some(normalized.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses() {
        let longest = format!("{}@example.com", "a".repeat(88));
        for valid in [
            "a@b",
            "a@b.c",
            "A.b+c@EXAMPLE.com",
            ".@-",
            "a..b@x",
            "!#$%&'*+-/=?^_{|}~.@x-1.example",
            longest.as_str(),
        ] {
            assert!(is_email_address(valid), "{valid}");
        }
        let too_long = format!("a{longest}");
        for invalid in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a b@c",
            "a@b c",
            " a@b",
            "a@b ",
            "a@b\n",
            "a@b\0",
            "ä@b",
            "a@ä.de",
            "\"a\"@b",
            "a`@b",
            "a@b_c",
            "a@[127.0.0.1]",
            "a,b@c",
            "a@b,c@d",
            "a\r\nBcc:x@y",
            too_long.as_str(),
        ] {
            assert!(!is_email_address(invalid), "{invalid:?}");
        }
    }

    #[test]
    fn new_passwords_are_counted_in_scalar_values_of_nfc() {
        let decomposed = "a\u{308}";
        for (text, valid) in [
            ("a".repeat(9), false),
            ("a".repeat(10), true),
            ("ä".repeat(9), false),
            (decomposed.repeat(9), false),
            (decomposed.repeat(10), true),
            (decomposed.repeat(100), true),
            (decomposed.repeat(101), false),
            ("🦀".repeat(100), true),
            ("🦀".repeat(101), false),
            // Longer in NFC.
            ("\u{958}".repeat(50), true),
            ("\u{958}".repeat(51), false),
            ("a".repeat(60_000), false),
            (String::new(), false),
        ] {
            let password = new_password(&text.as_str().into(), 10);
            assert_eq!(password.is_some(), valid, "{text}");
        }
        let password = new_password(&decomposed.repeat(10).into(), 10).unwrap();
        assert_eq!(password.expose(), "ä".repeat(10));
        for minimum in [8, 64] {
            let of = |length: usize| new_password(&"a".repeat(length).into(), minimum);
            assert!(of(minimum).is_some() && of(minimum - 1).is_none());
        }
    }

    #[test]
    fn every_valid_new_password_can_be_verified_in_every_form() {
        // The characters that grow most when they are decomposed.
        for character in ['\u{1f82}', '\u{d4db}', '\u{344}', '🦀'] {
            let text = character.to_string().repeat(100);
            let text: String = text.nfc().take(100).collect();
            for form in [text.nfd().collect::<String>(), text.nfkd().collect()] {
                assert!(can_be_verified(&form.into()), "{character}");
            }
        }
        let can_be_verified = |size: usize| can_be_verified(&"a".repeat(size).into());
        assert_eq!(
            [0, 1, 1024, 1025].map(can_be_verified),
            [false, true, true, false]
        );
    }
}
