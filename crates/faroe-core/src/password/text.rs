//! Password hashes as texts.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use faroe_protocol::{types::Bytes, user::User};

use super::PasswordHash;

/// The longest name of a kind. A hash is longer, so no part of one is taken for a name.
const MAX_KIND_SIZE: usize = 20;

/// The longest algorithm ID that a log line repeats.
const MAX_LOGGED_ID_SIZE: usize = 31;

impl PasswordHash {
    /// Creates a hash from the text that other software, or [`PasswordHash::to_text`], has made of it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self {
            algorithm_id: String::new(),
            salt: Bytes::default(),
            hash: Bytes::from(text.into().into_bytes()),
        }
    }

    /// Returns the text of a hash that has no parts.
    pub fn as_text(&self) -> Option<&str> {
        let is_text = self.algorithm_id.is_empty() && self.salt.is_empty();
        is_text.then(|| str::from_utf8(&self.hash).ok()).flatten()
    }

    /// Returns the hash as a text, from which [`PasswordHash::to_parts`] restores the parts.
    ///
    /// A hash of Argon2id becomes a PHC string (`$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH`), which libraries of other
    /// languages verify. Hashes of all other algorithms become `$faroe$ID$SALT$HASH`, with salt and hash in Base64. A
    /// missing hash becomes an empty text.
    pub fn to_text(&self) -> String {
        if self.algorithm_id.is_empty() || self.hash.is_empty() {
            return String::from_utf8_lossy(&self.hash).into_owned();
        }
        let [salt, hash] =
            [&self.salt, &self.hash].map(|bytes| BASE64_STANDARD_NO_PAD.encode(&**bytes));
        match Argon2idCosts::of_id(&self.algorithm_id) {
            Some((costs, length)) if length == self.hash.len() => {
                format!("{}{salt}${hash}", costs.prefix())
            }
            _ => format!("$faroe${}${salt}${hash}", self.algorithm_id),
        }
    }

    /// Returns the hash in parts if it is in parts, or if it is a text as [`PasswordHash::to_text`] writes it. Returns
    /// any other hash as it is.
    pub fn to_parts(&self) -> Cow<'_, Self> {
        let parts = self.as_text().and_then(parts);
        parts.map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// Checks whether the hash is missing: the user has no password. This includes texts that begin with `!`, which
    /// Django and Unix store for users who cannot sign in with a password.
    pub fn is_empty(&self) -> bool {
        self.hash.is_empty() || self.as_text().is_some_and(|text| text.starts_with('!'))
    }

    /// Returns the kind of the hash for a log line: the algorithm ID, or the name at the start of a text. `None` if that may be
    /// part of a hash, because it is long or has other characters than an ID.
    pub fn kind(&self) -> Option<&str> {
        let (kind, max_size) = if self.algorithm_id.is_empty() {
            let text = self.as_text()?;
            let (name, _) = text
                .strip_prefix('$')
                .unwrap_or(text)
                .split_once(['$', ':'])?;
            (name, MAX_KIND_SIZE)
        } else {
            (self.algorithm_id.as_str(), MAX_LOGGED_ID_SIZE)
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (!kind.is_empty() && kind.len() <= max_size && kind.bytes().all(is_plain)).then_some(kind)
    }
}

impl From<&User> for PasswordHash {
    fn from(user: &User) -> Self {
        Self {
            algorithm_id: user.password_hash_algorithm_id.clone(),
            salt: user.password_salt.clone(),
            hash: user.password_hash.clone(),
        }
    }
}

/// The costs of Argon2id, which both its algorithm ID and its PHC string name.
struct Argon2idCosts {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl Argon2idCosts {
    /// Reads an ID `argon2id.MEMORY_KIB.ITERATIONS.PARALLELISM.HASH_LENGTH`, and returns the length too.
    fn of_id(id: &str) -> Option<(Self, usize)> {
        let mut numbers = id
            .strip_prefix("argon2id.")?
            .split('.')
            .map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        let costs = Self {
            memory_kib: next()?,
            iterations: next()?,
            parallelism: next()?,
        };
        let length = usize::try_from(next()?).ok()?;
        // An ID of another form, with leading zeros for example, is not read: it could not be restored.
        (costs.id(length) == id).then_some((costs, length))
    }

    fn id(&self, length: usize) -> String {
        let Self {
            memory_kib,
            iterations,
            parallelism,
        } = self;
        format!("argon2id.{memory_kib}.{iterations}.{parallelism}.{length}")
    }

    /// Returns the PHC string up to the salt.
    fn prefix(&self) -> String {
        let Self {
            memory_kib,
            iterations,
            parallelism,
        } = self;
        format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$")
    }

