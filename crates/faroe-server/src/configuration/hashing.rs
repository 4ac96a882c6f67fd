//! The section `hashing`.

use std::num::NonZeroUsize;

use faroe_argon2::Parameters;
use faroe_core as core;
use serde::Deserialize;

use super::{
    section::section,
    setting::{Setting, setting},
};
use crate::error::StartError;

section! {
    /// Hashing of passwords with Argon2id.
    Hashing {
        /// Number of passwords that are hashed at once.
        #[otherwise = "processors less one, at least 1"]
        permits: Option<NonZeroUsize>,
        /// Number of further passwords that may wait; beyond it the answer is 503.
        #[otherwise = "16 for each permit"]
        queue: Option<usize>,
        /// Memory for one hash, in KiB.
        memory_kib: u32 = 65536,
        /// Number of passes over the memory.
        iterations: u32 = 3,
        /// A [faster implementation](https://docs.rs/faroe-argon2), which computes the same hashes and is not audited; only in a
        /// build with the feature `argon2-fast`.
        fast: bool = false,
        /// Costs of earlier hashes, whose users are re-hashed when they sign in. List the old cost when you change it, or they
        /// cannot sign in.
        previous: Vec<PreviousHash> = [],
    }
}

/// The cost of an earlier hash.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{ memory_kib = NUMBER, iterations = NUMBER }"
)]
pub(crate) struct PreviousHash {
    memory_kib: u32,
    iterations: u32,
}

setting! {
    PreviousHash: "`{ memory_kib = 19456, iterations = 2 }`",
}

impl Hashing {
    /// Checks that this build has what is asked for.
    pub(super) fn check(&self) -> Result<(), StartError> {
        if self.fast && !cfg!(feature = "argon2-fast") {
            return Err(StartError::new(
                "hashing.fast: this build does not have the faster implementation; build with --features argon2-fast, or \
                 remove the setting",
            ));
        }
        Ok(())
    }

    /// Returns how many passwords are hashed at once. A full queue is about two seconds of work: a hash of the default cost
    /// takes an eighth of one.
    pub(crate) fn concurrency(&self) -> core::Hashing {
        let default = core::Hashing::default().permits;
        let permits = self.permits.map_or(default, NonZeroUsize::get);
        let mut hashing = core::Hashing::default();
        hashing.permits = permits;
        hashing.queue = self.queue.unwrap_or(permits.saturating_mul(16));
        hashing
    }

    /// Returns the parameters of new hashes.
    pub(crate) fn current(&self) -> Parameters {
        argon2id(self.memory_kib, self.iterations)
    }

    /// Returns the parameters of earlier hashes.
    pub(crate) fn previous(&self) -> impl Iterator<Item = Parameters> {
        let previous = self.previous.iter();
        previous.map(|hash| argon2id(hash.memory_kib, hash.iterations))
    }
}

fn argon2id(memory_kib: u32, iterations: u32) -> Parameters {
    Parameters {
        memory_kib,
        iterations,
        parallelism: 1,
        hash_length: 32,
    }
}
