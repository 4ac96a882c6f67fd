//! A single caller: creating, updating and deleting entries, and their counters.

use std::sync::Arc;

use faroe_core::{
    storage::{DeleteOutcome, UpdateOutcome},
    user_store::Counter,
};

use super::{Entries, counter, entry, made};
use crate::conformance::case::{Case, CaseResult, cases, equal, later, random};

pub(in crate::conformance) const CASES: &[Case<dyn Entries>] = cases![
    get_of_an_unknown_key_is_none,
    a_new_entry_has_its_value_and_counter_zero,
    update_replaces_the_value_and_increments_the_counter,
    update_to_the_same_value_increments_the_counter_too,
    update_with_a_stale_counter_changes_nothing,
    update_with_a_counter_that_is_yet_to_come_changes_nothing,
    update_of_an_unknown_key_creates_nothing,
    delete_removes_the_entry_and_tells_so_once,
    delete_of_an_unknown_key_finds_nothing,
    an_entry_made_again_starts_at_counter_zero,
];

/// The cases for storages whose `delete` takes no counter.
pub(in crate::conformance) const UNCONDITIONAL_DELETE_CASES: &[Case<dyn Entries>] =
    cases![delete_does_not_ask_for_the_counter,];

async fn get_of_an_unknown_key_is_none(entries: Arc<dyn Entries>) -> CaseResult {
    equal(&entries.read(&random()).await?, &None)
}

async fn a_new_entry_has_its_value_and_counter_zero(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value", later()).await)?;
    equal(&entries.read(&key).await?, &entry("value", 0))
}

async fn update_replaces_the_value_and_increments_the_counter(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value 0", later()).await)?;
    for updates in 1..=5 {
        let value = format!("value {updates}");
        let update = entries.swap(&key, value.as_bytes(), later(), counter(updates - 1));
        equal(&update.await?, &UpdateOutcome::Updated)?;
        equal(&entries.read(&key).await?, &entry(value, updates))?;
    }
    Ok(())
}

async fn update_to_the_same_value_increments_the_counter_too(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    let (key, expires_at) = (random(), later());
    made(entries.make(&key, b"value", expires_at).await)?;
    for updates in 1..=2 {
        let update = entries.swap(&key, b"value", expires_at, counter(updates - 1));
        equal(&update.await?, &UpdateOutcome::Updated)?;
        equal(&entries.read(&key).await?, &entry("value", updates))?;
    }
    Ok(())
}

async fn update_with_a_stale_counter_changes_nothing(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"first", later()).await)?;
    let update = entries.swap(&key, b"second", later(), Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Updated)?;
    let stale = entries.swap(&key, b"stale", later(), Counter::ZERO);
    equal(&stale.await?, &UpdateOutcome::Conflict)?;
    equal(&entries.read(&key).await?, &entry("second", 1))
}

async fn update_with_a_counter_that_is_yet_to_come_changes_nothing(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value", later()).await)?;
    for counter in [counter(1), counter(2), Counter::MAX] {
        let update = entries.swap(&key, b"early", later(), counter);
        equal(&update.await?, &UpdateOutcome::Conflict)?;
    }
    equal(&entries.read(&key).await?, &entry("value", 0))
}

async fn update_of_an_unknown_key_creates_nothing(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    let update = entries.swap(&key, b"value", later(), Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Conflict)?;
    equal(&entries.read(&key).await?, &None)
}

async fn delete_removes_the_entry_and_tells_so_once(entries: Arc<dyn Entries>) -> CaseResult {
    let (key, other) = (random(), random());
    made(entries.make(&key, b"value", later()).await)?;
    made(entries.make(&other, b"other", later()).await)?;
    let delete = entries.remove(&key, Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::Deleted)?;
    equal(&entries.read(&key).await?, &None)?;
    let again = entries.remove(&key, Counter::ZERO).await?;
    equal(&again, &DeleteOutcome::NotFound)?;
    let update = entries.swap(&key, b"late", later(), Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Conflict)?;
    equal(&entries.read(&other).await?, &entry("other", 0))
}

async fn delete_of_an_unknown_key_finds_nothing(entries: Arc<dyn Entries>) -> CaseResult {
    let delete = entries.remove(&random(), Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::NotFound)
}

async fn an_entry_made_again_starts_at_counter_zero(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"old", later()).await)?;
    for updates in 0..2 {
        let update = entries.swap(&key, b"old", later(), counter(updates));
        equal(&update.await?, &UpdateOutcome::Updated)?;
    }
    let delete = entries.remove(&key, counter(2)).await?;
    equal(&delete, &DeleteOutcome::Deleted)?;
    made(entries.make(&key, b"new", later()).await)?;
    equal(&entries.read(&key).await?, &entry("new", 0))?;
    let stale = entries.swap(&key, b"stale", later(), counter(2));
    equal(&stale.await?, &UpdateOutcome::Conflict)?;
    let update = entries.swap(&key, b"newer", later(), Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Updated)?;
    equal(&entries.read(&key).await?, &entry("newer", 1))
}

async fn delete_does_not_ask_for_the_counter(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    made(entries.make(&key, b"value", later()).await)?;
    for updates in 0..3 {
        let update = entries.swap(&key, b"value", later(), counter(updates));
        equal(&update.await?, &UpdateOutcome::Updated)?;
    }
    let delete = entries.remove(&key, Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::Deleted)?;
    equal(&entries.read(&key).await?, &None)
}
