//! Concurrent callers. Their outcomes are counted exactly.

use std::sync::Arc;

use faroe_core::{
    storage::{DeleteOutcome, UpdateOutcome},
    user_store::Counter,
};

use super::{Entries, counter, entry, made};
use crate::conformance::case::{
    CONTENDERS, Case, CaseResult, Failure, ROUNDS, cases, count, equal, holds, later, race, random,
    settled,
};

pub(in crate::conformance) const CASES: &[Case<dyn Entries>] = cases![
    of_racing_updates_with_one_counter_one_wins,
    of_racing_deletes_one_wins,
    no_increment_is_lost,
    a_reader_never_sees_the_value_of_another_counter,
    a_racing_update_does_not_bring_a_deleted_entry_back,
];

/// The cases for storages whose `delete` takes no counter.
pub(in crate::conformance) const UNCONDITIONAL_DELETE_CASES: &[Case<dyn Entries>] =
    cases![a_racing_update_does_not_stop_a_delete,];

async fn of_racing_updates_with_one_counter_one_wins(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value", later()).await)?;
    let outcomes = race((0..CONTENDERS).map(|contender| {
        let (entries, key) = (Arc::clone(&entries), key.clone());
        async move {
            let value = contender.to_string();
            let update = || entries.swap(&key, value.as_bytes(), later(), Counter::ZERO);
            let outcome = settled(update).await?;
            Ok((outcome == UpdateOutcome::Updated).then_some(value))
        }
    }));
    let winners: Vec<String> = outcomes.await?.into_iter().flatten().collect();
    equal(&winners.len(), &1)?;
    equal(&entries.read(&key).await?, &entry(&winners[0], 1))
}

async fn of_racing_deletes_one_wins(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value", later()).await)?;
    let outcomes = race((0..CONTENDERS).map(|_| {
        let (entries, key) = (Arc::clone(&entries), key.clone());
        async move { settled(|| entries.remove(&key, Counter::ZERO)).await }
    }));
    equal(&count(&outcomes.await?, &DeleteOutcome::Deleted), &1)?;
    equal(&entries.read(&key).await?, &None)
}

async fn no_increment_is_lost(entries: Arc<dyn Entries>) -> CaseResult {
    const INCREMENTS: usize = 8;
    const SUM: usize = CONTENDERS * INCREMENTS;
    let key = random();
    made(entries.make(&key, b"0", later()).await)?;
    let increments = race((0..CONTENDERS).map(|_| {
        let (entries, key) = (Arc::clone(&entries), key.clone());
        async move {
            for _ in 0..INCREMENTS {
                increment(&*entries, &key, SUM).await?;
            }
            Ok(())
        }
    }));
    increments.await?;
    equal(&entries.read(&key).await?, &entry(SUM.to_string(), SUM))
}

/// Increments the number stored as the value, with compare-and-swap until it succeeds. An attempt only fails because another one
/// has succeeded in the meantime, so there are at most as many failures as increments.
async fn increment(entries: &dyn Entries, key: &str, increments: usize) -> CaseResult {
    for _ in 0..increments {
        let found = settled(|| entries.read(key)).await?;
        let Some(found) = found else {
            return Err(Failure::new("a live entry was lost"));
        };
        let text = String::from_utf8_lossy(&found.value);
        let number: usize = text.parse().map_err(Failure::new)?;
        let value = (number + 1).to_string();
        let update = || entries.swap(key, value.as_bytes(), later(), found.counter);
        if settled(update).await? == UpdateOutcome::Updated {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
    Err(Failure::new("updates conflicted though nobody had won"))
}

async fn a_reader_never_sees_the_value_of_another_counter(entries: Arc<dyn Entries>) -> CaseResult {
    const UPDATES: usize = 100;
    let key = random();
    made(entries.make(&key, b"value 0", later()).await)?;
    let callers = race((0..4).map(|caller| {
        let (entries, key) = (Arc::clone(&entries), key.clone());
        async move {
            if caller == 0 {
                for updates in 1..=UPDATES {
                    let value = format!("value {updates}");
                    let (value, before) = (value.as_bytes(), counter(updates - 1));
                    let update = settled(|| entries.swap(&key, value, later(), before)).await?;
                    equal(&update, &UpdateOutcome::Updated)?;
                    tokio::task::yield_now().await;
                }
                return Ok(());
            }
            let mut last = Counter::ZERO;
            while last != counter(UPDATES) {
                let Some(found) = settled(|| entries.read(&key)).await? else {
                    return Err(Failure::new("a live entry was lost"));
                };
                let value = format!("value {}", found.counter.get());
                equal(&found.value, &value.into_bytes())?;
                holds(found.counter >= last, || "a counter ran backwards")?;
                last = found.counter;
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    }));
    callers.await?;
    Ok(())
}

async fn a_racing_update_does_not_bring_a_deleted_entry_back(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    for _ in 0..ROUNDS {
        let key = random();
        let (updated, deleted) = update_and_delete_at_once(&entries, &key).await?;
        let left = entries.read(&key).await?;
        if deleted {
            equal(&left, &None)?;
        } else {
            equal(&updated, &true)?;
            equal(&left, &entry("updated", 1))?;
        }
    }
    Ok(())
}

async fn a_racing_update_does_not_stop_a_delete(entries: Arc<dyn Entries>) -> CaseResult {
    for _ in 0..ROUNDS {
        let key = random();
        let (_, deleted) = update_and_delete_at_once(&entries, &key).await?;
        equal(&deleted, &true)?;
        equal(&entries.read(&key).await?, &None)?;
    }
    Ok(())
}

/// Creates an entry, updates and deletes it concurrently, and returns which of the two reported success.
async fn update_and_delete_at_once(
    entries: &Arc<dyn Entries>,
    key: &str,
) -> Result<(bool, bool), Failure> {
    made(entries.make(key, b"value", later()).await)?;
    let worked = race([true, false].map(|update| {
        let (entries, key) = (Arc::clone(entries), key.to_owned());
        async move {
            if update {
                let swap = || entries.swap(&key, b"updated", later(), Counter::ZERO);
                return Ok((true, settled(swap).await? == UpdateOutcome::Updated));
            }
            let outcome = settled(|| entries.remove(&key, Counter::ZERO)).await?;
            Ok((false, outcome == DeleteOutcome::Deleted))
        }
    }));
    let worked = worked.await?;
    Ok((
        worked.contains(&(true, true)),
        worked.contains(&(false, true)),
    ))
}
