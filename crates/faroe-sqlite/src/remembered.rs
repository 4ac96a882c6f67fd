//! Answers that stay right for as long as the file stays as it is.

use std::{
    array,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error};

use crate::{database::Database, reader::LANES, snapshot::Snapshot};

/// Answers that a lane remembers.
const ANSWERS: usize = 1000;

/// Looks up by a key, and remembers the answers until something in the database changes, whoever changes it. Clones share
/// what they remember: 1,000 answers for each thread at most.
///
/// A look-up is a [`Database::read`] like any other: it sees every write that was acknowledged before, also by another
/// process. What it saves is the query, not the look whether anything has changed.
#[derive(Clone)]
pub struct Remembered<T> {
    database: Database,
    lanes: Arc<[Mutex<Answers<T>>; LANES]>,
}

struct Answers<T> {
    /// Of which state of the database they are.
    state: u64,
    by_key: HashMap<String, T>,
}

impl<T: Clone + Send + 'static> Remembered<T> {
    /// Nothing is remembered yet.
    pub fn new(database: Database) -> Self {
        let lanes = array::from_fn(|_| {
            Mutex::new(Answers {
                state: 0,
                by_key: HashMap::new(),
            })
        });
        Self {
            database,
            lanes: Arc::new(lanes),
        }
    }

    /// What the query answers to the key. It must depend on nothing but the key and the database, and be the same query each
    /// time. `operation` names it in errors, such as `find a user`.
    ///
    /// # Errors
    ///
    /// When the query fails.
    pub async fn read<Q>(
        &self,
        operation: &'static str,
        key: String,
        query: Q,
    ) -> Result<T, AdapterError>
    where
        Q: Fn(&Connection, &str) -> Result<T, Error> + Send + 'static,
    {
        let lanes = Arc::clone(&self.lanes);
        let look_up = move |snapshot: &Snapshot<'_>| {
            let Some((lane, state)) = snapshot.lane_and_state()? else {
                return query(snapshot.connection, &key);
            };
            let mut answers = lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
            if answers.state != state {
                answers.by_key.clear();
                answers.state = state;
            }
            if let Some(answer) = answers.by_key.get(&key) {
                return Ok(answer.clone());
            }
            let answer = query(snapshot.connection, &key)?;
            if answers.by_key.len() == ANSWERS {
                answers.by_key.clear();
            }
            answers.by_key.insert(key.clone(), answer.clone());
            Ok(answer)
        };
        self.database.read_snapshot(operation, look_up).await
    }
}

/// Does not show what is remembered.
impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Synchronous;

    #[tokio::test]
    async fn no_more_answers_are_remembered_than_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let database = Database::open(path, Synchronous::Normal).unwrap();
        let remembered = Remembered::new(database);
        let count = || -> usize {
            let lanes = remembered.lanes.iter();
            lanes.map(|lane| lane.lock().unwrap().by_key.len()).sum()
        };
        for key in 0..2 * ANSWERS {
            let read = remembered.read("look up", key.to_string(), |_, key| Ok(key.to_owned()));
            assert_eq!(read.await.unwrap(), key.to_string());
            assert_eq!(count(), key % ANSWERS + 1);
        }
    }
}