    /// Reads the middle of a PHC string: `m=65536,t=3,p=1`.
    fn of_phc(parameters: &str) -> Option<Self> {
        let mut parameters = parameters.split(',');
        let mut next = |name| parameters.next()?.strip_prefix(name)?.parse().ok();
        Some(Self {
            memory_kib: next("m=")?,
            iterations: next("t=")?,
            parallelism: next("p=")?,
        })
    }
}

fn parts(text: &str) -> Option<PasswordHash> {
    let (start, hash) = text.rsplit_once('$')?;
    let (start, salt) = start.rsplit_once('$')?;
    let decode = |text| BASE64_STANDARD_NO_PAD.decode(text).ok();
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let algorithm_id = match start.strip_prefix("$argon2id$v=19$") {
        Some(parameters) => Argon2idCosts::of_phc(parameters)?.id(hash.len()),
        None => start.strip_prefix("$faroe$")?.to_owned(),
    };
    let parts = PasswordHash {
        algorithm_id,
        salt: Bytes::from(salt),
        hash: Bytes::from(hash),
    };
    // A text of another form is not read: other software may mean something else.
    (!parts.algorithm_id.is_empty() && parts.to_text() == text).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(algorithm_id: &str, salt: &[u8], hash: &[u8]) -> PasswordHash {
        PasswordHash {
            algorithm_id: algorithm_id.to_owned(),
            salt: Bytes::from(salt.to_vec()),
            hash: Bytes::from(hash.to_vec()),
        }
    }

    #[test]
    fn a_hash_of_argon2id_is_a_phc_string() {
        let argon2id = hash("argon2id.65536.3.1.32", &[7; 16], &[9; 32]);
        let text = argon2id.to_text();
        assert_eq!(
            text,
            "$argon2id$v=19$m=65536,t=3,p=1$BwcHBwcHBwcHBwcHBwcHBw$CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"
        );
        assert_eq!(*PasswordHash::from_text(text).to_parts(), argon2id);
        assert_eq!(*argon2id.to_parts(), argon2id);
    }

    #[test]
    fn parts_are_restored_from_the_text_of_any_hash() {
        for hash in [
            hash("argon2id.65536.3.1.32", &[], &[9; 32]),
            hash("argon2id.065536.3.1.32", &[7; 16], &[9; 32]),
            hash("argon2id.65536.3.1.16", &[7; 16], &[9; 32]),
            hash("argon2id.65536.3.1", &[7; 16], &[9; 32]),
            hash("argon2id.65536.3.1.32.", &[7; 16], &[9; 32]),
            hash("a$b", b"$", b"!"),
            hash("\0 ä", &[0], &[255]),
        ] {
            let restored = PasswordHash::from_text(hash.to_text());
            assert_eq!(*restored.to_parts(), hash, "{}", hash.to_text());
        }
    }

    #[test]
    fn a_text_of_another_form_stays_a_text() {
        for text in [
            "",
            "$",
            "$2b$12$abc",
            "$faroe$$AA$AA",
            "$faroe$a$AA$AA==",
            "$faroe$a$AA$AB",
            "$argon2id$v=19$m=65536,t=3$AA$AA",
            "$argon2id$v=19$m=065536,t=3,p=1$AA$AA",
            "$argon2id$v=19$m=65536,t=3,p=1,data=AA$AA$AA",
            "$argon2id$v=19$t=3,m=65536,p=1$AA$AA",
            "$argon2id$v=16$m=65536,t=3,p=1$AA$AA",
            "$argon2i$v=19$m=65536,t=3,p=1$AA$AA",
        ] {
            let hash = PasswordHash::from_text(text);
            assert_eq!(*hash.to_parts(), hash);
            assert_eq!(hash.to_text(), text);
        }
    }

    #[test]
    fn a_missing_hash_is_empty_or_begins_with_an_exclamation_mark() {
        for text in ["", "!", "!kYx1OZr3"] {
            assert!(PasswordHash::from_text(text).is_empty(), "{text}");
        }
        assert!(hash("argon2id.65536.3.1.32", &[7; 16], b"").is_empty());
        assert!(!hash("argon2id.65536.3.1.32", &[7; 16], b"!").is_empty());
        assert!(!PasswordHash::from_text("$2b$12$!").is_empty());
    }

    #[test]
    fn a_kind_is_a_name_and_no_part_of_a_hash() {
        for (hash, kind) in [
            (
                hash("argon2id.3.65536.1.32", &[], b"a"),
                Some("argon2id.3.65536.1.32"),
            ),
            (PasswordHash::from_text("$2b$12$abc"), Some("2b")),
            (
                PasswordHash::from_text("pbkdf2_sha256$1$a$b"),
                Some("pbkdf2_sha256"),
            ),
            (
                PasswordHash::from_text("scrypt:32768:8:1$a$b"),
                Some("scrypt"),
            ),
            (
                PasswordHash::from_text("5f4dcc3b5aa765d61d8327deb882cf99"),
                None,
            ),
            (
                PasswordHash::from_text("5f4dcc3b5aa765d61d8327deb882cf99:salt"),
                None,
            ),
            (PasswordHash::from_text("X03MO1qnZdYdgyfeuILPmQ:salt"), None),
            (PasswordHash::from_text("$$salt$hash"), None),
            (hash("5f4dcc3b5aa765d61d8327deb882cf99", &[], b"a"), None),
            (hash("", &[], b"\xff"), None),
        ] {
            assert_eq!(hash.kind(), kind, "{}", hash.to_text());
        }
    }
}
