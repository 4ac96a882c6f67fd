#![doc = include_str!("../README.md")]

pub mod canaries;
pub mod clock;
pub mod conformance;
pub mod effort;
pub mod explorer;
pub mod fault;
pub mod hasher;
pub mod intercept;
pub mod log;
pub mod mailbox;
pub mod promise;
pub mod round_robin;
pub mod storage;
pub mod user_store;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a fake's state. A fake stays usable after a test has panicked: every change to its state is made in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
