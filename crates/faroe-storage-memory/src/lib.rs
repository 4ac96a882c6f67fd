#![doc = include_str!("../README.md")]

mod cache;
mod entries;
mod main_storage;
mod rate_limit_storage;
mod storage;

use std::sync::Arc;

use faroe_core::time::{Clock, SystemClock};

pub use crate::{
    cache::MemoryCache, main_storage::MemoryMainStorage,
    rate_limit_storage::MemoryRateLimitStorage, storage::MemoryStorage,
};

/// The bound and the clock of a storage in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// Entries at most; 500,000 by default, which take about 300 MB.
    pub maximum_entries: usize,
    /// The clock that entries expire by; the system's by default. It must be the server's.
    pub clock: Arc<dyn Clock>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            maximum_entries: 500_000,
            clock: Arc::new(SystemClock),
        }
    }
}
