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

/// The time for which a full bucket is kept, so that a server whose clock is behind cannot start a new one too early. A
/// bucket whose time is further ahead of a server's clock is set back.
const CLOCK_DIFFERENCE_ALLOWED: Duration = Duration::from_secs(60 * 60);

/// The number of leaps that a bucket remembers: of so many visits to a clock that is wrong, each can be undone.
const LEAPS: usize = 4;

/// The number of reads of a bucket of flows. An attempt that loses as many races finds no token: a flood of concurrent calls
/// would otherwise read a large bucket again and again.
const READS_OF_FLOWS: u32 = 16;

/// The key of the counted attempts, and their limit.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    key: String,
    /// The number of reads after which an attempt finds no token.
    reads: u32,
    /// The time for which a full bucket is kept.
    kept: Duration,
}

impl Bucket {
    /// Creates a bucket of guesses or emails, which must be exact. Each conflict means that another call took a token, so one
    /// read more than the capacity decides.
    fn exact(limit: RateLimit, key: String) -> Self {
        Self {
            limit,
            key,
            reads: limit.capacity.saturating_add(1),
            kept: CLOCK_DIFFERENCE_ALLOWED,
        }
    }

    /// Creates a bucket of flows that begin, which must be small and cheap: it is not kept when it is full, and never admits
    /// too many calls, but may refuse one that loses many races.
    fn of_flows(limit: RateLimit, key: String) -> Self {
        Self {
            limit,
            key,
            reads: limit.capacity.saturating_add(1).min(READS_OF_FLOWS),
            kept: Duration::ZERO,
        }
    }

    /// Returns the bucket of signins of a user, which anybody can begin.
    pub(crate) fn create_signin(limits: &RateLimits, user_id: &str) -> Self {
        let key = format!("create_signin.{}", digest(user_id));
        Self::of_flows(limits.create_signin, key)
    }

    /// Returns the bucket of user password updates and user deletions, which the sessions of a user begin.
    pub(crate) fn create_session_flow(limits: &RateLimits, user_id: &str) -> Self {
        let key = format!("create_session_flow.{}", digest(user_id));
        Self::of_flows(limits.create_session_flow, key)
    }

    /// Returns how many tokens are used if so many are left.
    pub(crate) fn used(&self, tokens: u32) -> u32 {
        self.limit.capacity.saturating_sub(tokens)
    }

    /// Returns the bucket of attempts to verify a user's password.
    pub(crate) fn verify_user_password(limits: &RateLimits, user_id: &str) -> Self {
        let key = format!("verify_user_password.{}", digest(user_id));
        Self::exact(limits.verify_user_password, key)
    }

    /// Returns the bucket of emails to an address. `A@x` and `a@x` may be one mailbox, so they share a bucket.
    pub(crate) fn send_email(limits: &RateLimits, email_address: &str) -> Self {
        let folded = email_address.to_ascii_lowercase();
        let key = format!("send_email.{}", digest(&folded));
        Self::exact(limits.send_email, key)
    }

    /// Returns the bucket of attempts to verify the code of the flow with this record ID.
    pub(crate) fn verify_email_address_verification_code(
        limits: &RateLimits,
        record_id: &str,
    ) -> Self {
        let key = format!("verify_email_address_verification_code.{record_id}");
        Self::exact(limits.verify_email_address_verification_code, key)
    }

    /// Returns the bucket of attempts to verify the temporary password of the reset with this record ID.
    pub(crate) fn verify_temporary_password(limits: &RateLimits, record_id: &str) -> Self {
        let key = format!("verify_temporary_password.{record_id}");
        Self::exact(limits.verify_temporary_password, key)
    }
}

/// Hashes addresses and user IDs, which may have any form, for use in a key.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The stored state of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BucketState {
    tokens: u32,
    /// The time from which refills are counted. It moves backwards only when the bucket is set back.
    refilled_at: UnixTime,
    /// The last leaps, oldest first. Buckets of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaps: Vec<Leap>,
}

