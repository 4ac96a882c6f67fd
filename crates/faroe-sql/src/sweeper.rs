//! The removal of expired entries in the background.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use faroe_core::error::{AdapterError, ErrorChain};
use tokio::{task::JoinHandle, time::Instant};

const INTERVAL: Duration = Duration::from_secs(60);

/// Entries that are removed in one transaction. A hundred take about a millisecond.
const BATCH: u32 = 100;

type Removal = Pin<Box<dyn Future<Output = Result<u64, AdapterError>> + Send>>;

/// Removes expired entries in the background: at most once a minute, one sweep at a time, and only while entries are
/// written. Dropping it ends a sweep.
pub struct Sweeper {
    remove: Arc<dyn Fn(u32) -> Removal + Send + Sync>,
    last: Mutex<Option<Sweep>>,
}

struct Sweep {
    started_at: Instant,
    task: JoinHandle<()>,
}

impl Sweeper {
    /// A sweeper that removes entries by this function. The function removes at most the given number of expired entries,
    /// in one transaction, and returns how many there were; it is called again as long as there were that many.
    pub fn new<F>(remove: impl Fn(u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64, AdapterError>> + Send + 'static,
    {
        Self {
            remove: Arc::new(move |most| Box::pin(remove(most))),
            last: Mutex::default(),
        }
    }

    /// Starts a sweep if one is due. Storages call this with every write.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn wrote(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last
            .as_ref()
            .is_none_or(|last| last.task.is_finished() && last.started_at.elapsed() >= INTERVAL);
        if is_due {
            let remove = Arc::clone(&self.remove);
            *last = Some(Sweep {
                started_at: Instant::now(),
                task: tokio::spawn(async move {
                    if let Err(error) = sweep(&*remove).await {
                        tracing::warn!(error = %ErrorChain(&error), "sweep of expired entries failed");
                    }
                }),
            });
        }
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").finish_non_exhaustive()
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Removes all expired entries in batches, between which other transactions run.
async fn sweep(remove: &(dyn Fn(u32) -> Removal + Send + Sync)) -> Result<(), AdapterError> {
    while remove(BATCH).await? >= u64::from(BATCH) {}
    Ok(())
}

#[cfg(test)]
mod tests;
