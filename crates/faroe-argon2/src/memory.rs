//! A pool of working memory that is wiped after each use.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

/// The working memory of one hash.
pub(crate) trait WorkingMemory {
    /// Overwrites the data left by a hash.
    fn wipe(&mut self);
}

/// Idle, wiped working memory for at most one hash per processor.
pub(crate) struct MemoryPool<M> {
    most_idle: usize,
    idle: Mutex<Vec<M>>,
}

impl<M: WorkingMemory> MemoryPool<M> {
    pub(crate) fn new() -> Self {
        Self {
            most_idle: thread::available_parallelism().map_or(1, usize::from),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Takes idle memory for one hash, or creates it with `new`.
    pub(crate) fn take<E>(&self, new: impl FnOnce() -> Result<M, E>) -> Result<Taken<'_, M>, E> {
        let idle = self.lock().pop();
        let memory = Some(idle.map_or_else(new, Ok)?);
        Ok(Taken { pool: self, memory })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<M>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> fmt::Debug for MemoryPool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPool").finish_non_exhaustive()
    }
}

/// Memory taken from a pool. Dropping it, also in a panic, wipes it and returns it to the pool.
pub(crate) struct Taken<'a, M: WorkingMemory> {
    pool: &'a MemoryPool<M>,
    /// `None` only while being dropped.
    memory: Option<M>,
}

impl<M: WorkingMemory> Deref for Taken<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.memory
            .as_ref()
            .expect("memory is only taken out in drop")
    }
}

impl<M: WorkingMemory> DerefMut for Taken<'_, M> {
    fn deref_mut(&mut self) -> &mut M {
        self.memory
            .as_mut()
            .expect("memory is only taken out in drop")
    }
}

impl<M: WorkingMemory> Drop for Taken<'_, M> {
    fn drop(&mut self) {
        let Some(mut memory) = self.memory.take() else {
            return;
        };
        memory.wipe();
        let mut idle = self.pool.lock();
        if idle.len() < self.pool.most_idle {
            idle.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[derive(Debug)]
    struct Secret(u32);

    impl WorkingMemory for Secret {
        fn wipe(&mut self) {
            self.0 = 0;
        }
    }

    fn new() -> Result<Secret, Infallible> {
        Ok(Secret(7))
    }

    #[test]
    fn memory_is_wiped_and_reused() {
        let pool = MemoryPool::new();
        drop(pool.take(new).unwrap());
        let memory = pool.take(|| Err("it is new")).unwrap();
        assert_eq!(memory.0, 0);
        assert!(pool.take(|| Err("it is new")).is_err(), "no memory is idle");
    }

    #[test]
    fn memory_is_wiped_and_returned_after_a_panic() {
        let pool = MemoryPool::new();
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut memory = pool.take(new).unwrap();
                memory.0 = 5;
                panic!("a hash panics");
            });
            assert!(thread.join().is_err());
        });
        assert_eq!(pool.take(|| Err("it is new")).unwrap().0, 0);
    }

    #[test]
    fn idle_memory_is_bounded() {
        let pool = MemoryPool::new();
        let many: Vec<_> = (0..pool.most_idle + 2)
            .map(|_| pool.take(new).unwrap())
            .collect();
        drop(many);
        assert_eq!(pool.lock().len(), pool.most_idle);
    }
}
