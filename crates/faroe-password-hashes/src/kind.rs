//! The kinds of hashes.

use std::fmt;

use crate::pbkdf2;

/// A kind of password hash. Each is verified by a [`Verifier`](crate::Verifier) of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// bcrypt, also with SHA-256 before it.
    Bcrypt,
    /// Argon2i, Argon2d and Argon2id as texts.
    Argon2,
    /// scrypt.
    Scrypt,
    /// PBKDF2 with HMAC.
    Pbkdf2,
    /// The modified scrypt of Firebase.
    FirebaseScrypt,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Bcrypt,
        Self::Argon2,
        Self::Scrypt,
        Self::Pbkdf2,
        Self::FirebaseScrypt,
    ];

    /// Returns the name of the kind: `bcrypt`, `argon2`, `scrypt`, `pbkdf2` or `firebase_scrypt`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Argon2 => "argon2",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2 => "pbkdf2",
            Self::FirebaseScrypt => "firebase_scrypt",
        }
    }

    /// Returns the kind of a hash by the start of its text. The hash may be malformed.
    pub fn of_text(text: &str) -> Option<Self> {
        const STARTS: [(&str, Kind); 18] = [
            ("$2a$", Kind::Bcrypt),
            ("$2b$", Kind::Bcrypt),
            ("$2y$", Kind::Bcrypt),
            ("bcrypt$", Kind::Bcrypt),
            ("bcrypt_sha256$", Kind::Bcrypt),
            ("$bcrypt-sha256$", Kind::Bcrypt),
            ("$argon2i$", Kind::Argon2),
            ("$argon2d$", Kind::Argon2),
            ("$argon2id$", Kind::Argon2),
            ("argon2$", Kind::Argon2),
            ("$scrypt$", Kind::Scrypt),
            ("scrypt$", Kind::Scrypt),
            ("scrypt:", Kind::Scrypt),
            ("$pbkdf2$", Kind::Pbkdf2),
            ("$pbkdf2-", Kind::Pbkdf2),
            ("pbkdf2_", Kind::Pbkdf2),
            ("pbkdf2:", Kind::Pbkdf2),
            ("$fbscrypt$", Kind::FirebaseScrypt),
        ];
        let mut starts = STARTS.iter();
        match starts.find(|(start, _)| text.starts_with(start)) {
            Some((_, kind)) => Some(*kind),
            None => pbkdf2::is_asp_net(text).then_some(Self::Pbkdf2),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
