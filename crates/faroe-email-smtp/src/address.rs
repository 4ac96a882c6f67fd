//! Addresses in the form in which SMTP carries them.

use std::net::IpAddr;

use lettre::Address;

/// Returns the address in ASCII: a domain with other letters in its `xn--` form (RFC 5891), and a local part in quotes if it
/// needs them, such as `"a..b"`. Returns `None` for a text that no mail server would accept as an address.
///
/// A local part may be given in quotes. One with letters outside of ASCII is rejected, because few servers accept it.
pub(crate) fn in_ascii(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii_strict(domain).ok()?
    };
    if !is_domain(&domain) {
        return None;
    }
    if is_quoted(local) {
        return Some(Address::new_dangerous(local, domain));
    }
    if local.is_empty() || !local.bytes().all(|byte| is_atext(byte) || byte == b'.') {
        return None;
    }
    let is_dot_atom = local.split('.').all(|atom| !atom.is_empty());
    let local = if is_dot_atom {
        local.to_owned()
    } else {
        format!("\"{local}\"")
    };
    Some(Address::new_dangerous(local, domain))
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Checks whether the text is a quoted string of printable ASCII (RFC 5321, section 4.1.2).
fn is_quoted(text: &str) -> bool {
    let Some(content) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return false;
    };
    let mut bytes = content.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'"' => false,
            b'\\' => bytes
                .next()
                .is_some_and(|next| (b' '..=b'~').contains(&next)),
            _ => (b' '..=b'~').contains(&byte),
        };
        if !is_valid {
            return false;
        }
    }
    !content.is_empty()
}

/// Checks whether the text consists of labels, or is an IP address in brackets.
fn is_domain(text: &str) -> bool {
    let literal = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(literal) = literal {
        let address = literal.strip_prefix("IPv6:").unwrap_or(literal);
        return address.parse::<IpAddr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_smtp_carries_it() {
        for (given, written) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada+x@EXAMPLE.com", "Ada+x@EXAMPLE.com"),
            ("ada..love@docomo.example", "\"ada..love\"@docomo.example"),
            ("ada.@docomo.example", "\"ada.\"@docomo.example"),
            (".@-", "\".\"@-"),
            ("\"a b\"@example.com", "\"a b\"@example.com"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
            ("\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com"),
            ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example"),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
            ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
        ] {
            let address = in_ascii(given).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(written));
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_rejected() {
        for text in [
            "",
            "@",
            "ada",
            "@example.com",
            "ada@",
            "ada@a..b",
            "ada@b@example.com",
            "a b@example.com",
            "m\u{fc}ller@example.com",
            "\"\"@example.com",
            "\"a\"b\"@example.com",
            "\"a\\\"@example.com",
            "\"a\r\nb\"@example.com",
            "ada@example.com>\r\nRCPT TO:<x@example.com",
            "ada@[example.com]",
            "ada@\u{fc}\u{2028}.example",
            "ada\0@example.com",
        ] {
            assert_eq!(in_ascii(text), None, "{text:?}");
        }
    }
}
