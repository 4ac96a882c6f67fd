//! Hashing with RustCrypto's crate `argon2`.

use std::collections::TryReserveError;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

#[cfg(target_os = "linux")]
use crate::huge_pages;
use crate::{
    HashError, Parameters,
    memory::{MemoryPool, WorkingMemory},
};

#[derive(Debug)]
pub(crate) struct RustCrypto {
    argon2: Argon2<'static>,
    memory: MemoryPool<Vec<Block>>,
}

impl WorkingMemory for Vec<Block> {
    fn wipe(&mut self) {
        self.iter_mut().zeroize();
    }
}

impl RustCrypto {
    /// Creates a hasher. The parameters must be valid.
    pub(crate) fn new(parameters: Parameters) -> Self {
        let Parameters {
            memory_kib,
            iterations,
            parallelism,
            hash_length,
        } = parameters;
        let hash_length = Some(hash_length as usize);
        let parameters = Params::new(memory_kib, iterations, parallelism, hash_length)
            .expect("checked parameters are valid for Argon2");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters),
            memory: MemoryPool::new(),
        }
    }

    pub(crate) fn hash(
        &self,
        password: &[u8],
        salt: &[u8],
        hash: &mut [u8],
    ) -> Result<(), HashError> {
        let mut blocks = self.memory.take(|| self.new_blocks())?;
        self.argon2
            .hash_password_into_with_memory(password, salt, hash, &mut *blocks)?;
        Ok(())
    }

    fn new_blocks(&self) -> Result<Vec<Block>, TryReserveError> {
        let count = self.argon2.params().block_count();
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count)?;
        #[cfg(target_os = "linux")]
        huge_pages::request(blocks.spare_capacity_mut());
        blocks.resize(count, Block::new());
        Ok(blocks)
    }
}
