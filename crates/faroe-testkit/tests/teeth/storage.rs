use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::{Clock, SystemClock, UnixTime},
    user_store::Counter,
};
use faroe_testkit::{conformance, storage::ReferenceStorage};

use crate::{Break, notices};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    InventsEntries,
    StartsAtOne,
    KeepsTheCounterOnUpdate,
    TakesTheSameValueForNoUpdate,
    IgnoresTheCounter,
    AcceptsHigherCounters,
    CreatesOnUpdate,
    DoesNotDelete,
    AlwaysSaysDeleted,
    RemembersCountersOfTheDead,
    DeletesOnlyTheUntouched,
    OverwritesOnAdd,
    FoldsKeys,
    TrimsKeys,
    TrimsKeysAtTheStart,
    ConfusesBackslashes,
    CutsKeys,
    DeletesByPrefix,
    TakesEmptyForAbsent,
    CutsAtNul,
    CutsAt64KibLessOne,
    CountsSecondsIn32Bits,
    HidesTheExpiredOnRead,
    SparesTheExpiredOnDelete,
    KeepsTheFirstExpiry,
    ChecksThenAdds,
    ChecksThenUpdates,
    ChecksThenDeletes,
    ReadsInTwoSteps,
    DeletesByCounter,
    DeletesTwice,
}

use Defect::*;

const TABLE: &[(Defect, &str)] = &[
    (InventsEntries, "get_of_an_unknown_key_is_none"),
    (StartsAtOne, "a_new_entry_has_its_value_and_counter_zero"),
    (
        KeepsTheCounterOnUpdate,
        "update_replaces_the_value_and_increments_the_counter",
    ),
    (
        TakesTheSameValueForNoUpdate,
        "update_to_the_same_value_increments_the_counter_too",
    ),
    (
        IgnoresTheCounter,
        "update_with_a_stale_counter_changes_nothing",
    ),
    (
        IgnoresTheCounter,
        "of_racing_updates_with_one_counter_one_wins",
    ),
    (
        AcceptsHigherCounters,
        "update_with_a_counter_that_is_yet_to_come_changes_nothing",
    ),
    (CreatesOnUpdate, "update_of_an_unknown_key_creates_nothing"),
    (DoesNotDelete, "delete_removes_the_entry_and_tells_so_once"),
    (
        AlwaysSaysDeleted,
        "delete_removes_the_entry_and_tells_so_once",
    ),
    (AlwaysSaysDeleted, "delete_of_an_unknown_key_finds_nothing"),
    (
        RemembersCountersOfTheDead,
        "an_entry_made_again_starts_at_counter_zero",
    ),
    (
        DeletesOnlyTheUntouched,
        "delete_does_not_ask_for_the_counter",
    ),
    (OverwritesOnAdd, "add_does_not_touch_an_entry_that_exists"),
    (FoldsKeys, "keys_differ_by_letter_case"),
    (TrimsKeys, "keys_differ_by_the_spaces_at_their_ends"),
    (
        TrimsKeysAtTheStart,
        "keys_differ_by_the_spaces_at_their_ends",
    ),
    (
        ConfusesBackslashes,
        "keys_differ_by_every_printable_character",
    ),
    (CutsKeys, "keys_of_255_bytes_differ_by_their_last_byte"),
    (DeletesByPrefix, "a_key_is_not_the_beginning_of_another"),
    (TakesEmptyForAbsent, "an_empty_value_is_a_value"),
    (CutsAtNul, "a_value_may_hold_every_byte"),
    (CutsAt64KibLessOne, "a_value_of_64_kib_is_kept_whole"),
    (
        CountsSecondsIn32Bits,
        "an_entry_far_from_its_expiry_is_kept",
    ),
    (
        HidesTheExpiredOnRead,
        "an_expired_entry_is_there_for_all_operations_or_for_none",
    ),
    (
        HidesTheExpiredOnRead,
        "the_key_of_an_expired_entry_can_be_used_again",
    ),
    (
        SparesTheExpiredOnDelete,
        "an_entry_updated_to_be_expired_is_there_for_all_operations_or_for_none",
    ),
    (KeepsTheFirstExpiry, "an_update_moves_the_expiry"),
    (ChecksThenAdds, "of_racing_adds_one_wins"),
    (
        ChecksThenUpdates,
        "of_racing_updates_with_one_counter_one_wins",
    ),
    (ChecksThenUpdates, "no_increment_is_lost"),
    (
        ChecksThenUpdates,
        "a_racing_update_does_not_bring_a_deleted_entry_back",
    ),
    (ChecksThenDeletes, "of_racing_deletes_one_wins"),
    (
        ReadsInTwoSteps,
        "a_reader_never_sees_the_value_of_another_counter",
    ),
    (DeletesByCounter, "a_racing_update_does_not_stop_a_delete"),
    (DeletesTwice, "a_racing_delete_and_add_agree"),
    (ChecksThenAdds, "p33_every_history_has_an_order"),
    (ChecksThenUpdates, "p33_every_history_has_an_order"),
    (ChecksThenDeletes, "p33_every_history_has_an_order"),
    (IgnoresTheCounter, "p33_every_history_has_an_order"),
    (AlwaysSaysDeleted, "p33_every_history_has_an_order"),
];

