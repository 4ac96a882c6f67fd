#![doc = include_str!("../README.md")]

#[cfg(feature = "fast")]
mod fast;
#[cfg(target_os = "linux")]
mod huge_pages;
mod memory;
mod rust_crypto;

use std::{error::Error, fmt};

use faroe_core::{error::AdapterError, password::PasswordHashAlgorithm};

use crate::rust_crypto::RustCrypto;

type HashError = Box<dyn Error + Send + Sync>;

/// The length of every salt, in bytes.
const SALT_SIZE: usize = 16;

/// The cost and the length of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Memory in KiB: from 8 for each lane to 4194304 (4 GiB).
    pub memory_kib: u32,
    /// Number of passes over the memory: from 1 to 1000.
    pub iterations: u32,
    /// Number of lanes: from 1 to 255.
    pub parallelism: u32,
    /// Length of the hash in bytes: from 16 to 128.
    pub hash_length: u32,
}

/// The error for a parameter out of range. It names the parameter and its range.
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
            return invalid("parallelism", "from 1 to 255");
        }
        if !(8 * self.parallelism..=4_194_304).contains(&self.memory_kib) {
            return invalid("memory", "from 8 KiB for each lane to 4194304 KiB");
        }
        if !(1..=1000).contains(&self.iterations) {
            return invalid("number of iterations", "from 1 to 1000");
        }
        if !(16..=128).contains(&self.hash_length) {
            return invalid("hash length", "from 16 to 128 bytes");
        }
        Ok(())
    }
}

/// Argon2id, version 0x13, with fixed parameters and salts of 16 bytes.
///
/// `hash` fails if the salt is shorter than 8 bytes or if memory cannot be allocated. Concurrent calls use separate working
/// memory.
#[derive(Debug)]
pub struct Argon2id {
    id: String,
    parameters: Parameters,
    implementation: Implementation,
}

/// The implementations. Their hashes are identical.
#[derive(Debug)]
enum Implementation {
    RustCrypto(RustCrypto),
    #[cfg(feature = "fast")]
    Fast(fast::Fast),
}

impl Argon2id {
    /// Creates Argon2id with these parameters.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is out of range.
    pub fn new(parameters: Parameters) -> Result<Self, InvalidParameters> {
        parameters.check()?;
        Ok(Self::of_valid(parameters))
    }

    /// Changes the ID under which hashes are stored. Other software stores the same hashes under IDs of another form:
    /// `argon2id.3.65536.1.32` in the samples for Faroe in Go, where the number of iterations comes first.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..self
        }
    }

    /// Creates Argon2id as the protocol recommends for user passwords: 64 MiB, 3 iterations, 1 lane, 32 bytes.
    pub fn recommended_for_user_passwords() -> Self {
        Self::of_valid(Parameters::USER_PASSWORDS)
    }

    /// Creates Argon2id as the protocol recommends for temporary passwords: 16 MiB, 3 iterations, 1 lane, 32 bytes.
    pub fn recommended_for_temporary_passwords() -> Self {
        Self::of_valid(Parameters::TEMPORARY_PASSWORDS)
    }

    /// Switches to the implementation `argon2-rust`, which computes the same hashes in about half the time. It uses AVX2,
    /// AVX-512 and huge pages.
    ///
    /// It has not been audited independently, and it contains much `unsafe` code. It is tested against the reference
    /// implementation, and here also against RustCrypto's. IDs and hashes are identical, so switching in either direction
    /// needs no migration.
    #[cfg(feature = "fast")]
    #[must_use]
    pub fn fast(self) -> Self {
        Self {
            implementation: Implementation::Fast(fast::Fast::new(self.parameters)),
            ..self
        }
    }

    fn of_valid(parameters: Parameters) -> Self {
        let Parameters {
            memory_kib,
            iterations,
            parallelism,
            hash_length,
        } = parameters;
        Self {
            id: format!("argon2id.{memory_kib}.{iterations}.{parallelism}.{hash_length}"),
            parameters,
            implementation: Implementation::RustCrypto(RustCrypto::new(parameters)),
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
        let mut hash = vec![0; self.parameters.hash_length as usize];
        match &self.implementation {
            Implementation::RustCrypto(hasher) => hasher.hash(password, salt, &mut hash),
            #[cfg(feature = "fast")]
            Implementation::Fast(hasher) => hasher.hash(password, salt, &mut hash),
        }
        .map_err(|error| AdapterError::new("compute an Argon2id hash", error))?;
        Ok(hash)
    }
}
