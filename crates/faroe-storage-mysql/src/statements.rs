//! The statements of SQL. An entry has expired if `expires_at` is not after the cutoff, which is the time now less
//! [`EXTRA_LIFE`].

use std::time::Duration;

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

/// How long an entry stays after its expiry, so that a server whose clock is ahead takes nothing away from one whose clock
/// is right. The core decides by its own clock what has expired.
const EXTRA_LIFE: Duration = Duration::from_secs(5 * 60);

/// An entry is there if it expires after this.
#[derive(Clone, Copy)]
pub(crate) struct Cutoff(i64);

impl Cutoff {
    pub(crate) fn at(now: UnixTime) -> Self {
        let extra_life = i64::try_from(EXTRA_LIFE.as_millis()).expect("it is minutes");
        Self(now.as_milliseconds().saturating_sub(extra_life))
    }
}

/// How often an add starts again because the entry that was in its way has gone.
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
    if expires_at <= cutoff.0 {
        // What is reported as gone must stay gone, also if the clock is set back.
        remove_expired(database, key, cutoff).await?;
        return Ok(None);
    }
    let counter = Counter::new(row.try_get(1)?).ok_or_else(|| Error::ColumnDecode {
        index: "counter".into(),
        source: "it is negative".into(),
    })?;
    let value = row.try_get(0)?;
    Ok(Some(Entry { value, counter }))
}

/// `None` if there was something in the way and then nothing, again and again.
///
/// A single `INSERT … ON DUPLICATE KEY UPDATE` cannot tell a new entry from one that was left as it is.
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

/// Tells whether there was nothing in the way.
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

/// Tells whether what was in the way had expired.
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
            .bind(cutoff.0)
    };
    Ok(database.run(update).await?.rows_affected > 0)
}

/// `None` if the entry has this counter, and there is no higher one.
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
            .bind(cutoff.0)
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
    let delete = || query(DELETE).bind(key.as_bytes()).bind(cutoff.0);
    if database.run(delete).await?.rows_affected > 0 {
        return Ok(DeleteOutcome::Deleted);
    }
    remove_expired(database, key, cutoff).await?;
    Ok(DeleteOutcome::NotFound)
}

async fn remove_expired(database: &Database, key: &str, cutoff: Cutoff) -> Result<(), Error> {
    const DELETE: &str = "DELETE FROM faroe_storage WHERE entry_key = ? AND expires_at <= ?";
    let delete = || query(DELETE).bind(key.as_bytes()).bind(cutoff.0);
    database.run(delete).await?;
    Ok(())
}

/// Removes the entries that expired first, and tells how many.
pub(crate) async fn sweep(database: &Database, most: u32, cutoff: Cutoff) -> Result<u64, Error> {
    const DELETE: &str =
        "DELETE FROM faroe_storage WHERE expires_at <= ? ORDER BY expires_at LIMIT ?";
    let delete = || query(DELETE).bind(cutoff.0).bind(most);
    Ok(database.run(delete).await?.rows_affected)
}
