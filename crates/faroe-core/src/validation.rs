//! The protocol's rules for email addresses and the length of passwords.

use faroe_protocol::secret::Password;

const MAX_EMAIL_ADDRESS_SIZE: usize = 100;

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

/// Checks whether the password has a valid length: 10 to 100 Unicode scalar values.
pub(crate) fn has_password_length(password: &Password) -> bool {
    // Counting stops after the maximum.
    (10..=100).contains(&password.expose().chars().take(101).count())
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
    fn passwords_are_counted_in_scalar_values() {
        for (text, valid) in [
            ("a".repeat(9), false),
            ("a".repeat(10), true),
            ("ä".repeat(9), false),
            ("🦀".repeat(100), true),
            ("🦀".repeat(101), false),
            ("a".repeat(60_000), false),
            (String::new(), false),
        ] {
            assert_eq!(has_password_length(&text.as_str().into()), valid);
        }
    }
}
