//! The hash of a password, in the two halves that the protocol knows.

use std::fmt;

use faroe_core::protocol::secret::Password;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// How many of the 40 hex digits are sent: 20 bits, which hundreds of entries of the list share.
pub(crate) const PREFIX: usize = 5;

/// How many are compared here.
pub(crate) const SUFFIX: usize = 40 - PREFIX;

/// SHA-1 of a password in upper-case hex digits. Only [`prefix`](Self::prefix) may leave the machine.
pub(crate) struct PasswordDigest(Zeroizing<String>);

impl PasswordDigest {
    pub(crate) fn of(password: &Password) -> Self {
        let digest: Zeroizing<[u8; 20]> = Zeroizing::new(Sha1::digest(password.expose()).into());
        // Never grown, so that no copy is left behind.
        let mut digits = Zeroizing::new(String::with_capacity(PREFIX + SUFFIX));
        for byte in *digest {
            for nibble in [byte >> 4, byte & 15] {
                let digit = char::from_digit(nibble.into(), 16).expect("a nibble is one hex digit");
                digits.push(digit.to_ascii_uppercase());
            }
        }
        Self(digits)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.0[..PREFIX]
    }

    pub(crate) fn suffix(&self) -> &str {
        &self.0[PREFIX..]
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_the_lists_are_kept_by() {
        let digest = PasswordDigest::of(&Password::from("password"));
        assert_eq!(digest.prefix(), "5BAA6");
        assert_eq!(digest.suffix(), "1E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(format!("{digest:?}"), "PasswordDigest([REDACTED])");
    }
}
