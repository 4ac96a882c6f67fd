//! Rate limits: token buckets shared by all servers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    configuration::{RateLimit, RateLimits},
    fault::Fault,
    invocation::Invocation,
    random::{self, hex},
    storage::{AddOutcome, RateLimitEntry, UpdateOutcome},
    time::UnixTime,
};

/// The time for which a full bucket is kept, so that a server whose clock is behind cannot start a new one too early.
const CLOCK_DIFFERENCE_ALLOWED: Duration = Duration::from_secs(60 * 60);

/// The key of the counted attempts, and their limit.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    key: String,
}

impl Bucket {
    /// Returns the bucket of attempts to verify a user's password.
    pub(crate) fn verify_user_password(limits: &RateLimits, user_id: &str) -> Self {
        Self {
            limit: limits.verify_user_password,
            key: format!("verify_user_password.{}", digest(user_id)),
        }
    }

    /// Returns the bucket of emails to an address. `A@x` and `a@x` may be one mailbox, so they share a bucket.
    pub(crate) fn send_email(limits: &RateLimits, email_address: &str) -> Self {
        let folded = email_address.to_ascii_lowercase();
        Self {
            limit: limits.send_email,
            key: format!("send_email.{}", digest(&folded)),
        }
    }

    /// Returns the bucket of attempts to verify the code of the flow with this record ID.
    pub(crate) fn verify_email_address_verification_code(
        limits: &RateLimits,
        record_id: &str,
    ) -> Self {
        let key = format!("verify_email_address_verification_code.{record_id}");
        Self {
            limit: limits.verify_email_address_verification_code,
            key,
        }
    }

    /// Returns the bucket of attempts to verify the temporary password of the reset with this record ID.
    pub(crate) fn verify_temporary_password(limits: &RateLimits, record_id: &str) -> Self {
        let key = format!("verify_temporary_password.{record_id}");
        Self {
            limit: limits.verify_temporary_password,
            key,
        }
    }
}

/// Hashes addresses and user IDs, which may have any form, for use in a key.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The stored state of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BucketState {
    tokens: u32,
    /// The time from which refills are counted. It never moves backwards.
    refilled_at: UnixTime,
}

impl BucketState {
    fn full(limit: RateLimit, now: UnixTime) -> Self {
        Self {
            tokens: limit.capacity,
            refilled_at: now,
        }
    }

    fn empty(now: UnixTime) -> Self {
        Self {
            tokens: 0,
            refilled_at: now,
        }
    }

    /// Returns the bucket at `now`: one more token for each whole interval since the last refill, and none if `now` is
    /// not after it. A full bucket saves up no time.
    fn refilled(self, limit: RateLimit, now: UnixTime) -> Self {
        let interval = limit.interval.as_millis();
        let elapsed = now.saturating_since(self.refilled_at).as_millis();
        let gained = elapsed / interval;
        let tokens = u128::from(self.tokens) + gained;
        if tokens >= u128::from(limit.capacity) {
            return Self {
                tokens: limit.capacity,
                refilled_at: now.max(self.refilled_at),
            };
        }
        let advanced = Duration::from_millis(u64::try_from(gained * interval).unwrap_or(u64::MAX));
        Self {
            tokens: u32::try_from(tokens).unwrap_or(limit.capacity),
            refilled_at: self.refilled_at.saturating_add(advanced),
        }
    }

    /// Returns the bucket with one token less, if it has one.
    fn consumed(self) -> Option<Self> {
        self.tokens
            .checked_sub(1)
            .map(|tokens| Self { tokens, ..self })
    }

    /// Returns the time from which on the bucket can be dropped without an effect.
    fn expires_at(self, limit: RateLimit) -> UnixTime {
        let missing = limit
            .interval
            .saturating_mul(limit.capacity.saturating_sub(self.tokens));
        self.refilled_at
            .saturating_add(missing)
            .saturating_add(CLOCK_DIFFERENCE_ALLOWED)
    }

    fn encode(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("two numbers")
    }
}

impl Invocation<'_> {
    /// Takes one token and returns whether there was one.
    ///
    /// Exact on any number of servers: with k tokens left, k of any number of concurrent calls succeed. Each conflict
    /// means that another call took a token, so one attempt more than the bucket's capacity decides.
    pub(crate) async fn consume(&self, bucket: &Bucket) -> Result<bool, Fault> {
        Ok(self.consume_with(bucket, || Ok(())).await?.is_some())
    }

    /// Like [`Invocation::consume`], and returns what `acquire` returns. It is called once, if there is a token and
    /// before that is taken; its failure takes no token.
    pub(crate) async fn consume_with<T: Send>(
        &self,
        bucket: &Bucket,
        acquire: impl Fn() -> Result<T, Fault> + Send,
    ) -> Result<Option<T>, Fault> {
        let mut acquired = None;
        for _ in 0..=bucket.limit.capacity {
            let entry = self.bucket_entry(bucket).await?;
            let now = self.now();
            let Some(state) = self.bucket_state(bucket, entry.as_ref(), now) else {
                self.write_bucket(bucket, BucketState::empty(now), entry)
                    .await?;
                return Ok(None);
            };
            let Some(consumed) = state.consumed() else {
                return Ok(None);
            };
            let held = match acquired.take() {
                Some(held) => held,
                None => acquire()?,
            };
            if self.write_bucket(bucket, consumed, entry).await? {
                return Ok(Some(held));
            }
            acquired = Some(held);
        }
        Ok(None)
    }

    /// Checks whether a token is left, without taking it.
    pub(crate) async fn has_token(&self, bucket: &Bucket) -> Result<bool, Fault> {
        let entry = self.bucket_entry(bucket).await?;
        Ok(self
            .bucket_state(bucket, entry.as_ref(), self.now())
            .is_some_and(|state| state.tokens > 0))
    }

    async fn bucket_entry(&self, bucket: &Bucket) -> Result<Option<RateLimitEntry>, Fault> {
        self.within(
            self.timeouts().storage,
            "read a rate limit",
            self.rate_limit_storage().get(&bucket.key),
        )
        .await
    }

    /// Returns the bucket at `now`, or `None` if the stored bucket cannot be read. It is then replaced by an empty one.
    fn bucket_state(
        &self,
        bucket: &Bucket,
        entry: Option<&RateLimitEntry>,
        now: UnixTime,
    ) -> Option<BucketState> {
        let Some(entry) = entry else {
            return Some(BucketState::full(bucket.limit, now));
        };
        let state: BucketState = serde_json::from_slice(&entry.value).ok()?;
        Some(state.refilled(bucket.limit, now))
    }

    /// Writes the bucket unless it was changed since it was read, and returns whether it was written.
    async fn write_bucket(
        &self,
        bucket: &Bucket,
        state: BucketState,
        read: Option<RateLimitEntry>,
    ) -> Result<bool, Fault> {
        let (storage, expires_at) = (self.rate_limit_storage(), state.expires_at(bucket.limit));
        let (value, limit) = (state.encode(), self.timeouts().storage);
        match read {
            None => {
                let entry_id = random::id();
                let add = storage.add(&bucket.key, &value, &entry_id, expires_at);
                Ok(self.within(limit, "start a rate limit", add).await? == AddOutcome::Added)
            }
            Some(RateLimitEntry {
                entry_id, counter, ..
            }) => {
                let update = storage.update(&bucket.key, &value, expires_at, &entry_id, counter);
                Ok(self.within(limit, "update a rate limit", update).await?
                    == UpdateOutcome::Updated)
            }
        }
    }
}

#[cfg(test)]
mod tests;
