//! Answers that stay valid as long as the file is unchanged.

use std::{
    array,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error};

use crate::{
    changes::{Changes, State},
    database::Database,
    error::sqlite_error,
    reader::{LANES, lane},
};

/// Answers that a lane remembers.
const ANSWERS: usize = 1000;

/// Looks up by a key, and remembers the answers until anything in the database changes, also by another process. Clones
/// share the answers: at most 1,000 for each thread.
///
/// A look-up is as current as a [`Database::read`]: it sees every write that was acknowledged before, also by another
/// process. A remembered answer costs no lock on the file and, except once a second, no system call.
pub struct Remembered<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// `None` for a database in memory, of which nothing is remembered. Closed before the database.
    changes: Option<Changes>,
    database: Database,
    lanes: [Lane<T>; LANES],
    operation: &'static str,
    query: Arc<Query<T>>,
}

type Query<T> = dyn Fn(&Connection, &str) -> Result<T, Error> + Send + Sync;

/// The answers of one lane, on cache lines of its own, so that threads do not wait for each other.
#[repr(align(128))]
struct Lane<T>(Mutex<Answers<T>>);

struct Answers<T> {
    /// The state of the database that the answers are of.
    state: Option<State>,
    by_key: HashMap<String, T>,
}

impl<T: Clone + Send + 'static> Remembered<T> {
    /// Creates one without answers. The query's answer must depend on nothing but the key and the database. `operation` names
    /// the query in errors, such as `get a user`.
    ///
    /// # Errors
    ///
    /// When one more connection to the file cannot be opened.
    pub fn new<Q>(
        database: Database,
        operation: &'static str,
        query: Q,
    ) -> Result<Self, AdapterError>
    where
        Q: Fn(&Connection, &str) -> Result<T, Error> + Send + Sync + 'static,
    {
        let changes = database.changes();
        Ok(Self(Arc::new(Inner {
            changes: changes.map_err(|error| sqlite_error("watch the SQLite database", error))?,
            database,
            lanes: array::from_fn(|_| Lane(Mutex::default())),
            operation,
            query: Arc::new(query),
        })))
    }

    /// Returns the query's answer to the key.
    ///
    /// # Errors
    ///
    /// When the query fails, or the file was removed or replaced.
    pub async fn get(&self, key: &str) -> Result<T, AdapterError> {
        let checked = self.0.database.check_now_and_then();
        checked.map_err(|error| sqlite_error(self.0.operation, error))?;
        let state = self.0.changes.as_ref().and_then(Changes::state);
        if let Some(state) = state
            && let Some(answer) = self.answers(state).by_key.get(key)
        {
            return Ok(answer.clone());
        }
        // Boxed, so that the future of a remembered answer stays small.
        Box::pin(self.look_up(state, key.to_owned())).await
    }

    async fn look_up(&self, state: Option<State>, key: String) -> Result<T, AdapterError> {
        let query = {
            // Not a handle of the database, which a query that waits would keep open.
            let (query, key) = (Arc::clone(&self.0.query), key.clone());
            move |connection: &Connection| query(connection, &key)
        };
        let answer = self.0.database.read(self.0.operation, query).await?;
        // The answer may be of a later state. Then the next look-up does not find it, which does no harm.
        if let Some(state) = state {
            self.answers(state).remember(key, answer.clone());
        }
        Ok(answer)
    }

    /// The answers of this thread's lane, of this state.
    fn answers(&self, state: State) -> MutexGuard<'_, Answers<T>> {
        let Lane(answers) = &self.0.lanes[lane()];
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.state != Some(state) {
            answers.by_key.clear();
            answers.state = Some(state);
        }
        answers
    }
}

impl<T> Answers<T> {
    fn remember(&mut self, key: String, answer: T) {
        if self.by_key.len() == ANSWERS {
            self.by_key.clear();
        }
        self.by_key.insert(key, answer);
    }
}

/// No answers.
impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self {
            state: None,
            by_key: HashMap::new(),
        }
    }
}

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Shows no answers.
impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("database", &self.0.database)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Synchronous;

    #[tokio::test]
    async fn a_thread_remembers_a_bounded_number_of_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let database = Database::open(path, Synchronous::Normal).unwrap();
        let remembered = Remembered::new(database, "look up", |_, key| Ok(key.to_owned())).unwrap();
        let count = || -> usize {
            let lanes = remembered.0.lanes.iter();
            lanes.map(|lane| lane.0.lock().unwrap().by_key.len()).sum()
        };
        for key in 0..2 * ANSWERS {
            let key = key.to_string();
            assert_eq!(remembered.get(&key).await.unwrap(), key);
            assert_eq!(count(), key.parse::<usize>().unwrap() % ANSWERS + 1);
        }
    }
}
