//! The connections that may be open, and idle ones that give way to new ones.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::heads::Heads;

/// The interval at which idle connections are looked for while a new one waits.
const INTERVAL: Duration = Duration::from_millis(50);

/// A number of places for connections.
#[derive(Debug)]
pub(crate) struct Places {
    number: u32,
    free: Arc<Semaphore>,
    taken: Mutex<Taken>,
    is_short: AtomicBool,
}

/// The connections that have a place.
#[derive(Debug, Default)]
struct Taken {
    next_id: u64,
    connections: HashMap<u64, Arc<Heads>>,
}

impl Places {
    pub(crate) fn new(number: NonZeroU32) -> Self {
        Self {
            number: number.get(),
            free: Arc::new(Semaphore::new(number.get() as usize)),
            taken: Mutex::default(),
            is_short: AtomicBool::new(false),
        }
    }

    /// Checks whether a new connection waits for a place.
    pub(crate) fn are_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Takes a place. If there is none, the connection that has been idle for longest is closed, or else the next one that
    /// becomes idle.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let free = Arc::clone(&self.free).try_acquire_owned();
        match free {
            Ok(permit) => Place::new(self, permit),
            Err(_) => {
                self.is_short.store(true, Ordering::Relaxed);
                let permit = self.wait().await;
                self.is_short.store(false, Ordering::Relaxed);
                Place::new(self, permit)
            }
        }
    }

    async fn wait(&self) -> OwnedSemaphorePermit {
        loop {
            self.end_an_idle_connection();
            let free = Arc::clone(&self.free).acquire_owned();
            if let Ok(permit) = timeout(INTERVAL, free).await {
                return permit.expect("the semaphore is never closed");
            }
        }
    }

    /// Waits until all places are free.
    pub(super) async fn all_are_free(&self) {
        let all = self.free.acquire_many(self.number).await;
        drop(all.expect("the semaphore is never closed"));
    }

    /// Asks the connection that has been idle for longest to give way, unless another one is about to.
    fn end_an_idle_connection(&self) {
        let taken = self.taken();
        let connections = taken.connections.values();
        if connections.clone().any(|heads| heads.is_about_to_end()) {
            return;
        }
        let idle = connections.filter_map(|heads| Some((heads.idle_checks()?, heads)));
        if let Some((_, longest)) = idle.max_by_key(|(checks, _)| *checks) {
            longest.give_way();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    pub(super) heads: Arc<Heads>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(places: &Arc<Places>, permit: OwnedSemaphorePermit) -> Self {
        let heads = Arc::new(Heads::default());
        let mut taken = places.taken();
        let id = taken.next_id;
        taken.next_id += 1;
        taken.connections.insert(id, Arc::clone(&heads));
        drop(taken);
        Self {
            places: Arc::clone(places),
            id,
            heads,
            _permit: permit,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().connections.remove(&self.id);
    }
}
