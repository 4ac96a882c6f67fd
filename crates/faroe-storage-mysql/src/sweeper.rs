//! Expired entries are removed in the background.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use faroe_core::{
    error::{AdapterError, ErrorChain},
    time::Clock,
};
use faroe_mysql::{Database, mysql_error};
use tokio::{task::JoinHandle, time::Instant};

use crate::statements::{self, Cutoff};

const INTERVAL: Duration = Duration::from_secs(60);

/// Entries that are removed in one transaction; so many take about a millisecond.
const BATCH: u32 = 100;

/// Starts a sweep when something is written, once a minute at most and one at a time.
#[derive(Debug, Default)]
pub(crate) struct Sweeper(Mutex<Option<Sweep>>);

#[derive(Debug)]
struct Sweep {
    started_at: Instant,
    task: JoinHandle<()>,
}

impl Sweeper {
    pub(crate) fn wrote(&self, database: &Database, clock: &Arc<dyn Clock>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last
            .as_ref()
            .is_none_or(|last| last.task.is_finished() && last.started_at.elapsed() >= INTERVAL);
        if is_due {
            let (database, clock) = (database.clone(), Arc::clone(clock));
            *last = Some(Sweep {
                started_at: Instant::now(),
                task: tokio::spawn(async move {
                    if let Err(error) = sweep(&database, &*clock).await {
                        tracing::warn!(error = %ErrorChain(&error), "expired entries were not removed");
                    }
                }),
            });
        }
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Removes all expired entries, and lets others in after each few of them.
async fn sweep(database: &Database, clock: &dyn Clock) -> Result<(), AdapterError> {
    loop {
        let swept = statements::sweep(database, BATCH, Cutoff::at(clock.now())).await;
        let swept = swept.map_err(|error| mysql_error("remove expired entries", &error))?;
        if swept < u64::from(BATCH) {
            return Ok(());
        }
    }
}
