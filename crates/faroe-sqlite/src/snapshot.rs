//! The state of a database that a query sees, and whether it is still the one that an earlier query saw.

use std::cell::Cell;

use rusqlite::{Connection, Error};

/// What a query runs on.
pub(crate) struct Snapshot<'a> {
    pub(crate) connection: &'a Connection,
    /// `None` where it cannot be told: a connection is not told of changes that it makes itself.
    lane: Option<Lane<'a>>,
}

struct Lane<'a> {
    place: usize,
    state: &'a Cell<State>,
    /// The number of the state that was seen last.
    seen: Cell<Option<u64>>,
}

/// The state of the database that a lane has last seen. Two states of a lane with the same number are the same.
#[derive(Clone, Copy, Default)]
pub(crate) struct State {
    number: u64,
    /// SQLite's own number, which means something to one connection only.
    data_version: Option<i64>,
}

impl State {
    /// What is seen by a connection that was just opened.
    pub(crate) fn of_new_connection(self) -> Self {
        Self {
            data_version: None,
            ..self
        }
    }
}

impl<'a> Snapshot<'a> {
    /// Of a connection that only reads, in this lane.
    pub(crate) fn reading(
        connection: &'a Connection,
        place: usize,
        state: &'a Cell<State>,
    ) -> Self {
        Self {
            connection,
            lane: Some(Lane {
                place,
                state,
                seen: Cell::new(None),
            }),
        }
    }

    /// Of a connection that writes.
    pub(crate) fn writing(connection: &'a Connection) -> Self {
        Self {
            connection,
            lane: None,
        }
    }

    /// Which lane this is in, and the number of the state: the same as before if nobody has changed anything since.
    ///
    /// SQLite counts every commit of every other connection, also of other processes. It is asked once in a transaction, in
    /// which nothing changes.
    pub(crate) fn lane_and_state(&self) -> Result<Option<(usize, u64)>, Error> {
        let Some(lane) = &self.lane else {
            return Ok(None);
        };
        let is_transaction = !self.connection.is_autocommit();
        if let (true, Some(number)) = (is_transaction, lane.seen.get()) {
            return Ok(Some((lane.place, number)));
        }
        let mut pragma = self.connection.prepare_cached("PRAGMA data_version")?;
        let data_version = Some(pragma.query_row([], |row| row.get(0))?);
        let mut state = lane.state.get();
        if state.data_version != data_version {
            state = State {
                number: state.number + 1,
                data_version,
            };
            lane.state.set(state);
        }
        lane.seen.set(Some(state.number));
        Ok(Some((lane.place, state.number)))
    }
}
