//! Hashing with the crate `argon2-rust`.

use argon2_rust::{
    Algorithm, Argon2, Hasher, Params, Version,
    params::{Memory, TagLen},
};

use crate::{
    HashError, Parameters,
    memory::{MemoryPool, WorkingMemory},
};

pub(crate) struct Fast {
    argon2: Argon2,
    hashers: MemoryPool<Hasher>,
}

impl WorkingMemory for Hasher {
    /// Does nothing: a hasher wipes its memory before its call returns or unwinds.
    fn wipe(&mut self) {}
}

impl Fast {
    /// Creates a hasher. The parameters must be valid.
    pub(crate) fn new(parameters: Parameters) -> Self {
        let parameters = Params::builder()
            .memory(Memory::kib(parameters.memory_kib.into()))
            .passes(parameters.iterations)
            .lanes(parameters.parallelism)
            .threads(1)
            .tag_len(TagLen::bytes(parameters.hash_length.into()))
            .build()
            .expect("checked parameters are valid for Argon2");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters),
            hashers: MemoryPool::new(),
        }
    }

    pub(crate) fn hash(
        &self,
        password: &[u8],
        salt: &[u8],
        hash: &mut [u8],
    ) -> Result<(), HashError> {
        let mut hasher = self
            .hashers
            .take(|| Ok::<_, HashError>(self.argon2.hasher()))?;
        hasher.hash_into(password, salt, hash)?;
        Ok(())
    }
}

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fast").finish_non_exhaustive()
    }
}