/// A step of a bucket's time by more than an hour: nobody came for so long, or a clock is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Leap {
    /// The time of the bucket before.
    from: UnixTime,
    /// The number of tokens before.
    had: u32,
    /// The number of tokens taken since, until the next leap.
    taken: u32,
}

impl BucketState {
    fn full(limit: RateLimit, now: UnixTime) -> Self {
        // A new bucket was full for ever.
        let leap = Leap {
            from: UnixTime::from_milliseconds(0),
            had: limit.capacity,
            taken: 0,
        };
        Self {
            tokens: limit.capacity,
            refilled_at: now,
            leaps: vec![leap],
        }
    }

    fn empty(now: UnixTime) -> Self {
        Self {
            tokens: 0,
            refilled_at: now,
            leaps: vec![],
        }
    }

    /// Returns the bucket at `now`. If its time is more than an hour ahead, one of the clocks is wrong, and the bucket
    /// is set back.
    fn refilled(self, limit: RateLimit, now: UnixTime) -> Self {
        if self.refilled_at > now.saturating_add(CLOCK_DIFFERENCE_ALLOWED) {
            return self.set_back(limit, now);
        }
        let (tokens, refilled_at) = refill(self.tokens, self.refilled_at, limit, now);
        let mut leaps = self.leaps;
        let is_leap = now > self.refilled_at.saturating_add(CLOCK_DIFFERENCE_ALLOWED);
        if is_leap || leaps.is_empty() {
            let excess = (leaps.len() + 1).saturating_sub(LEAPS);
            leaps.drain(..excess);
            leaps.push(Leap {
                from: self.refilled_at,
                had: self.tokens,
                taken: 0,
            });
        }
        Self {
            tokens,
            refilled_at,
            leaps,
        }
    }

    /// Returns the bucket as if all that was taken ahead of `now` had been taken at `now`. If nothing is left then, one
    /// token is lent to it. If that is no gain, the bucket stays as it is.
    ///
    /// The bound on guesses holds for any clocks, because each token is paid with an interval that lies between
    /// readings of clocks and pays for no other. Tokens taken since the last leap from a time before `now` may have
    /// been paid with time after `now`; they are paid again, as far as the bucket before that leap had none for them,
    /// with the time that follows. So is the token that is lent, which is why the bucket's new time must not be later
    /// than the one that a clock has shown.
    fn set_back(self, limit: RateLimit, now: UnixTime) -> Self {
        let mut leaps = self.leaps.clone();
        let mut undone = Leap {
            from: now,
            had: 0,
            taken: 0,
        };
        while let Some(leap) = leaps.pop() {
            let taken = undone.taken.saturating_add(leap.taken);
            undone = Leap { taken, ..leap };
            if leap.from <= now {
                break;
            }
        }
        let (had, from) = refill(undone.had, undone.from, limit, now);
        let (tokens, to_pay) = match had.saturating_sub(undone.taken) {
            0 => (1, undone.taken.saturating_sub(had).saturating_add(1)),
            left => (left, 0),
        };
        let refilled_at = from
            .max(now)
            .saturating_add(limit.interval.saturating_mul(to_pay));
        if refilled_at >= self.refilled_at {
            let tokens = self.tokens.min(limit.capacity);
            return Self { tokens, ..self };
        }
        leaps.push(undone);
        Self {
            tokens,
            refilled_at,
            leaps,
        }
    }

    /// Returns the bucket with one token less, if it has one.
    fn consumed(mut self) -> Option<Self> {
        self.tokens = self.tokens.checked_sub(1)?;
        if let Some(leap) = self.leaps.last_mut() {
            leap.taken = leap.taken.saturating_add(1);
        }
        Some(self)
    }

