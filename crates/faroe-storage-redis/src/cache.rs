//! The cache. A key holds the deadline, eight bytes in big-endian order, and the value.

use std::time::Duration;

use async_trait::async_trait;
use faroe_core::{error::AdapterError, storage::Cache};

use crate::{Redis, answers, client::milliseconds, commands};

const GET: &str = "get a value from the cache in Redis";
const SET: &str = "set a value in the cache in Redis";
const DELETE: &str = "delete a value from the cache in Redis";

/// A [`Cache`] in Redis, which the servers share.
///
/// A value expires when its time to live has passed by the clock of Redis or by the server's, whichever is first. Redis may
/// drop values to make room.
#[derive(Clone, Debug)]
pub struct RedisCache {
    redis: Redis,
}

impl RedisCache {
    /// Uses Redis.
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    fn key(&self, key: &str) -> String {
        self.redis.key("cache", key)
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AdapterError> {
        let answer = self.redis.read(&commands::get(&self.key(key))).await;
        let content = answer
            .and_then(answers::content)
            .map_err(|failure| AdapterError::new(GET, failure))?;
        let Some((deadline, value)) = content.as_deref().and_then(<[u8]>::split_first_chunk) else {
            return Ok(None);
        };
        let is_alive = self.redis.now().as_milliseconds() < i64::from_be_bytes(*deadline);
        Ok(is_alive.then(|| value.to_vec()))
    }

    async fn set(
        &self,
        key: &str,
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<(), AdapterError> {
        let deadline = self.redis.now().saturating_add(time_to_live);
        let content = [&deadline.as_milliseconds().to_be_bytes(), value].concat();
        let set = commands::set(&self.key(key), &content, milliseconds(time_to_live));
        match self.redis.write(&set).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(AdapterError::new(SET, failure)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), AdapterError> {
        match self.redis.write(&commands::delete(&self.key(key))).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(AdapterError::new(DELETE, failure)),
        }
    }
}
