//! The storage. A key holds the counter, four bytes in big-endian order, and the value.

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, Entry, Storage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};

use crate::{Redis, answers, commands, failure::Failure};

const GET: &str = "get an entry from Redis";
const ADD: &str = "add an entry to Redis";
const UPDATE: &str = "update an entry in Redis";
const DELETE: &str = "delete an entry from Redis";

/// A [`Storage`] in Redis.
///
/// An entry exists for all operations until Redis drops it, which is after its expiry and the slack of the options.
#[derive(Clone, Debug)]
pub struct RedisStorage {
    redis: Redis,
}

impl RedisStorage {
    /// Uses Redis. Logs a warning if Redis drops entries when its memory is full, or does not report its policy.
    pub fn new(redis: Redis) -> Self {
        redis.warn_of_eviction("storage");
        Self { redis }
    }

    fn key(&self, key: &str) -> String {
        self.redis.key("storage", key)
    }
}

fn head(counter: Counter) -> [u8; 4] {
    counter.get().to_be_bytes()
}

fn encode(counter: Counter, value: &[u8]) -> Vec<u8> {
    [&head(counter)[..], value].concat()
}

fn decode(content: &[u8]) -> Result<Entry, Failure> {
    let entry = content.split_first_chunk().and_then(|(counter, value)| {
        let counter = Counter::new(i32::from_be_bytes(*counter))?;
        let value = value.to_vec();
        Some(Entry { value, counter })
    });
    entry.ok_or(Failure::Unexpected("the key holds a value of another type"))
}

#[async_trait]
impl Storage for RedisStorage {
    async fn get(&self, key: &str) -> Result<Option<Entry>, AdapterError> {
        let answer = self.redis.read(&commands::get(&self.key(key))).await;
        let entry = answer
            .and_then(answers::content)
            .and_then(|content| content.map(|content| decode(&content)).transpose());
        entry.map_err(|failure| AdapterError::new(GET, failure))
    }

    async fn add(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let content = encode(Counter::ZERO, value);
        let add = commands::add(&self.key(key), &content, self.redis.lifetime(expires_at));
        let answer = self.redis.write(&add).await;
        let outcome = answer.and_then(|answer| answers::added(&answer));
        outcome.map_err(|failure| AdapterError::new(ADD, failure))
    }

    async fn update(
        &self,
        key: &str,
        value: &[u8],
        expires_at: UnixTime,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let Some(next) = counter.next() else {
            let entry = self.get(key).await?;
            return if entry.is_some_and(|entry| entry.counter == counter) {
                Err(AdapterError::new(UPDATE, "its counter is at the maximum"))
            } else {
                Ok(UpdateOutcome::Conflict)
            };
        };
        let (head, content) = (head(counter), encode(next, value));
        let lifetime = self.redis.lifetime(expires_at);
        let update = commands::update_matching(&self.key(key), &head, &content, lifetime);
        let answer = self.redis.write(&update).await;
        let outcome = answer.and_then(|answer| answers::updated(&answer));
        outcome.map_err(|failure| AdapterError::new(UPDATE, failure))
    }

    async fn delete(&self, key: &str) -> Result<DeleteOutcome, AdapterError> {
        let answer = self.redis.write(&commands::delete(&self.key(key))).await;
        let outcome = answer.and_then(|answer| answers::deleted(&answer));
        outcome.map_err(|failure| AdapterError::new(DELETE, failure))
    }
}