#[test]
fn every_case_of_storage_notices_a_defect() {
    let suite = |defect| conformance::storage("broken", async move || BrokenStorage::new(defect));
    notices(suite, TABLE, []);
}

/// The cases that another storage's suite shares.
pub(crate) fn proven_cases() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(_, case)| *case)
}

#[derive(Debug)]
struct BrokenStorage {
    inner: Arc<ReferenceStorage>,
    defect: Option<Defect>,
    breaks: Break,
    first_expiries: Mutex<BTreeMap<String, UnixTime>>,
    dead_counters: Mutex<BTreeMap<String, Counter>>,
}

type Answer<T> = Result<T, AdapterError>;

impl BrokenStorage {
    fn new(defect: Option<Defect>) -> Self {
        Self {
            inner: Arc::new(ReferenceStorage::keeping_expired()),
            defect,
            breaks: Break::default(),
            first_expiries: Mutex::default(),
            dead_counters: Mutex::default(),
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn key(&self, key: &str) -> String {
        match self.defect {
            Some(FoldsKeys) => key.to_lowercase(),
            Some(TrimsKeys) => key.trim_end().to_owned(),
            Some(TrimsKeysAtTheStart) => key.trim_start().to_owned(),
            Some(ConfusesBackslashes) => key.replace('\\', "/"),
            Some(CutsKeys) => key.chars().take(191).collect(),
            _ => key.to_owned(),
        }
    }

    fn value<'a>(&self, value: &'a [u8]) -> &'a [u8] {
        match self.defect {
            Some(CutsAtNul) => value.split(|byte| *byte == 0).next().unwrap_or_default(),
            Some(CutsAt64KibLessOne) => &value[..value.len().min(65_535)],
            _ => value,
        }
    }

    /// The entry that is replaced whatever its counter is.
    async fn put(&self, key: &str, value: &[u8], end: UnixTime, updates: i32) -> Answer<()> {
        let _ = self.inner.delete(key).await?;
        let _ = self.inner.add(key, value, end).await?;
        for counter in (0..updates).filter_map(Counter::new) {
            let _ = self.inner.update(key, value, end, counter).await?;
        }
        Ok(())
    }

    fn expires_at(&self, key: &str) -> Option<UnixTime> {
        self.inner.entries().get(key).map(|entry| entry.expires_at)
    }

    fn is_expired(&self, key: &str) -> bool {
        let now = SystemClock.now();
        self.expires_at(key).is_some_and(|end| end <= now)
    }
}

