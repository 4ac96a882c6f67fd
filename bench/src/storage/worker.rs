//! Tasks that repeat calls to a storage or its driver.

use std::{
    fmt, process,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use faroe_core::{
    Server,
    protocol::{secret::SessionToken, session::GetSession},
    storage::{AddOutcome, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use tokio::task::JoinSet;

use crate::process::cpu_time;

/// The size of a value, about that of a stored session.
const SIZE: usize = 300;

/// The number of calls between two looks at the clock.
const CALLS: u32 = 32;

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Get,
    Update,
    /// The action, on sessions in the storage. It reads one entry, as the driver does then.
    GetSession,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::GetSession => "get_session",
        })
    }
}

/// The entry of one task, which no other task updates.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    /// The number of updates.
    pub(super) counter: i32,
    pub(super) expires_at: UnixTime,
}

impl Place {
    /// Adds an entry to a storage.
    pub(super) async fn add_to(storage: &dyn Storage) -> Result<Self> {
        let place = Self {
            key: format!("bench/{}", faroe_core::random::id()),
            value: vec![b'v'; SIZE],
            counter: 0,
            expires_at: SystemClock.now().saturating_add(Duration::from_secs(3600)),
        };
        let added = storage
            .add(&place.key, &place.value, place.expires_at)
            .await?;
        ensure!(added == AddOutcome::Added, "add an entry: the key exists");
        Ok(place)
    }
}

/// A task's access to its entry.
pub(super) trait Worker: Send + 'static {
    /// Reads the whole entry.
    fn get(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Updates the entry by compare-and-swap.
    fn update(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Checks a session, or makes the same number of reads.
    fn get_session(&mut self) -> impl Future<Output = Result<()>> + Send {
        self.get()
    }
}

/// The access through the storage.
#[derive(Debug)]
pub(super) struct Adapter {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) place: Place,
    /// A server on the same storage, with its user in SQLite and without a cache.
    pub(super) server: Server,
    pub(super) session_token: SessionToken,
}

impl Worker for Adapter {
    async fn get(&mut self) -> Result<()> {
        let entry = (*self.storage).get(&self.place.key).await?;
        check(
            entry.map(|entry| (entry.value, entry.counter.get())),
            &self.place,
        )
    }

    async fn update(&mut self) -> Result<()> {
        let Place {
            key,
            value,
            counter,
            expires_at,
        } = &mut self.place;
        let current = Counter::new(*counter).context("negative counter")?;
        let updated = (*self.storage)
            .update(key, value, *expires_at, current)
            .await?;
        ensure!(
            updated == UpdateOutcome::Updated,
            "update failed: the counter differs"
        );
        *counter += 1;
        Ok(())
    }

    async fn get_session(&mut self) -> Result<()> {
        let session_token = self.session_token.clone();
        self.server.invoke(GetSession { session_token }).await?;
        Ok(())
    }
}

/// Fails unless the entry is the task's own.
pub(super) fn check(entry: Option<(Vec<u8>, i32)>, place: &Place) -> Result<()> {
    let (value, counter) = entry.context("missing entry")?;
    ensure!(
        value.len() == SIZE && counter == place.counter,
        "the entry differs from what was written"
    );
    Ok(())
}

/// The result of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    pub(super) per_second: f64,
    pub(super) seconds_of_cpu: f64,
}

/// Runs all workers for some time.
pub(super) async fn run<W: Worker>(
    workers: &mut Vec<W>,
    operation: Operation,
    time: Duration,
) -> Result<Speed> {
    let (start, cpu) = (Instant::now(), cpu_time(process::id())?);
    let mut tasks = JoinSet::new();
    for mut worker in workers.drain(..) {
        tasks.spawn(async move {
            let mut calls = 0;
            while start.elapsed() < time {
                for _ in 0..CALLS {
                    match operation {
                        Operation::Get => worker.get().await?,
                        Operation::Update => worker.update().await?,
                        Operation::GetSession => worker.get_session().await?,
                    }
                }
                calls += CALLS;
                // A storage in memory never yields.
                tokio::task::yield_now().await;
            }
            anyhow::Ok((worker, calls))
        });
    }
    let mut calls = 0;
    while let Some(task) = tasks.join_next().await {
        let (worker, count) = task??;
        workers.push(worker);
        calls += count;
    }
    let calls = f64::from(calls);
    Ok(Speed {
        per_second: calls / start.elapsed().as_secs_f64(),
        seconds_of_cpu: (cpu_time(process::id())? - cpu) / calls,
    })
}
