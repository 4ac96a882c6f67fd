//! The statements of SQL. An entry has expired if `expires_at <= now`.

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Entry},
    time::UnixTime,
    user_store::Counter,
};
use faroe_sqlite::rusqlite::{Connection, Error, OptionalExtension, Row};

pub(crate) enum Got {
    Entry(Entry),
    Nothing,
    Expired,
}

pub(crate) fn get(connection: &Connection, key: &str, now: UnixTime) -> Result<Got, Error> {
    let entry = |row: &Row<'_>| {
        let expires_at: i64 = row.get(2)?;
        if expires_at <= now.as_milliseconds() {
            return Ok(Got::Expired);
        }
        let counter: i32 = row.get(1)?;
        Ok(Got::Entry(Entry {
            value: row.get(0)?,
            counter: Counter::new(counter)
                .ok_or(Error::IntegralValueOutOfRange(1, counter.into()))?,
        }))
    };
    let got = connection
        .prepare_cached("SELECT value, counter, expires_at FROM faroe_storage WHERE key = ?1")?
        .query_row([key], entry)
        .optional()?;
    Ok(got.unwrap_or(Got::Nothing))
}

pub(crate) fn add(
    connection: &Connection,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    now: UnixTime,
) -> Result<AddOutcome, Error> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO faroe_storage (key, value, counter, expires_at) VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (key) DO UPDATE
             SET value = excluded.value, counter = 0, expires_at = excluded.expires_at
             WHERE faroe_storage.expires_at <= ?4",
        )?
        .execute((
            key,
            value,
            expires_at.as_milliseconds(),
            now.as_milliseconds(),
        ))?;
    Ok(match changed {
        0 => AddOutcome::AlreadyExists,
        _ => AddOutcome::Added,
    })
}

pub(crate) enum Updated {
    Yes,
    No,
    CounterExhausted,
}

pub(crate) fn update(
    connection: &Connection,
    key: &str,
    value: &[u8],
    expires_at: UnixTime,
    counter: Counter,
    now: UnixTime,
) -> Result<Updated, Error> {
    if let Some(next) = counter.next() {
        let changed = connection
            .prepare_cached(
                "UPDATE faroe_storage SET value = ?2, expires_at = ?3, counter = ?4
                 WHERE key = ?1 AND counter = ?5 AND expires_at > ?6",
            )?
            .execute((
                key,
                value,
                expires_at.as_milliseconds(),
                next.get(),
                counter.get(),
                now.as_milliseconds(),
            ))?;
        if changed == 1 {
            return Ok(Updated::Yes);
        }
    }
    match get(connection, key, now)? {
        Got::Entry(entry) if entry.counter == counter => Ok(Updated::CounterExhausted),
        Got::Entry(_) | Got::Nothing => Ok(Updated::No),
        Got::Expired => {
            remove_expired(connection, key, now)?;
            Ok(Updated::No)
        }
    }
}

pub(crate) fn delete(
    connection: &Connection,
    key: &str,
    now: UnixTime,
) -> Result<DeleteOutcome, Error> {
    let alive = connection
        .prepare_cached("DELETE FROM faroe_storage WHERE key = ?1 RETURNING expires_at > ?2")?
        .query_row((key, now.as_milliseconds()), |row| row.get(0))
        .optional()?;
    Ok(match alive {
        Some(true) => DeleteOutcome::Deleted,
        Some(false) | None => DeleteOutcome::NotFound,
    })
}

pub(crate) fn remove_expired(
    connection: &Connection,
    key: &str,
    now: UnixTime,
) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM faroe_storage WHERE key = ?1 AND expires_at <= ?2")?
        .execute((key, now.as_milliseconds()))?;
    Ok(())
}

/// Removes the entries that expired first, and returns their number.
pub(crate) fn sweep(connection: &Connection, most: usize, now: UnixTime) -> Result<usize, Error> {
    connection
        .prepare_cached(
            "DELETE FROM faroe_storage WHERE key IN
             (SELECT key FROM faroe_storage WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute((
            now.as_milliseconds(),
            i64::try_from(most).unwrap_or(i64::MAX),
        ))
}
