//! Working memory that is wiped after use and kept for the next hash.

use std::{
    collections::TryReserveError,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use argon2::Block;
use zeroize::Zeroize;

/// Idle working memory, all of it wiped.
pub(crate) struct MemoryPool {
    block_count: usize,
    most_idle: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

impl MemoryPool {
    pub(crate) fn new(block_count: usize) -> Self {
        Self {
            block_count,
            most_idle: thread::available_parallelism().map_or(1, usize::from),
            idle: Mutex::default(),
        }
    }

    /// Memory for one hash: idle memory if there is some, else new.
    pub(crate) fn take(&self) -> Result<Memory<'_>, TryReserveError> {
        let idle = self.lock().pop();
        let blocks = match idle {
            Some(blocks) => blocks,
            None => {
                let mut blocks = Vec::new();
                blocks.try_reserve_exact(self.block_count)?;
                blocks.resize(self.block_count, Block::new());
                blocks
            }
        };
        Ok(Memory { pool: self, blocks })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn idle(&self) -> usize {
        self.lock().len()
    }

    #[cfg(test)]
    pub(crate) fn most_idle(&self) -> usize {
        self.most_idle
    }
}

impl fmt::Debug for MemoryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPool").finish_non_exhaustive()
    }
}

/// The memory of one hash. Dropping it, also in a panic, wipes it and gives it back.
pub(crate) struct Memory<'a> {
    pool: &'a MemoryPool,
    blocks: Vec<Block>,
}

impl Memory<'_> {
    pub(crate) fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        self.blocks.iter_mut().zeroize();
        let mut idle = self.pool.lock();
        if idle.len() < self.pool.most_idle {
            idle.push(std::mem::take(&mut self.blocks));
        }
    }
}
