//! Keys that are easily confused, and values that are easily corrupted.

use std::{collections::BTreeSet, sync::Arc};

use faroe_core::storage::{DeleteOutcome, UpdateOutcome};
use faroe_core::user_store::Counter;

use super::{Entries, entry, made};
use crate::conformance::case::{Case, CaseResult, cases, equal, later, random};

pub(in crate::conformance) const CASES: &[Case<dyn Entries>] = cases![
    keys_differ_by_letter_case,
    keys_differ_by_the_spaces_at_their_ends,
    keys_differ_by_every_printable_character,
    keys_of_255_bytes_differ_by_their_last_byte,
    a_key_is_not_the_beginning_of_another,
    an_empty_value_is_a_value,
    a_value_may_hold_every_byte,
    a_value_of_64_kib_is_kept_whole,
];

async fn keys_differ_by_letter_case(entries: Arc<dyn Entries>) -> CaseResult {
    let random = random();
    are_separate(&*entries, &[format!("{random}k"), format!("{random}K")]).await
}

async fn keys_differ_by_the_spaces_at_their_ends(entries: Arc<dyn Entries>) -> CaseResult {
    let key = random();
    let spaced = ["", " ", "  "].map(|spaces| format!("{key}{spaces}"));
    are_separate(&*entries, &spaced).await?;
    let key = random();
    let spaced = ["", " ", "  "].map(|spaces| format!("{spaces}{key}"));
    are_separate(&*entries, &spaced).await
}

async fn keys_differ_by_every_printable_character(entries: Arc<dyn Entries>) -> CaseResult {
    let random = random();
    let characters: BTreeSet<char> = (' '..='~').collect();
    let keys: Vec<String> = characters
        .iter()
        .map(|character| format!("{random}{character}{character}"))
        .collect();
    are_separate(&*entries, &keys).await
}

async fn keys_of_255_bytes_differ_by_their_last_byte(entries: Arc<dyn Entries>) -> CaseResult {
    let random = random();
    let keys = ["a", "b"].map(|last| format!("{random:.<254}{last}"));
    are_separate(&*entries, &keys).await
}

async fn a_key_is_not_the_beginning_of_another(entries: Arc<dyn Entries>) -> CaseResult {
    let random = random();
    let keys = ["", ".", ".a", "%", "*", "_"].map(|end| format!("{random}{end}"));
    are_separate(&*entries, &keys).await
}

/// Checks that no operation on one of the keys affects the entry of another.
async fn are_separate(entries: &dyn Entries, keys: &[String]) -> CaseResult {
    for key in keys {
        made(entries.make(key, key.as_bytes(), later()).await)?;
    }
    for key in keys {
        equal(&entries.read(key).await?, &entry(key, 0))?;
    }
    for (position, key) in keys.iter().enumerate() {
        let value = format!("updated {position}");
        let update = entries.swap(key, value.as_bytes(), later(), Counter::ZERO);
        equal(&update.await?, &UpdateOutcome::Updated)?;
    }
    for (position, key) in keys.iter().enumerate() {
        let updated = entry(format!("updated {position}"), 1);
        equal(&entries.read(key).await?, &updated)?;
        let delete = entries.remove(key, super::counter(1)).await?;
        equal(&delete, &DeleteOutcome::Deleted)?;
        equal(&entries.read(key).await?, &None)?;
    }
    Ok(())
}

async fn an_empty_value_is_a_value(entries: Arc<dyn Entries>) -> CaseResult {
    is_kept(&*entries, &[]).await
}

async fn a_value_may_hold_every_byte(entries: Arc<dyn Entries>) -> CaseResult {
    let every_byte: Vec<u8> = (0..=255).collect();
    is_kept(&*entries, &every_byte).await?;
    is_kept(&*entries, &[0]).await?;
    is_kept(&*entries, b" spaces and ends of lines \r\n ").await
}

async fn a_value_of_64_kib_is_kept_whole(entries: Arc<dyn Entries>) -> CaseResult {
    let value: Vec<u8> = (0..=u8::MAX).cycle().take(64 * 1024).collect();
    is_kept(&*entries, &value).await
}

/// Checks that a value is returned unchanged after creating and after updating an entry.
async fn is_kept(entries: &dyn Entries, value: &[u8]) -> CaseResult {
    let key = random();
    made(entries.make(&key, value, later()).await)?;
    equal(&entries.read(&key).await?, &entry(value, 0))?;
    let key = random();
    made(entries.make(&key, b"another", later()).await)?;
    let update = entries.swap(&key, value, later(), Counter::ZERO).await?;
    equal(&update, &UpdateOutcome::Updated)?;
    equal(&entries.read(&key).await?, &entry(value, 1))
}
