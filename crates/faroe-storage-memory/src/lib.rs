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

/// What a storage in memory may take, and whose time it goes by.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// How many entries there may be at once; 500,000 by default; then it takes about 300 MB.
    pub maximum_entries: usize,
    /// The clock that entries expire by; the system's by default. It has to be the server's.
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
