//! The hash of a password, split into the prefix that is sent and the suffix that is compared locally.

use std::fmt;

use faroe_core::protocol::secret::Password;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// The number of hex digits that are sent: 20 bits, shared by hundreds of entries in the list.
pub(crate) const PREFIX: usize = 5;

/// The number of hex digits that are compared locally.
pub(crate) const SUFFIX: usize = 40 - PREFIX;

/// The SHA-1 hash of a password in upper-case hex digits. Only [`prefix`](Self::prefix) may leave the machine.
pub(crate) struct PasswordDigest(Zeroizing<String>);

impl PasswordDigest {
    pub(crate) fn of(password: &Password) -> Self {
        let digest: Zeroizing<[u8; 20]> = Zeroizing::new(Sha1::digest(password.expose()).into());
        // Allocated at full size: growing would leave copies behind.
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
    fn a_digest_is_upper_case_sha1_and_redacted_by_debug() {
        let digest = PasswordDigest::of(&Password::from("password"));
        assert_eq!(digest.prefix(), "5BAA6");
        assert_eq!(digest.suffix(), "1E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(format!("{digest:?}"), "PasswordDigest([REDACTED])");
    }
}
