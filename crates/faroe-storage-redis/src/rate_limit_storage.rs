//! The rate limit storage. A key holds the counter, four bytes in big-endian order, the length of the entry ID, one byte, the
//! entry ID, and the value. All but the value is the head.

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    storage::{AddOutcome, DeleteOutcome, RateLimitEntry, RateLimitStorage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};

use crate::{Redis, answers, commands, failure::Failure};

const GET: &str = "get a rate limit entry from Redis";
const ADD: &str = "add a rate limit entry to Redis";
const UPDATE: &str = "update a rate limit entry in Redis";
const DELETE: &str = "delete a rate limit entry from Redis";

/// A [`RateLimitStorage`] in Redis.
///
/// An entry exists for all operations until Redis drops it, which is after its expiry and the slack of the options.
#[derive(Clone, Debug)]
pub struct RedisRateLimitStorage {
    redis: Redis,
}

impl RedisRateLimitStorage {
    /// Uses Redis. Logs a warning if Redis drops entries when its memory is full, or does not report its policy.
    pub fn new(redis: Redis) -> Self {
        redis.warn_of_eviction("rate limit storage");
        Self { redis }
    }

    fn key(&self, key: &str) -> String {
        self.redis.key("rate_limit", key)
    }
}

fn head(counter: Counter, entry_id: &str) -> Result<Vec<u8>, AdapterError> {
    let length = u8::try_from(entry_id.len()).map_err(|_| {
        AdapterError::message("use an entry ID that is longer than an entry ID may be")
    })?;
    let counter = counter.get().to_be_bytes();
    Ok([&counter[..], &[length], entry_id.as_bytes()].concat())
}

fn decode(content: &[u8]) -> Result<RateLimitEntry, Failure> {
    let entry = content.split_first_chunk().and_then(|(counter, rest)| {
        let counter = Counter::new(i32::from_be_bytes(*counter))?;
        let (&length, rest) = rest.split_first()?;
        let (entry_id, value) = rest.split_at_checked(usize::from(length))?;
        Some(RateLimitEntry {
            value: value.to_vec(),
            entry_id: String::from_utf8(entry_id.to_vec()).ok()?,
            counter,
        })
    });
    entry.ok_or(Failure::Unexpected("the key holds a value of another type"))
}

#[async_trait]
impl RateLimitStorage for RedisRateLimitStorage {
    async fn get(&self, key: &str) -> Result<Option<RateLimitEntry>, AdapterError> {
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
        entry_id: &str,
        expires_at: UnixTime,
    ) -> Result<AddOutcome, AdapterError> {
        let content = [&head(Counter::ZERO, entry_id)?, value].concat();
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
        entry_id: &str,
        counter: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        let Some(next) = counter.next() else {
            let entry = self.get(key).await?;
            let is_the_one =
                |entry: RateLimitEntry| entry.entry_id == entry_id && entry.counter == counter;
            return if entry.is_some_and(is_the_one) {
                Err(AdapterError::new(UPDATE, "its counter is at the maximum"))
            } else {
                Ok(UpdateOutcome::Conflict)
            };
        };
        let content = [&head(next, entry_id)?, value].concat();
        let (head, lifetime) = (head(counter, entry_id)?, self.redis.lifetime(expires_at));
        let update = commands::update_matching(&self.key(key), &head, &content, lifetime);
        let answer = self.redis.write(&update).await;
        let outcome = answer.and_then(|answer| answers::updated(&answer));
        outcome.map_err(|failure| AdapterError::new(UPDATE, failure))
    }

    async fn delete(
        &self,
        key: &str,
        entry_id: &str,
        counter: Counter,
    ) -> Result<DeleteOutcome, AdapterError> {
        let delete = commands::delete_matching(&self.key(key), &head(counter, entry_id)?);
        let answer = self.redis.write(&delete).await;
        let outcome = answer.and_then(|answer| answers::deleted(&answer));
        outcome.map_err(|failure| AdapterError::new(DELETE, failure))
    }
}
