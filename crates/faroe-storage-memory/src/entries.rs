//! The bounded map behind the three storages.
//!
//! Entries are in a concurrent map. A queue of keys by expiry lets a write find expired entries without a search. An entry's place in the queue is never later than its expiry, but may be earlier: an update that
//! prolongs a life leaves the place as it is, and the sweep that finds it there moves it on. So every live entry has exactly one
//! place, and both map and queue are bounded by the number of entries.
//!
//! The lock order is map, then queue; nothing waits while it holds either.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry as Slot, OccupiedEntry};
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, UpdateOutcome},
    time::{Clock, UnixTime},
    user_store::Counter,
};

use crate::MemoryOptions;

/// Expired entries that a write drops: more than one, so that the queue catches up.
const SWEPT_BY_A_WRITE: usize = 4;

/// Places of the queue that an add checks when there is no room, before it fails.
const SWEPT_WHEN_FULL: usize = 1000;

/// The shortest time between two warnings that a storage is nearly full.
const WARNING_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The entry ID of entries without one.
pub(crate) const NO_ENTRY_ID: &str = "";

pub(crate) struct Entries {
    map: DashMap<Arc<str>, StoredEntry>,
    queue: Mutex<BTreeSet<Place>>,
    /// No place in the queue is before this time, in milliseconds. A sweep before it takes no lock.
    next_due: AtomicI64,
    /// Entries in the map, and room reserved for those that are being added.
    taken: AtomicUsize,
    maximum_entries: usize,
    /// The time from which on the next warning may be logged, in milliseconds; `None` for entries whose loss is harmless.
    next_warning: Option<AtomicI64>,
    clock: Arc<dyn Clock>,
}

type Place = (UnixTime, Arc<str>);

pub(crate) struct StoredEntry {
    pub(crate) value: Vec<u8>,
    /// [`NO_ENTRY_ID`] where entries have none.
    pub(crate) entry_id: Box<str>,
    pub(crate) counter: Counter,
    expires_at: UnixTime,
    queued_at: UnixTime,
}

impl StoredEntry {
    pub(crate) fn new(value: &[u8], entry_id: &str, expires_at: UnixTime) -> Self {
        Self {
            value: value.to_vec(),
            entry_id: entry_id.into(),
            counter: Counter::ZERO,
            expires_at,
            queued_at: expires_at,
        }
    }

    pub(crate) fn to_entry(&self) -> Entry {
        Entry {
            value: self.value.clone(),
            counter: self.counter,
        }
    }

    fn is_live(&self, now: UnixTime) -> bool {
        now < self.expires_at
    }
}

fn full(operation: &'static str) -> AdapterError {
    AdapterError::new(operation, "full of live entries")
}

/// The outcome of checking the first place in the queue.
#[derive(PartialEq)]
enum Swept {
    /// Nothing is due.
    Nothing,
    /// The entry lives longer, or is missing.
    NoEntry,
    /// An expired entry was dropped.
    Entry,
}

impl Entries {
    pub(crate) fn new(options: MemoryOptions) -> Self {
        Self {
            map: DashMap::new(),
            queue: Mutex::default(),
            next_due: AtomicI64::new(i64::MAX),
            taken: AtomicUsize::new(0),
            maximum_entries: options.maximum_entries,
            next_warning: Some(AtomicI64::new(i64::MIN)),
            clock: options.clock,
        }
    }

    /// Creates entries that are ignored when there is no room for them, without a warning.
    pub(crate) fn of_cache(options: MemoryOptions) -> Self {
        Self {
            next_warning: None,
            ..Self::new(options)
        }
    }

