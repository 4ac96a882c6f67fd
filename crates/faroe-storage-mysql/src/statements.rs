//! The statements of SQL. An entry is gone if `expires_at` is not after the [`Cutoff`].

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Entry, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};
use faroe_mysql::{
    Database,
    sqlx::{Error, Row, query},
    violated_unique_index,
};
use faroe_sql::Cutoff;

/// Attempts at an add when the entry in its way has gone meanwhile.
const ATTEMPTS: usize = 8;

pub(crate) async fn get(
    database: &Database,
    key: &str,
    cutoff: Cutoff,
) -> Result<Option<Entry>, Error> {
    const SELECT: &str = "SELECT value, counter, expires_at FROM faroe_storage WHERE entry_key = ?";
    let select = || query(SELECT).bind(key.as_bytes());
    let Some(row) = database.run(select).await?.rows.pop() else {
        return Ok(None);
    };
    let expires_at: i64 = row.try_get(2)?;
    if expires_at <= cutoff.as_milliseconds() {
        // An entry reported as gone must stay gone, even if the clock is set back.
        remove_expired(database, key, cutoff).await?;
        return Ok(None);
    }
    let counter = Counter::new(row.try_get(1)?).ok_or_else(|| Error::ColumnDecode {
        index: "counter".into(),
        source: "negative".into(),
    })?;
    let value = row.try_get(0)?;
    Ok(Some(Entry { value, counter }))
}

/// `None` if each attempt found an entry in its way that was gone afterwards.
///
/// `INSERT … ON DUPLICATE KEY UPDATE` does not report whether it added an entry or left one as it was.
pub(crate) async fn add(
    database: &Database,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    cutoff: Cutoff,
) -> Result<Option<AddOutcome>, Error> {
    for _ in 0..ATTEMPTS {
        if insert(database, key, value, expires_at).await?
            || replace_expired(database, key, value, expires_at, cutoff).await?
        {
            return Ok(Some(AddOutcome::Added));
        }
        if get(database, key, cutoff).await?.is_some() {
            return Ok(Some(AddOutcome::AlreadyExists));
        }
    }
    Ok(None)
}

/// Inserts an entry. Returns `false` if there is one.
async fn insert(
    database: &Database,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
) -> Result<bool, Error> {
    const INSERT: &str =
        "INSERT INTO faroe_storage (entry_key, value, counter, expires_at) VALUES (?, ?, 0, ?)";
    let insert = || {
        query(INSERT)
            .bind(key.as_bytes())
            .bind(value)
            .bind(expires_at.as_milliseconds())
    };
    match database.run(insert).await {
        Ok(_) => Ok(true),
        Err(error) if violated_unique_index(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces an expired entry. Returns `false` if there is none.
async fn replace_expired(
    database: &Database,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    cutoff: Cutoff,
) -> Result<bool, Error> {
    const UPDATE: &str = "UPDATE faroe_storage SET value = ?, counter = 0, expires_at = ?
         WHERE entry_key = ? AND expires_at <= ?";
    let update = || {
        query(UPDATE)
            .bind(value)
            .bind(expires_at.as_milliseconds())
            .bind(key.as_bytes())
            .bind(cutoff.as_milliseconds())
    };
    Ok(database.run(update).await?.rows_affected > 0)
}

/// `None` if the entry has this counter, and it is the maximum.
pub(crate) async fn update(
    database: &Database,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    counter: Counter,
    cutoff: Cutoff,
) -> Result<Option<UpdateOutcome>, Error> {
    const UPDATE: &str = "UPDATE faroe_storage SET value = ?, expires_at = ?, counter = ?
         WHERE entry_key = ? AND counter = ? AND expires_at > ?";
    let Some(next) = counter.next() else {
        let found = get(database, key, cutoff).await?;
        let is_exhausted = found.is_some_and(|entry| entry.counter == counter);
        return Ok((!is_exhausted).then_some(UpdateOutcome::Conflict));
    };
    let update = || {
        query(UPDATE)
            .bind(value)
            .bind(expires_at.as_milliseconds())
            .bind(next.get())
            .bind(key.as_bytes())
            .bind(counter.get())
            .bind(cutoff.as_milliseconds())
    };
    if database.run(update).await?.rows_affected > 0 {
        return Ok(Some(UpdateOutcome::Updated));
    }
    remove_expired(database, key, cutoff).await?;
    Ok(Some(UpdateOutcome::Conflict))
}

pub(crate) async fn delete(
    database: &Database,
    key: &str,
    cutoff: Cutoff,
) -> Result<DeleteOutcome, Error> {
    const DELETE: &str = "DELETE FROM faroe_storage WHERE entry_key = ? AND expires_at > ?";
    let delete = || {
        query(DELETE)
            .bind(key.as_bytes())
            .bind(cutoff.as_milliseconds())
    };
    if database.run(delete).await?.rows_affected > 0 {
        return Ok(DeleteOutcome::Deleted);
    }
    remove_expired(database, key, cutoff).await?;
    Ok(DeleteOutcome::NotFound)
}

async fn remove_expired(database: &Database, key: &str, cutoff: Cutoff) -> Result<(), Error> {
    const DELETE: &str = "DELETE FROM faroe_storage WHERE entry_key = ? AND expires_at <= ?";
    let delete = || {
        query(DELETE)
            .bind(key.as_bytes())
            .bind(cutoff.as_milliseconds())
    };
    database.run(delete).await?;
    Ok(())
}

/// Removes the entries that expired first, and returns their number.
pub(crate) async fn sweep(database: &Database, most: u32, cutoff: Cutoff) -> Result<u64, Error> {
    const DELETE: &str =
        "DELETE FROM faroe_storage WHERE expires_at <= ? ORDER BY expires_at LIMIT ?";
    let delete = || query(DELETE).bind(cutoff.as_milliseconds()).bind(most);
    Ok(database.run(delete).await?.rows_affected)
}