#[async_trait]
impl Storage for BrokenStorage {
    async fn get(&self, key: &str) -> Answer<Option<Entry>> {
        let _call = self.breaks.call();
        let key = self.key(key);
        let mut found = self.inner.get(&key).await?;
        match self.defect {
            Some(InventsEntries) if found.is_none() => {
                found = Some(Entry {
                    value: vec![],
                    counter: Counter::ZERO,
                });
            }
            Some(StartsAtOne) => {
                if let Some(entry) = &mut found {
                    entry.counter = entry.counter.next().unwrap_or(Counter::MAX);
                }
            }
            Some(TakesEmptyForAbsent) => found = found.filter(|entry| !entry.value.is_empty()),
            Some(CountsSecondsIn32Bits) => {
                let end = self.expires_at(&key).map_or(0, UnixTime::as_milliseconds);
                found = found.filter(|_| i32::try_from(end / 1000).is_ok());
            }
            Some(HidesTheExpiredOnRead) => found = found.filter(|_| !self.is_expired(&key)),
            Some(KeepsTheFirstExpiry) => {
                let expiries = self.first_expiries.lock().expect("no test panics here");
                let end = expiries.get(&key).copied();
                found = found.filter(|_| end.is_none_or(|end| SystemClock.now() < end));
            }
            Some(ReadsInTwoSteps) => {
                self.breaks.take().await;
                let counter = self.inner.get(&key).await?.map(|entry| entry.counter);
                if let Some(entry) = &mut found {
                    entry.counter = counter.unwrap_or(entry.counter);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn add(&self, key: &str, value: &[u8], expires_at: UnixTime) -> Answer<AddOutcome> {
        let _call = self.breaks.call();
        let (key, value) = (self.key(key), self.value(value));
        match self.defect {
            Some(OverwritesOnAdd) => {
                self.put(&key, value, expires_at, 0).await?;
                return Ok(AddOutcome::Added);
            }
            Some(ChecksThenAdds) => {
                if self.inner.get(&key).await?.is_some() {
                    return Ok(AddOutcome::AlreadyExists);
                }
                self.breaks.take().await;
                self.put(&key, value, expires_at, 0).await?;
                return Ok(AddOutcome::Added);
            }
            Some(RemembersCountersOfTheDead) => {
                let dead = self
                    .dead_counters
                    .lock()
                    .expect("no test panics here")
                    .remove(&key);
                if let Some(counter) = dead {
                    self.put(&key, value, expires_at, counter.get()).await?;
                    return Ok(AddOutcome::Added);
                }
            }
            Some(KeepsTheFirstExpiry) => {
                let mut expiries = self.first_expiries.lock().expect("no test panics here");
                expiries.insert(key.clone(), expires_at);
            }
            _ => {}
        }
        self.inner.add(&key, value, expires_at).await
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Answer<UpdateOutcome> {
        let _call = self.breaks.call();
        let (key, value) = (self.key(key), self.value(value));
        let Some(found) = self.inner.get(&key).await? else {
            if self.has(CreatesOnUpdate) {
                self.put(&key, value, expires_at, 0).await?;
                return Ok(UpdateOutcome::Updated);
            }
            return Ok(UpdateOutcome::Conflict);
        };
        match self.defect {
            Some(KeepsTheCounterOnUpdate) if found.counter == counter => {
                self.put(&key, value, expires_at, counter.get()).await?;
                Ok(UpdateOutcome::Updated)
            }
            Some(TakesTheSameValueForNoUpdate) if found.value == value => {
                Ok(UpdateOutcome::Conflict)
            }
            Some(IgnoresTheCounter) => {
                self.inner
                    .update(&key, value, expires_at, found.counter)
                    .await
            }
            Some(AcceptsHigherCounters) if counter > found.counter => {
                self.inner
                    .update(&key, value, expires_at, found.counter)
                    .await
            }
            Some(ChecksThenUpdates) => {
                if found.counter != counter {
                    return Ok(UpdateOutcome::Conflict);
                }
                self.breaks.take().await;
                self.put(&key, value, expires_at, counter.get() + 1).await?;
                Ok(UpdateOutcome::Updated)
            }
            _ => self.inner.update(&key, value, expires_at, counter).await,
        }
    }

    async fn delete(&self, key: &str) -> Answer<DeleteOutcome> {
        let _call = self.breaks.call();
        let key = self.key(key);
        let found = self.inner.get(&key).await?;
        match (self.defect, found) {
            (Some(DoesNotDelete), Some(_)) => return Ok(DeleteOutcome::Deleted),
            (Some(DeletesOnlyTheUntouched), Some(found)) if found.counter != Counter::ZERO => {
                return Ok(DeleteOutcome::NotFound);
            }
            (Some(RemembersCountersOfTheDead), Some(found)) => {
                let mut dead = self.dead_counters.lock().expect("no test panics here");
                dead.insert(key.clone(), found.counter);
            }
            (Some(SparesTheExpiredOnDelete), _) if self.is_expired(&key) => {
                return Ok(DeleteOutcome::NotFound);
            }
            (Some(DeletesByPrefix), _) => {
                let entries = self.inner.entries();
                for other in entries.keys().filter(|other| other.starts_with(&key)) {
                    let _ = self.inner.delete(other).await?;
                }
                return Ok(DeleteOutcome::Deleted);
            }
            (Some(ChecksThenDeletes), Some(_)) => {
                self.breaks.take().await;
                let _ = self.inner.delete(&key).await?;
                return Ok(DeleteOutcome::Deleted);
            }
            (Some(DeletesByCounter), Some(found)) => {
                self.breaks.take().await;
                let now = self.inner.get(&key).await?;
                if now.is_none_or(|now| now.counter != found.counter) {
                    return Ok(DeleteOutcome::NotFound);
                }
            }
            (Some(DeletesTwice), _) => {
                let outcome = self.inner.delete(&key).await?;
                self.breaks.take().await;
                let _ = self.inner.delete(&key).await?;
                return Ok(outcome);
            }
            _ => {}
        }
        let outcome = self.inner.delete(&key).await?;
        if self.has(AlwaysSaysDeleted) {
            return Ok(DeleteOutcome::Deleted);
        }
        Ok(outcome)
    }
}
