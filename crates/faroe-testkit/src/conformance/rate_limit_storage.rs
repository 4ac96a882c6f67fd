//! The suite of [`RateLimitStorage`].

use std::sync::Arc;

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, RateLimitEntry, RateLimitStorage, UpdateOutcome},
    user_store::Counter,
};

use super::{
    Suite,
    case::{
        CONTENDERS, Case, CaseResult, ROUNDS, cases, count, equal, later, race, random, settled,
    },
    entries::{OfRateLimitStorage, counter, counters, expiry, keys_and_values, races},
};

/// Creates the suite of [`RateLimitStorage`].
pub fn rate_limit_storage<S: RateLimitStorage>(
    name: impl Into<String>,
    open: impl AsyncFn() -> S + Send + Sync + 'static,
) -> Suite {
    let open = Arc::new(open);
    let mut suite = Suite::new(name).with_cases(CASES, &open, |storage| Arc::new(storage));
    for cases in [
        counters::CASES,
        keys_and_values::CASES,
        expiry::CASES,
        races::CASES,
    ] {
        suite = suite.with_cases(cases, &open, |storage| {
            Arc::new(OfRateLimitStorage(storage))
        });
    }
    suite
}

const CASES: &[Case<dyn RateLimitStorage>] = cases![
    an_entry_keeps_its_id_over_updates,
    add_does_not_touch_an_entry_that_exists,
    update_with_another_entry_id_changes_nothing,
    delete_with_another_entry_id_changes_nothing,
    delete_with_a_stale_counter_changes_nothing,
    entry_ids_differ_byte_by_byte,
    an_entry_id_may_have_64_bytes,
    an_entry_added_again_is_not_mistaken_for_the_old_one,
    of_racing_adds_one_wins,
    of_a_racing_update_and_delete_one_wins,
    of_a_racing_delete_and_add_the_new_entry_stays,
];

fn entry(value: &str, entry_id: &str, updates: usize) -> Option<RateLimitEntry> {
    Some(RateLimitEntry {
        value: value.into(),
        entry_id: entry_id.into(),
        counter: counter(updates),
    })
}

async fn added(storage: &dyn RateLimitStorage, key: &str, value: &str, id: &str) -> CaseResult {
    let add = storage.add(key, value.as_bytes(), id, later()).await?;
    equal(&add, &AddOutcome::Added)
}

async fn an_entry_keeps_its_id_over_updates(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    let (key, id) = (random(), random());
    added(&*storage, &key, "value", &id).await?;
    equal(&storage.get(&key).await?, &entry("value", &id, 0))?;
    for updates in 0..3 {
        let update = storage.update(&key, b"new", later(), &id, counter(updates));
        equal(&update.await?, &UpdateOutcome::Updated)?;
        equal(&storage.get(&key).await?, &entry("new", &id, updates + 1))?;
    }
    Ok(())
}

async fn add_does_not_touch_an_entry_that_exists(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    let (key, id) = (random(), random());
    added(&*storage, &key, "first", &id).await?;
    for other_id in [&random(), &id] {
        let again = storage.add(&key, b"second", other_id, later()).await?;
        equal(&again, &AddOutcome::AlreadyExists)?;
        equal(&storage.get(&key).await?, &entry("first", &id, 0))?;
    }
    Ok(())
}

async fn update_with_another_entry_id_changes_nothing(
    storage: Arc<dyn RateLimitStorage>,
) -> CaseResult {
    let (key, id) = (random(), random());
    added(&*storage, &key, "value", &id).await?;
    let other = random();
    let update = storage.update(&key, b"new", later(), &other, Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Conflict)?;
    equal(&storage.get(&key).await?, &entry("value", &id, 0))
}

async fn delete_with_another_entry_id_changes_nothing(
    storage: Arc<dyn RateLimitStorage>,
) -> CaseResult {
    let (key, id) = (random(), random());
    added(&*storage, &key, "value", &id).await?;
    let delete = storage.delete(&key, &random(), Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::NotFound)?;
    equal(&storage.get(&key).await?, &entry("value", &id, 0))
}

async fn delete_with_a_stale_counter_changes_nothing(
    storage: Arc<dyn RateLimitStorage>,
) -> CaseResult {
    let (key, id) = (random(), random());
    added(&*storage, &key, "value", &id).await?;
    let update = storage.update(&key, b"new", later(), &id, Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Updated)?;
    for other in [Counter::ZERO, counter(2)] {
        let delete = storage.delete(&key, &id, other).await?;
        equal(&delete, &DeleteOutcome::NotFound)?;
        equal(&storage.get(&key).await?, &entry("new", &id, 1))?;
    }
    let delete = storage.delete(&key, &id, counter(1)).await?;
    equal(&delete, &DeleteOutcome::Deleted)
}