    /// Returns the number of entries, including expired ones that have not been dropped.
    pub(crate) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed).min(self.maximum_entries)
    }

    /// Returns what `read` makes of the live entry.
    pub(crate) fn get<T>(&self, key: &str, read: impl FnOnce(&StoredEntry) -> T) -> Option<T> {
        let now = self.clock.now();
        let entry = self.map.get(key)?;
        if entry.is_live(now) {
            return Some(read(&entry));
        }
        drop(entry);
        self.drop_expired(key, now);
        None
    }

    /// Adds an entry, unless there is a live one.
    pub(crate) fn add(&self, key: &str, entry: StoredEntry) -> Result<AddOutcome, AdapterError> {
        self.put(key, entry, false)
            .ok_or_else(|| full("add an entry to the memory storage"))
    }

    /// Sets an entry, whether or not there is one.
    pub(crate) fn set(&self, key: &str, entry: StoredEntry) -> Result<(), AdapterError> {
        let set = self.put(key, entry, true);
        set.map(|_| ())
            .ok_or_else(|| full("set an entry in the memory storage"))
    }

    /// The expiry of an entry that is set now and lives this long.
    pub(crate) fn expires_at(&self, time_to_live: Duration) -> UnixTime {
        self.clock.now().saturating_add(time_to_live)
    }

    /// Updates the live entry, if it has this entry ID and counter.
    pub(crate) fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let now = self.clock.now();
        self.sweep(now);
        let Some(mut entry) = self.map.get_mut(key) else {
            return Ok(UpdateOutcome::Conflict);
        };
        if !entry.is_live(now) {
            drop(entry);
            self.drop_expired(key, now);
            return Ok(UpdateOutcome::Conflict);
        }
        if *entry.entry_id != *entry_id || entry.counter != counter {
            return Ok(UpdateOutcome::Conflict);
        }
        let Some(next) = counter.next() else {
            return Err(AdapterError::message("increment a counter at its maximum"));
        };
        if expires_at < entry.queued_at {
            let key = Arc::clone(entry.key());
            self.move_place(&mut entry, key, expires_at);
        }
        value.clone_into(&mut entry.value);
        entry.expires_at = expires_at;
        entry.counter = next;
        Ok(UpdateOutcome::Updated)
    }

    /// Deletes the live entry, if it matches.
    pub(crate) fn delete(
        &self,
        key: &str,
        matches: impl FnOnce(&StoredEntry) -> bool,
    ) -> DeleteOutcome {
        let now = self.clock.now();
        self.sweep(now);
        let Slot::Occupied(slot) = self.map.entry(key.into()) else {
            return DeleteOutcome::NotFound;
        };
        let live = slot.get().is_live(now);
        if live && !matches(slot.get()) {
            return DeleteOutcome::NotFound;
        }
        self.remove(slot);
        if live {
            DeleteOutcome::Deleted
        } else {
            DeleteOutcome::NotFound
        }
    }

    /// Adds an entry, or replaces a live one if `replace`. `None` when there is no room.
    fn put(&self, key: &str, entry: StoredEntry, replace: bool) -> Option<AddOutcome> {
        let now = self.clock.now();
        let key: Arc<str> = key.into();
        self.sweep(now);
        let entry = match self.try_put(now, &key, entry, replace) {
            Ok(outcome) => return Some(outcome),
            Err(entry) => entry,
        };
        let mut places = (0..SWEPT_WHEN_FULL).map(|_| self.sweep_one(now));
        places.find(|swept| *swept != Swept::NoEntry);
        self.try_put(now, &key, entry, replace).ok()
    }

    /// Returns the entry when there is no room.
    fn try_put(
        &self,
        now: UnixTime,
        key: &Arc<str>,
        entry: StoredEntry,
        replace: bool,
    ) -> Result<AddOutcome, StoredEntry> {
        match self.map.entry(Arc::clone(key)) {
            Slot::Occupied(slot) if slot.get().is_live(now) && !replace => {
                Ok(AddOutcome::AlreadyExists)
            }
            Slot::Occupied(mut slot) => {
                let expires_at = entry.expires_at;
                let place = slot.get().queued_at;
                slot.insert(StoredEntry {
                    queued_at: place,
                    ..entry
                });
                self.move_place(slot.get_mut(), Arc::clone(key), expires_at);
                Ok(AddOutcome::Added)
            }
            Slot::Vacant(slot) => {
                let taken = self.taken.fetch_add(1, Ordering::SeqCst);
                if taken >= self.maximum_entries {
                    self.taken.fetch_sub(1, Ordering::SeqCst);
                    return Err(entry);
                }
                self.warn_if_nearly_full(taken + 1, now);
                self.enqueue(&mut self.queue(), (entry.queued_at, Arc::clone(key)));
                slot.insert(entry);
                Ok(AddOutcome::Added)
            }
        }
    }

    /// Logs a warning if four fifths of the entries are taken, once in a while.
    fn warn_if_nearly_full(&self, entries: usize, now: UnixTime) {
        let Self {
            maximum_entries, ..
        } = *self;
        if entries < maximum_entries - maximum_entries / 5 {
            return;
        }
        let Some(next_warning) = &self.next_warning else {
            return;
        };
        let next = now.saturating_add(WARNING_INTERVAL).as_milliseconds();
        let due = next_warning.load(Ordering::Relaxed);
        // A clock that was set back would silence the warning for long.
        let is_due = due <= now.as_milliseconds() || next < due;
        let (acquired, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        if is_due
            && next_warning
                .compare_exchange(due, next, acquired, failed)
                .is_ok()
        {
            tracing::warn!(entries, maximum_entries, "memory storage nearly full");
        }
    }

    /// Drops a few of the entries that have expired.
    fn sweep(&self, now: UnixTime) {
        if now.as_milliseconds() < self.next_due.load(Ordering::Acquire) {
            return;
        }
        for _ in 0..SWEPT_BY_A_WRITE {
            if self.sweep_one(now) == Swept::Nothing {
                return;
            }
        }
    }

    fn sweep_one(&self, now: UnixTime) -> Swept {
        let key = {
            let mut queue = self.queue();
            match queue.first() {
                Some((due, _)) if *due <= now => queue.pop_first().map(|(_, key)| key),
                first => {
                    let due = first.map_or(i64::MAX, |(due, _)| due.as_milliseconds());
                    self.next_due.store(due, Ordering::Release);
                    None
                }
            }
        };
        let Some(key) = key else {
            return Swept::Nothing;
        };
        match self.map.entry(key) {
            Slot::Occupied(mut slot) if slot.get().is_live(now) => {
                let key = Arc::clone(slot.key());
                let expires_at = slot.get().expires_at;
                self.move_place(slot.get_mut(), key, expires_at);
                Swept::NoEntry
            }
            Slot::Occupied(slot) => {
                self.remove(slot);
                Swept::Entry
            }
            Slot::Vacant(_) => Swept::NoEntry,
        }
    }

    /// Drops the entry if it has expired, so that it stays gone even when the clock steps back.
    fn drop_expired(&self, key: &str, now: UnixTime) {
        if let Slot::Occupied(slot) = self.map.entry(key.into())
            && !slot.get().is_live(now)
        {
            self.remove(slot);
        }
    }

    fn remove(&self, slot: OccupiedEntry<'_, Arc<str>, StoredEntry>) {
        self.queue()
            .remove(&(slot.get().queued_at, Arc::clone(slot.key())));
        slot.remove();
        self.taken.fetch_sub(1, Ordering::SeqCst);
    }

    fn move_place(&self, entry: &mut StoredEntry, key: Arc<str>, to: UnixTime) {
        let mut queue = self.queue();
        let mut place = (entry.queued_at, key);
        queue.remove(&place);
        place.0 = to;
        self.enqueue(&mut queue, place);
        entry.queued_at = to;
    }

    /// The lock that is held orders this after every check that found nothing due.
    fn enqueue(&self, queue: &mut BTreeSet<Place>, place: Place) {
        self.next_due
            .fetch_min(place.0.as_milliseconds(), Ordering::AcqRel);
        queue.insert(place);
    }

    /// The set stays consistent after a panic, because each change is one call.
    fn queue(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("taken", &self.taken)
            .field("maximum_entries", &self.maximum_entries)
            .finish_non_exhaustive()
    }
}