    /// Returns the bucket with one token more, unless it is full. Its refills are counted from `now`, so it never has more
    /// than if the token had not been taken: without that, it might have been full meanwhile, and have saved up no time.
    fn returned(mut self, limit: RateLimit, now: UnixTime) -> Option<Self> {
        let tokens = self.tokens.saturating_add(1);
        self.refilled_at = self.refilled_at.max(now);
        (tokens <= limit.capacity).then_some(Self { tokens, ..self })
    }

    /// Returns the time from which on the bucket can be dropped without an effect.
    fn expires_at(&self, bucket: &Bucket) -> UnixTime {
        let missing = bucket
            .limit
            .interval
            .saturating_mul(bucket.used(self.tokens));
        self.refilled_at
            .saturating_add(missing)
            .saturating_add(bucket.kept)
    }

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers")
    }
}

/// Returns the tokens and the time of a bucket at `now`: one more token for each whole interval since the last refill,
/// and none if `now` is not after it. A full bucket saves up no time.
pub(crate) fn refill(
    tokens: u32,
    refilled_at: UnixTime,
    limit: RateLimit,
    now: UnixTime,
) -> (u32, UnixTime) {
    let interval = limit.interval.as_millis();
    let elapsed = now.saturating_since(refilled_at).as_millis();
    let gained = elapsed / interval;
    let filled = u128::from(tokens) + gained;
    if filled >= u128::from(limit.capacity) {
        return (limit.capacity, now.max(refilled_at));
    }
    let advanced = Duration::from_millis(u64::try_from(gained * interval).unwrap_or(u64::MAX));
    (
        u32::try_from(filled).unwrap_or(limit.capacity),
        refilled_at.saturating_add(advanced),
    )
}

impl Invocation<'_> {
    /// Takes one token and returns whether there was one.
    ///
    /// Exact on any number of servers: with k tokens left, k of any number of concurrent calls succeed.
    pub(crate) async fn consume(&self, bucket: &Bucket) -> Result<bool, Fault> {
        Ok(self.consume_if(bucket, |_| Ok(())).await?.is_some())
    }

    /// Like [`Invocation::consume`], and returns what `acquire` returns. It gets the number of tokens, and is called once, if
    /// there is a token and before that is taken; its failure takes no token.
    pub(crate) async fn consume_if<T: Send>(
        &self,
        bucket: &Bucket,
        acquire: impl Fn(u32) -> Result<T, Fault> + Send,
    ) -> Result<Option<T>, Fault> {
        let mut acquired = None;
        for _ in 0..bucket.reads {
            let entry = self.bucket_entry(bucket).await?;
            let now = self.now();
            let Some(state) = self.bucket_state(bucket, entry.as_ref(), now) else {
                self.write_bucket(bucket, BucketState::empty(now), entry)
                    .await?;
                return Ok(None);
            };
            let tokens = state.tokens;
            let Some(consumed) = state.consumed() else {
                return Ok(None);
            };
            let held = match acquired.take() {
                Some(held) => held,
                None => acquire(tokens)?,
            };
            if self.write_bucket(bucket, consumed, entry).await? {
                return Ok(Some(held));
            }
            acquired = Some(held);
        }
        Ok(None)
    }

    /// Gives back a token that this invocation has taken. A bucket that is full, or dropped because it was, stays as it is.
    /// After as many conflicts as an attempt may lose, the token is lost. Nothing is gained as long as an action takes less than
    /// an interval.
    pub(crate) async fn give_back(&self, bucket: &Bucket) -> Result<(), Fault> {
        for _ in 0..bucket.reads {
            let Some(entry) = self.bucket_entry(bucket).await? else {
                break;
            };
            let now = self.now();
            let state = self.bucket_state(bucket, Some(&entry), now);
            let Some(state) = state.and_then(|state| state.returned(bucket.limit, now)) else {
                break;
            };
            if self.write_bucket(bucket, state, Some(entry)).await? {
                break;
            }
        }
        Ok(())
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
        let (storage, expires_at) = (self.rate_limit_storage(), state.expires_at(bucket));
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