async fn entry_ids_differ_byte_by_byte(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    let (key, id) = (random(), format!("{}a", random()));
    added(&*storage, &key, "value", &id).await?;
    let others = [id.to_uppercase(), format!("{id} "), id[1..].into()];
    for other in others {
        let update = storage.update(&key, b"new", later(), &other, Counter::ZERO);
        equal(&update.await?, &UpdateOutcome::Conflict)?;
        let delete = storage.delete(&key, &other, Counter::ZERO).await?;
        equal(&delete, &DeleteOutcome::NotFound)?;
    }
    equal(&storage.get(&key).await?, &entry("value", &id, 0))
}

async fn an_entry_id_may_have_64_bytes(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    let (key, id) = (random(), format!("{:~<64}", random()));
    added(&*storage, &key, "value", &id).await?;
    equal(&storage.get(&key).await?, &entry("value", &id, 0))?;
    let other = format!("{}!", &id[..63]);
    let update = storage.update(&key, b"new", later(), &other, Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Conflict)?;
    let update = storage.update(&key, b"new", later(), &id, Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Updated)
}

async fn an_entry_added_again_is_not_mistaken_for_the_old_one(
    storage: Arc<dyn RateLimitStorage>,
) -> CaseResult {
    let (key, old, new) = (random(), random(), random());
    added(&*storage, &key, "old", &old).await?;
    let delete = storage.delete(&key, &old, Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::Deleted)?;
    added(&*storage, &key, "new", &new).await?;
    let update = storage.update(&key, b"late", later(), &old, Counter::ZERO);
    equal(&update.await?, &UpdateOutcome::Conflict)?;
    let delete = storage.delete(&key, &old, Counter::ZERO).await?;
    equal(&delete, &DeleteOutcome::NotFound)?;
    equal(&storage.get(&key).await?, &entry("new", &new, 0))
}

async fn of_racing_adds_one_wins(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    let key = random();
    let ids = race((0..CONTENDERS).map(|_| {
        let (storage, key, id) = (Arc::clone(&storage), key.clone(), random());
        async move {
            let add = || storage.add(&key, id.as_bytes(), &id, later());
            let outcome = settled(add).await?;
            Ok((outcome == AddOutcome::Added).then_some(id))
        }
    }));
    let winners: Vec<String> = ids.await?.into_iter().flatten().collect();
    equal(&winners.len(), &1)?;
    let winner = &winners[0];
    equal(&storage.get(&key).await?, &entry(winner, winner, 0))
}

async fn of_a_racing_update_and_delete_one_wins(storage: Arc<dyn RateLimitStorage>) -> CaseResult {
    for _ in 0..ROUNDS {
        let (key, id) = (random(), random());
        added(&*storage, &key, "value", &id).await?;
        let worked = race([true, false].map(|update| {
            let (storage, key, id) = (Arc::clone(&storage), key.clone(), id.clone());
            async move {
                if update {
                    let update = || storage.update(&key, b"new", later(), &id, Counter::ZERO);
                    return Ok(settled(update).await? == UpdateOutcome::Updated);
                }
                let delete = || storage.delete(&key, &id, Counter::ZERO);
                Ok(settled(delete).await? == DeleteOutcome::Deleted)
            }
        }));
        equal(&count(&worked.await?, &true), &1)?;
    }
    Ok(())
}

/// Many callers have read an entry and want to replace it. The caller that deletes it adds a new one. The others are too late and
/// must not affect the new entry.
async fn of_a_racing_delete_and_add_the_new_entry_stays(
    storage: Arc<dyn RateLimitStorage>,
) -> CaseResult {
    for _ in 0..ROUNDS {
        let (key, old) = (random(), random());
        added(&*storage, &key, "old", &old).await?;
        let new_ids = race((0..4).map(|_| {
            let (storage, key, old) = (Arc::clone(&storage), key.clone(), old.clone());
            async move {
                let delete = || storage.delete(&key, &old, Counter::ZERO);
                if settled(delete).await? == DeleteOutcome::NotFound {
                    return Ok(None);
                }
                let new = random();
                let add = settled(|| storage.add(&key, b"new", &new, later())).await?;
                equal(&add, &AddOutcome::Added)?;
                Ok(Some(new))
            }
        }));
        let new_ids: Vec<String> = new_ids.await?.into_iter().flatten().collect();
        equal(&new_ids.len(), &1)?;
        equal(&storage.get(&key).await?, &entry("new", &new_ids[0], 0))?;
    }
    Ok(())
}
