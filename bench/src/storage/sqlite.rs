//! rusqlite on a stack of connections that read, and one that writes.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, ensure};
use faroe_sqlite::rusqlite::{Connection, OptionalExtension};

use super::worker::{Place, Worker, check};

/// The connections that all tasks share.
#[derive(Debug)]
pub(super) struct Connections {
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Connection>,
}

impl Connections {
    pub(super) fn open(path: &Path, readers: usize) -> Result<Arc<Self>> {
        let writer = Connection::open(path)?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        let readers: Result<_, _> = (0..readers).map(|_| Connection::open(path)).collect();
        Ok(Arc::new(Self {
            readers: Mutex::new(readers?),
            writer: Mutex::new(writer),
        }))
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Driver {
    pub(super) connections: Arc<Connections>,
    pub(super) place: Place,
}

impl Worker for Driver {
    async fn get(&mut self) -> Result<()> {
        const SELECT: &str = "SELECT value, counter, expires_at FROM faroe_storage WHERE key = ?1";
        let reader = self.connections.readers().pop();
        let reader = reader.context("every task has a connection")?;
        let entry = reader
            .prepare_cached(SELECT)?
            .query_row([&self.place.key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        self.connections.readers().push(reader);
        check(entry, &self.place)
    }

    async fn update(&mut self) -> Result<()> {
        const UPDATE: &str = "UPDATE faroe_storage SET value = ?2, expires_at = ?3, counter = ?4
             WHERE key = ?1 AND counter = ?5 AND expires_at > ?6";
        let place = &mut self.place;
        let expires_at = place.expires_at.as_milliseconds();
        let writer = &self.connections.writer;
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let updated = writer.prepare_cached(UPDATE)?.execute((
            &place.key,
            &place.value,
            expires_at,
            place.counter + 1,
            place.counter,
            0,
        ))?;
        ensure!(updated == 1, "update failed: the counter differs");
        place.counter += 1;
        Ok(())
    }
}
