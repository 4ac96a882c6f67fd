//! Secrets on the wire, with one type for each kind.
//!
//! No secret implements `Display`, `PartialEq` or a revealing `Debug`. Each is wiped from memory when dropped and
//! compared in constant time only. [`expose`](Password::expose) is the only way to read it, and easy to search for.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::types::{FieldType, WireType};

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Returns the secret itself. The caller is responsible for keeping it secret.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(secret: String) -> Self {
                Self(secret)
            }
        }

        impl From<&str> for $name {
            fn from(secret: &str) -> Self {
                Self(secret.into())
            }
        }

        impl ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> Choice {
                self.0.as_bytes().ct_eq(other.0.as_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([REDACTED])"))
            }
        }

        impl WireType for $name {
            const TYPE: FieldType = FieldType::String;
        }
    )*};
}

secrets! {
    /// The token of a signup: `ID.secret`, 49 characters.
    SignupToken,
    /// The token of a signin: `ID.secret`, 49 characters.
    SigninToken,
    /// The token of a session: `ID.secret`, 49 characters.
    SessionToken,
    /// The token of a user email address update: `ID.secret`, 49 characters.
    UserEmailAddressUpdateToken,
    /// The token of a user password update: `ID.secret`, 49 characters.
    UserPasswordUpdateToken,
    /// The token of a user password reset: `ID.secret`, 49 characters.
    UserPasswordResetToken,
    /// The token of a user deletion: `ID.secret`, 49 characters.
    UserDeletionToken,
    /// A user's password. A new one has at least 10 (configurable) and at most 100 Unicode scalar values in NFC.
    Password,
    /// The code that verifies an email address: 8 characters.
    EmailAddressVerificationCode,
    /// The temporary password that a user password reset sends by email: 12 characters.
    TemporaryPassword,
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! reveals_nothing {
        ($($name:ident)*) => {$({
            let secret = $name::from("canary");
            assert!(!format!("{secret:?}{:#?}", Some(&secret)).contains("canary"));
            assert!(bool::from(secret.ct_eq(&$name::from("canary"))));
            assert!(!bool::from(secret.ct_eq(&$name::from("canarz"))));
            assert!(!bool::from(secret.ct_eq(&$name::from("canary "))));
        })*};
    }

    #[test]
    fn every_secret_hides_in_debug_and_compares_whole() {
        reveals_nothing!(SignupToken SigninToken SessionToken UserEmailAddressUpdateToken UserPasswordUpdateToken
            UserPasswordResetToken UserDeletionToken Password EmailAddressVerificationCode TemporaryPassword);
    }
}
