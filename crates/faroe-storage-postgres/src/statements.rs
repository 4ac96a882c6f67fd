//! The statements of SQL. An entry is gone if `expires_at` is not after the [`Cutoff`].

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Entry, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};
use faroe_postgres::{
    Database,
    sqlx::{Error, Row, query},
};
use faroe_sql::Cutoff;

pub(crate) async fn get(
    database: &Database,
    key: &str,
    cutoff: Cutoff,
) -> Result<Option<Entry>, Error> {
    let select = query("SELECT value, counter, expires_at FROM faroe_storage WHERE key = $1");
    let Some(row) = database.run(select.bind(key)).await?.rows.pop() else {
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

pub(crate) async fn add(
    database: &Database,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    cutoff: Cutoff,
) -> Result<AddOutcome, Error> {
    let insert = query(
        "INSERT INTO faroe_storage (key, value, counter, expires_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (key) DO UPDATE
         SET value = excluded.value, counter = 0, expires_at = excluded.expires_at
         WHERE faroe_storage.expires_at <= $4",
    );
    let insert = insert
        .bind(key)
        .bind(value)
        .bind(expires_at.as_milliseconds())
        .bind(cutoff.as_milliseconds());
    Ok(match database.run(insert).await?.rows_affected {
        0 => AddOutcome::AlreadyExists,
        _ => AddOutcome::Added,
    })
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
    let Some(next) = counter.next() else {
        let found = get(database, key, cutoff).await?;
        let is_exhausted = found.is_some_and(|entry| entry.counter == counter);
        return Ok((!is_exhausted).then_some(UpdateOutcome::Conflict));
    };
    let update = query(
        "UPDATE faroe_storage SET value = $2, expires_at = $3, counter = $4
         WHERE key = $1 AND counter = $5 AND expires_at > $6",
    );
    let update = update
        .bind(key)
        .bind(value)
        .bind(expires_at.as_milliseconds())
        .bind(next.get())
        .bind(counter.get())
        .bind(cutoff.as_milliseconds());
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
    let delete = query("DELETE FROM faroe_storage WHERE key = $1 RETURNING expires_at > $2");
    let outcome = database
        .run(delete.bind(key).bind(cutoff.as_milliseconds()))
        .await?;
    let was_there = outcome.rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(match was_there {
        Some(true) => DeleteOutcome::Deleted,
        Some(false) | None => DeleteOutcome::NotFound,
    })
}

async fn remove_expired(database: &Database, key: &str, cutoff: Cutoff) -> Result<(), Error> {
    let delete = query("DELETE FROM faroe_storage WHERE key = $1 AND expires_at <= $2");
    database
        .run(delete.bind(key).bind(cutoff.as_milliseconds()))
        .await?;
    Ok(())
}

/// Removes the entries that expired first, and returns their number. Skips entries that another transaction has locked.
pub(crate) async fn sweep(database: &Database, most: u32, cutoff: Cutoff) -> Result<u64, Error> {
    let delete = query(
        "DELETE FROM faroe_storage WHERE key = ANY (ARRAY(
            SELECT key FROM faroe_storage WHERE expires_at <= $1
            ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ))",
    );
    let delete = delete.bind(cutoff.as_milliseconds()).bind(i64::from(most));
    Ok(database.run(delete).await?.rows_affected)
}
