//! The expiry is a hint, but an entry that has not expired must not be lost.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    storage::{DeleteOutcome, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};

use super::{Entries, counter, entry, made};
use crate::conformance::case::{Case, CaseResult, cases, equal, holds, later, now, random};

pub(in crate::conformance) const CASES: &[Case<dyn Entries>] = cases![
    an_entry_far_from_its_expiry_is_kept,
    an_expired_entry_is_there_for_all_operations_or_for_none,
    an_entry_updated_to_be_expired_is_there_for_all_operations_or_for_none,
    the_key_of_an_expired_entry_can_be_used_again,
    an_update_moves_the_expiry,
];

/// Future expiries: hours, the end of 32-bit seconds, of four-digit years, and of the type.
async fn an_entry_far_from_its_expiry_is_kept(entries: Arc<dyn Entries>) -> CaseResult {
    let milliseconds = [
        later().as_milliseconds(),
        (1_i64 << 31) * 1000,
        (1_i64 << 32) * 1000,
        253_402_300_800_000,
        i64::MAX,
    ];
    for expires_at in milliseconds.map(UnixTime::from_milliseconds) {
        let key = random();
        made(entries.make(&key, b"value", expires_at).await)?;
        equal(&entries.read(&key).await?, &entry("value", 0))?;
        let update = entries
            .swap(&key, b"new", expires_at, Counter::ZERO)
            .await?;
        equal(&update, &UpdateOutcome::Updated)?;
        equal(&entries.read(&key).await?, &entry("new", 1))?;
    }
    Ok(())
}

/// Past expiries: an hour ago, a moment ago, around the Unix epoch, and the minimum of the type.
fn past() -> [UnixTime; 6] {
    let now = now().as_milliseconds();
    let milliseconds = [now - 3_600_000, now - 1, 1, 0, -1, i64::MIN];
    milliseconds.map(UnixTime::from_milliseconds)
}

async fn an_expired_entry_is_there_for_all_operations_or_for_none(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    for expires_at in past() {
        let keys = [random(), random(), random()];
        for key in &keys {
            made(entries.make(key, b"value", expires_at).await)?;
        }
        is_there_or_not(&*entries, &keys, 0).await?;
    }
    Ok(())
}

async fn an_entry_updated_to_be_expired_is_there_for_all_operations_or_for_none(
    entries: Arc<dyn Entries>,
) -> CaseResult {
    for expires_at in past() {
        let keys = [random(), random(), random()];
        for key in &keys {
            made(entries.make(key, b"old", later()).await)?;
            let update = entries.swap(key, b"value", expires_at, Counter::ZERO);
            equal(&update.await?, &UpdateOutcome::Updated)?;
        }
        is_there_or_not(&*entries, &keys, 1).await?;
    }
    Ok(())
}

/// Checks that an expired entry that one operation does not find is not found by any later one. Each key starts with another
/// operation.
async fn is_there_or_not(
    entries: &dyn Entries,
    [read, updated, deleted]: &[String; 3],
    updates: usize,
) -> CaseResult {
    match entries.read(read).await? {
        None => is_gone(entries, read, updates).await?,
        found => equal(&found, &entry("value", updates))?,
    }

    let update = entries.swap(updated, b"new", later(), counter(updates));
    if update.await? == UpdateOutcome::Updated {
        equal(&entries.read(updated).await?, &entry("new", updates + 1))?;
    } else {
        is_gone(entries, updated, updates).await?;
    }

    // Whether or not it was deleted, the entry is missing now.
    let _ = entries.remove(deleted, counter(updates)).await?;
    is_gone(entries, deleted, updates).await
}

async fn is_gone(entries: &dyn Entries, key: &str, updates: usize) -> CaseResult {
    equal(&entries.read(key).await?, &None)?;
    let update = entries
        .swap(key, b"late", later(), counter(updates))
        .await?;
    equal(&update, &UpdateOutcome::Conflict)?;
    let delete = entries.remove(key, counter(updates)).await?;
    equal(&delete, &DeleteOutcome::NotFound)
}

async fn the_key_of_an_expired_entry_can_be_used_again(entries: Arc<dyn Entries>) -> CaseResult {
    for expires_at in past() {
        let key = random();
        made(entries.make(&key, b"old", expires_at).await)?;
        if entries.read(&key).await?.is_some() {
            let _ = entries.remove(&key, Counter::ZERO).await?;
        }
        made(entries.make(&key, b"new", later()).await)?;
        equal(&entries.read(&key).await?, &entry("new", 0))?;
    }
    Ok(())
}

async fn an_update_moves_the_expiry(entries: Arc<dyn Entries>) -> CaseResult {
    let mut lifetime = Duration::from_millis(250);
    loop {
        let (key, expires_at) = (random(), now().saturating_add(lifetime));
        made(entries.make(&key, b"value", expires_at).await)?;
        let update = entries.swap(&key, b"value", later(), Counter::ZERO).await?;
        if update == UpdateOutcome::Updated {
            // Reads until well after the first expiry, and one second longer for a storage that counts in seconds.
            let end = expires_at.saturating_add(Duration::from_millis(1100));
            while now() < end {
                equal(&entries.read(&key).await?, &entry("value", 1))?;
                tokio::task::yield_now().await;
            }
            return Ok(());
        }
        holds(
            now() >= expires_at,
            || "an entry was lost before its expiry",
        )?;
        // The update was too late; try again with more time.
        lifetime *= 2;
    }
}
