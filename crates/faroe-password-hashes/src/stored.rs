//! Hashes that were read from their texts.

use std::error::Error;

use crate::cost::Cost;

pub(crate) type ComputeError = Box<dyn Error + Send + Sync>;

/// Fills a buffer with the hash of a password.
type Compute = Box<dyn FnOnce(&[u8], &mut [u8]) -> Result<(), ComputeError>>;

/// A hash, and its computation for a password. The cost is checked before the computation.
pub(crate) struct Stored {
    pub(crate) hash: Vec<u8>,
    pub(crate) cost: Cost,
    pub(crate) compute: Compute,
}

/// The reason why a hash is malformed. It contains no part of the hash.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);
