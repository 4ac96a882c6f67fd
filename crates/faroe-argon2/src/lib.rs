#![doc = include_str!("../README.md")]

mod memory;

use std::{error::Error, fmt};

use argon2::{Algorithm, Argon2, Params, Version};
use faroe_core::{error::AdapterError, password::PasswordHashAlgorithm};

use crate::memory::MemoryPool;

/// The length of every salt, in bytes.
const SALT_SIZE: usize = 16;

/// What a hash costs and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Memory in KiB: 8 for each lane up to 4194304 (4 GiB).
    pub memory_kib: u32,
    /// Passes over the memory: 1 to 1000.
    pub iterations: u32,
    /// Lanes: 1 to 255.
    pub parallelism: u32,
    /// Length of the hash in bytes: 16 to 128.
    pub hash_length: u32,
}

/// Parameters that make no Argon2id: which one it is, and what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidParameters {
    parameter: &'static str,
    allowed: &'static str,
}

impl fmt::Display for InvalidParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} of Argon2id must be {}",
            self.parameter, self.allowed
        )
    }
}

impl Error for InvalidParameters {}

impl Parameters {
    const USER_PASSWORDS: Self = Self {
        memory_kib: 65536,
        iterations: 3,
        parallelism: 1,
        hash_length: 32,
    };

    const TEMPORARY_PASSWORDS: Self = Self {
        memory_kib: 16384,
        ..Self::USER_PASSWORDS
    };

    fn check(self) -> Result<(), InvalidParameters> {
        let invalid = |parameter, allowed| Err(InvalidParameters { parameter, allowed });
        if !(1..=255).contains(&self.parallelism) {
            return invalid("parallelism", "1 to 255");
        }
        if !(8 * self.parallelism..=4_194_304).contains(&self.memory_kib) {
            return invalid("memory", "8 KiB for each lane up to 4194304 KiB");
        }
        if !(1..=1000).contains(&self.iterations) {
            return invalid("number of iterations", "1 to 1000");
        }
        if !(16..=128).contains(&self.hash_length) {
            return invalid("hash length", "16 to 128 bytes");
        }
        Ok(())
    }
}

/// Argon2id, version 0x13, with fixed parameters and salts of 16 bytes.
///
/// `hash` fails for a salt shorter than 8 bytes and when there is no memory to be had. Calls may run at once, each with
/// working memory of its own.
#[derive(Debug)]
pub struct Argon2id {
    id: String,
    hash_length: usize,
    argon2: Argon2<'static>,
    memory: MemoryPool,
}

impl Argon2id {
    /// Argon2id with these parameters.
    ///
    /// # Errors
    ///
    /// When a parameter is out of its range.
    pub fn new(parameters: Parameters) -> Result<Self, InvalidParameters> {
        parameters.check()?;
        Ok(Self::of_valid(parameters))
    }

    /// What the protocol recommends for user passwords: 64 MiB, 3 iterations, 1 lane, 32 bytes.
    pub fn recommended_for_user_passwords() -> Self {
        Self::of_valid(Parameters::USER_PASSWORDS)
    }

    /// What the protocol recommends for temporary passwords: 16 MiB, 3 iterations, 1 lane, 32 bytes.
    pub fn recommended_for_temporary_passwords() -> Self {
        Self::of_valid(Parameters::TEMPORARY_PASSWORDS)
    }

    fn of_valid(parameters: Parameters) -> Self {
        let Parameters {
            memory_kib,
            iterations,
            parallelism,
            hash_length,
        } = parameters;
        let hash_length = hash_length as usize;
        let parameters = Params::new(memory_kib, iterations, parallelism, Some(hash_length))
            .expect("parameters in our ranges are in Argon2's");
        Self {
            id: format!("argon2id.{memory_kib}.{iterations}.{parallelism}.{hash_length}"),
            hash_length,
            memory: MemoryPool::new(parameters.block_count()),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters),
        }
    }
}

impl PasswordHashAlgorithm for Argon2id {
    fn id(&self) -> &str {
        &self.id
    }

    fn salt_size(&self) -> usize {
        SALT_SIZE
    }

    fn hash(&self, password: &[u8], salt: &[u8]) -> Result<Vec<u8>, AdapterError> {
        const OPERATION: &str = "compute an Argon2id hash";
        let mut hash = vec![0; self.hash_length];
        let mut memory = self
            .memory
            .take()
            .map_err(|error| AdapterError::new(OPERATION, error))?;
        self.argon2
            .hash_password_into_with_memory(password, salt, &mut hash, memory.blocks())
            .map_err(|error| AdapterError::new(OPERATION, error))?;
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_wiped_and_used_again() {
        let argon2id = Argon2id::recommended_for_temporary_passwords();
        argon2id.hash(b"password", &[1; 16]).unwrap();
        assert_eq!(argon2id.memory.idle(), 1);
        let mut memory = argon2id.memory.take().unwrap();
        assert_eq!(argon2id.memory.idle(), 0);
        assert_eq!(memory.blocks().len(), 16384);
        let mut words = memory.blocks().iter().flat_map(|block| block.as_ref());
        assert!(words.all(|word| *word == 0));
    }

    #[test]
    fn memory_is_wiped_and_given_back_by_a_panic() {
        let argon2id = Argon2id::recommended_for_temporary_passwords();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut memory = argon2id.memory.take().unwrap();
                memory.blocks()[5].as_mut()[5] = 5;
                panic!("as a hash might");
            });
            assert!(thread.join().is_err());
        });
        assert_eq!(argon2id.memory.idle(), 1);
        assert_eq!(argon2id.memory.take().unwrap().blocks()[5].as_ref()[5], 0);
    }

    #[test]
    fn idle_memory_is_bounded() {
        let argon2id = Argon2id::recommended_for_temporary_passwords();
        let many: Vec<_> = (0..argon2id.memory.most_idle() + 2)
            .map(|_| argon2id.memory.take().unwrap())
            .collect();
        drop(many);
        assert_eq!(argon2id.memory.idle(), argon2id.memory.most_idle());
    }
}
