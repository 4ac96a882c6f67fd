//! The section `hashing`.

use std::{num::NonZeroUsize, time::Duration};

use faroe_argon2::Parameters;
use faroe_core as core;
use faroe_password_hashes::Bounds;

use super::{previous_hashes::PreviousHash, section::section};
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
        /// Kinds of earlier hashes, whose users are re-hashed when they sign in: costs of this server, with the stored `id` if
        /// it has another form, and [other software](https://docs.rs/faroe-password-hashes). List the old costs when you change
        /// them, or users cannot sign in.
        previous: Vec<PreviousHash> = [],
        /// Most memory for verifying a hash of other software, in KiB. A hash that takes more is an internal error.
        previous_max_memory_kib: u32 = Bounds::default().memory_kib,
        /// Most time for verifying a hash of other software, estimated from its costs. A hash that takes more is an internal
        /// error.
        previous_max_time: Duration = "2s",
    }
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

    /// Returns the bounds on the costs of hashes of other software.
    pub(crate) fn previous_bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        bounds.memory_kib = self.previous_max_memory_kib;
        bounds.time = self.previous_max_time;
        bounds
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
