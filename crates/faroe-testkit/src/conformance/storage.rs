//! The suite of [`Storage`].

use std::sync::Arc;

use faroe_core::storage::{AddOutcome, DeleteOutcome, Storage};

use super::{
    Suite,
    case::{
        CONTENDERS, Case, CaseResult, ROUNDS, cases, count, equal, later, race, random, settled,
    },
    entries::{OfStorage, counters, entry, expiry, keys_and_values, races},
    histories,
};

/// Creates the suite of [`Storage`].
pub fn storage<S: Storage>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    let mut suite = Suite::new(name);
    for cases in [CASES, histories::CASES] {
        suite = suite.with_cases(cases, &open, |storage| Arc::new(storage));
    }
    for cases in [
        counters::CASES,
        counters::UNCONDITIONAL_DELETE_CASES,
        keys_and_values::CASES,
        expiry::CASES,
        races::CASES,
        races::UNCONDITIONAL_DELETE_CASES,
    ] {
        suite = suite.with_cases(cases, &open, |storage| Arc::new(OfStorage(storage)));
    }
    suite
}

const CASES: &[Case<dyn Storage>] = cases![
    add_does_not_touch_an_entry_that_exists,
    of_racing_adds_one_wins,
    a_racing_delete_and_add_agree,
];

async fn add_does_not_touch_an_entry_that_exists(storage: Arc<dyn Storage>) -> CaseResult {
    let key = random();
    let add = storage.add(&key, b"first", later()).await?;
    equal(&add, &AddOutcome::Added)?;
    for updates in 0..2 {
        let again = storage.add(&key, b"second", later()).await?;
        equal(&again, &AddOutcome::AlreadyExists)?;
        equal(&storage.get(&key).await?, &entry("first", updates))?;
        let counter = super::entries::counter(updates);
        let _ = storage.update(&key, b"first", later(), counter).await?;
    }
    Ok(())
}

async fn of_racing_adds_one_wins(storage: Arc<dyn Storage>) -> CaseResult {
    let key = random();
    let values = race((0..CONTENDERS).map(|contender| {
        let (storage, key) = (Arc::clone(&storage), key.clone());
        async move {
            let value = contender.to_string();
            let outcome = settled(|| storage.add(&key, value.as_bytes(), later())).await?;
            Ok((outcome == AddOutcome::Added).then_some(value))
        }
    }));
    let winners: Vec<String> = values.await?.into_iter().flatten().collect();
    equal(&winners.len(), &1)?;
    equal(&storage.get(&key).await?, &entry(&winners[0], 0))
}

/// Deletes an entry and adds it again concurrently. Either the add came first and found the old entry, or there is a new one.
async fn a_racing_delete_and_add_agree(storage: Arc<dyn Storage>) -> CaseResult {
    for _ in 0..ROUNDS {
        let key = random();
        let add = storage.add(&key, b"old", later()).await?;
        equal(&add, &AddOutcome::Added)?;
        let worked = race([true, false].map(|add| {
            let (storage, key) = (Arc::clone(&storage), key.clone());
            async move {
                if add {
                    let outcome = settled(|| storage.add(&key, b"new", later())).await?;
                    return Ok((true, outcome == AddOutcome::Added));
                }
                let outcome = settled(|| storage.delete(&key)).await?;
                Ok((false, outcome == DeleteOutcome::Deleted))
            }
        }));
        let worked = worked.await?;
        equal(&count(&worked, &(false, true)), &1)?;
        let added = worked.contains(&(true, true));
        let left = added.then(|| entry("new", 0)).flatten();
        equal(&storage.get(&key).await?, &left)?;
    }
    Ok(())
}
