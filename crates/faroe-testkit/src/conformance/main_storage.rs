//! The suite of [`MainStorage`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use faroe_core::{
    storage::{DeleteOutcome, Entry, MainStorage, UpdateOutcome},
    user_store::Counter,
};

use super::{
    Suite,
    case::{
        CONTENDERS, Case, CaseResult, ROUNDS, cases, count, equal, holds, later, race, random,
        settled,
    },
    entries::{OfMainStorage, counter, counters, expiry, keys_and_values, races},
};

/// The suite of [`MainStorage`].
pub fn main_storage<S: MainStorage>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    let mut suite = Suite::new(name).with_cases(CASES, &open, |storage| Arc::new(storage));
    for cases in [
        counters::CASES,
        counters::UNCONDITIONAL_DELETE_CASES,
        keys_and_values::CASES,
        expiry::CASES,
        races::CASES,
        races::UNCONDITIONAL_DELETE_CASES,
    ] {
        suite = suite.with_cases(cases, &open, |storage| Arc::new(OfMainStorage(storage)));
    }
    suite
}

const CASES: &[Case<dyn MainStorage>] = cases![
    set_replaces_an_entry_and_moves_its_counter,
    set_of_an_expired_entry_makes_it_live,
    of_racing_sets_one_is_last,
    a_racing_set_is_not_lost_to_an_update,
    a_racing_delete_and_set_agree,
    a_reader_never_misses_an_entry_that_is_set_again,
];

async fn set_replaces_an_entry_and_moves_its_counter(storage: Arc<dyn MainStorage>) -> CaseResult {
    let key = random();
    storage.set(&key, b"first", later()).await?;
    for updates in 0..2 {
        let update = storage.update(&key, b"updated", later(), counter(updates));
        equal(&update.await?, &UpdateOutcome::Updated)?;
    }
    storage.set(&key, b"second", later()).await?;
    let set = storage.get(&key).await?;
    holds(is_replaced(&set, b"second", 2), || format!("found {set:?}"))?;
    let stale = storage.update(&key, b"stale", later(), counter(2)).await?;
    equal(&stale, &UpdateOutcome::Conflict)?;
    equal(&storage.get(&key).await?, &set)?;
    let counter = set.map_or(Counter::ZERO, |entry| entry.counter);
    let update = storage.update(&key, b"third", later(), counter).await?;
    equal(&update, &UpdateOutcome::Updated)?;
    equal(&storage.delete(&key).await?, &DeleteOutcome::Deleted)?;
    equal(&storage.get(&key).await?, &None)
}

async fn set_of_an_expired_entry_makes_it_live(storage: Arc<dyn MainStorage>) -> CaseResult {
    let key = random();
    let past = faroe_core::time::UnixTime::from_milliseconds(1);
    storage.set(&key, b"expired", past).await?;
    storage.set(&key, b"live", later()).await?;
    let set = storage.get(&key).await?;
    holds(is_replaced(&set, b"live", 0), || format!("found {set:?}"))
}

/// Checks that the entry has this value, and a counter as after replacing one with the counter `previous`.
fn is_replaced(found: &Option<Entry>, value: &[u8], previous: i32) -> bool {
    found.as_ref().is_some_and(|found| {
        let counter = found.counter.get();
        found.value == value && (counter == 0 || counter > previous)
    })
}

async fn of_racing_sets_one_is_last(storage: Arc<dyn MainStorage>) -> CaseResult {
    let key = random();
    let values = race((0..CONTENDERS).map(|contender| {
        let (storage, key) = (Arc::clone(&storage), key.clone());
        async move {
            let value = contender.to_string().into_bytes();
            settled(|| storage.set(&key, &value, later())).await?;
            Ok(value)
        }
    }));
    let values = values.await?;
    let left = storage.get(&key).await?;
    let is_one_of_them = |left: &Entry| values.contains(&left.value);
    let expected = left.as_ref().is_some_and(is_one_of_them);
    holds(expected, || format!("found {left:?}"))
}

async fn a_racing_set_is_not_lost_to_an_update(storage: Arc<dyn MainStorage>) -> CaseResult {
    for _ in 0..ROUNDS {
        let key = random();
        storage.set(&key, b"old", later()).await?;
        let _ = storage.update(&key, b"old", later(), Counter::ZERO).await?;
        let callers = race([true, false].map(|set| {
            let (storage, key) = (Arc::clone(&storage), key.clone());
            async move {
                if set {
                    return settled(|| storage.set(&key, b"new", later())).await;
                }
                let update = || storage.update(&key, b"updated", later(), counter(1));
                let _ = settled(update).await?;
                Ok(())
            }
        }));
        callers.await?;
        let left = storage.get(&key).await?;
        holds(is_replaced(&left, b"new", 1), || format!("found {left:?}"))?;
    }
    Ok(())
}

/// A delete races a set of an existing entry: there is an entry to delete in either order.
async fn a_racing_delete_and_set_agree(storage: Arc<dyn MainStorage>) -> CaseResult {
    for _ in 0..ROUNDS {
        let key = random();
        storage.set(&key, b"old", later()).await?;
        let outcomes = race([true, false].map(|set| {
            let (storage, key) = (Arc::clone(&storage), key.clone());
            async move {
                if set {
                    settled(|| storage.set(&key, b"new", later())).await?;
                    return Ok(None);
                }
                Ok(Some(settled(|| storage.delete(&key)).await?))
            }
        }));
        let deleted = Some(DeleteOutcome::Deleted);
        equal(&count(&outcomes.await?, &deleted), &1)?;
        let left = storage.get(&key).await?;
        let expected = left.is_none() || is_replaced(&left, b"new", 0);
        holds(expected, || format!("found {left:?}"))?;
    }
    Ok(())
}

async fn a_reader_never_misses_an_entry_that_is_set_again(
    storage: Arc<dyn MainStorage>,
) -> CaseResult {
    let key = random();
    storage.set(&key, b"first", later()).await?;
    let is_done = Arc::new(AtomicBool::new(false));
    let callers = race([true, false, false].map(|sets| {
        let (storage, key) = (Arc::clone(&storage), key.clone());
        let is_done = Arc::clone(&is_done);
        async move {
            if sets {
                for _ in 0..ROUNDS {
                    settled(|| storage.set(&key, b"again", later())).await?;
                    tokio::task::yield_now().await;
                }
                is_done.store(true, Ordering::SeqCst);
                return Ok(());
            }
            while !is_done.load(Ordering::SeqCst) {
                let found = settled(|| storage.get(&key)).await?;
                holds(found.is_some(), || "an entry was missing while it was set")?;
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    }));
    callers.await?;
    Ok(())
}
