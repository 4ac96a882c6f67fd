//! The bounded memory of signatures, which forgets only those that are too old to be accepted.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::message::sha256;

/// Nonces by their time. A replay has the same time and nonce, because both are signed.
#[derive(Debug)]
pub(crate) struct Nonces {
    seen: Mutex<BTreeSet<(i64, [u8; 16])>>,
    most: usize,
}

/// The outcome of adding a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    First,
    Again,
    /// The memory is full.
    Full,
}

impl Nonces {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            seen: Mutex::default(),
            most,
        }
    }

    /// Adds a nonce of this time, and drops those from before `oldest`.
    pub(crate) fn show(&self, created: i64, nonce: &str, oldest: i64) -> Shown {
        // Half of a SHA-256 is as good as the nonce, and of one size.
        let digest = sha256(nonce.as_bytes());
        let digest = *digest.first_chunk().expect("it has 32 bytes");
        // A set of numbers is right after any panic.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.first().is_some_and(|(created, _)| *created < oldest) {
            seen.pop_first();
        }
        if seen.contains(&(created, digest)) {
            Shown::Again
        } else if seen.len() >= self.most {
            Shown::Full
        } else {
            seen.insert((created, digest));
            Shown::First
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_known_until_it_is_too_old() {
        let nonces = Nonces::new(10);
        assert_eq!(nonces.show(5, "a", 0), Shown::First);
        assert_eq!(nonces.show(5, "a", 5), Shown::Again);
        assert_eq!(nonces.show(6, "a", 5), Shown::First);
        assert_eq!(nonces.show(5, "b", 5), Shown::First);
        assert_eq!(nonces.show(9, "c", 6), Shown::First);
        assert_eq!(nonces.show(6, "a", 6), Shown::Again);
        assert_eq!(nonces.seen.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_full_memory_forgets_nothing_and_takes_nothing() {
        let nonces = Nonces::new(2);
        assert_eq!(nonces.show(1, "a", 0), Shown::First);
        assert_eq!(nonces.show(2, "b", 0), Shown::First);
        assert_eq!(nonces.show(3, "c", 0), Shown::Full);
        assert_eq!(nonces.show(1, "a", 0), Shown::Again);
        assert_eq!(nonces.show(3, "c", 2), Shown::First);
    }
}
