//! Records: the state of a flow or a session in the main storage, opened by a token.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use faroe_protocol::types::{Counter, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    configuration::SessionConfiguration,
    fault::Fault,
    invocation::Invocation,
    random,
    storage::{DeleteOutcome, UpdateOutcome},
    time::UnixTime,
};

/// The format of stored records. A record of another version counts as missing. Fields may be added within a version.
const VERSION: u32 = 1;

/// The stored state of a flow or a session.
pub(crate) trait Record: Serialize + DeserializeOwned + Send + Sync {
    /// The protocol's name for the flow. It prefixes the record's key and separates the codes of different flows.
    const NAME: &'static str;

    /// The time from creation to expiry.
    const LIFETIME: Duration;

    /// Returns the time at which the record expires. It is valid before that time only.
    fn expires_at(&self, created_at: UnixTime, _configuration: &SessionConfiguration) -> UnixTime {
        created_at.saturating_add(Self::LIFETIME)
    }

    /// Checks whether the record has ended before its expiry. It then counts as missing.
    fn has_ended(&self) -> bool {
        false
    }
}

/// The format of a record in the storage. It is never sent to a client.
#[derive(Debug, Serialize, Deserialize)]
struct Stored<'a, R> {
    version: u32,
    /// The result of [`hash_secret`] for the token's secret.
    secret_hash: &'a str,
    created_at: UnixTime,
    record: R,
}

/// A record that was opened with its token.
#[derive(Clone)]
pub(crate) struct Held<R> {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    pub(crate) created_at: UnixTime,
    pub(crate) record: R,
    /// The time at which the record was read or created.
    pub(crate) read_at: UnixTime,
    /// The counter of the storage entry that was read.
    counter: Counter,
}

/// Shows the ID, but neither the secret nor the content.
impl<R> fmt::Debug for Held<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Held<R> {
    /// Returns the token that opens the record.
    pub(crate) fn token<T: From<String>>(&self) -> T {
        T::from(format!("{}.{}", self.id, *self.secret))
    }

    /// Checks whether the entry was not written between the two reads.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        self.counter == other.counter
    }

    /// Returns `created_at` and `expires_at` as they appear on the wire.
    pub(crate) fn lifetime(&self, configuration: &SessionConfiguration) -> (Timestamp, Timestamp) {
        let expires_at = self.record.expires_at(self.created_at, configuration);
        (self.created_at.to_timestamp(), expires_at.to_timestamp())
    }
}

/// The parts of a text that has the exact form of a token: `ID.secret`.
#[derive(Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl<'a> Token<'a> {
    /// Splits a token into its parts. Returns `None` for any other text.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (id, rest) = text.split_at_checked(random::ID_LENGTH)?;
        let secret = rest.strip_prefix('.')?;
        let is_token = random::is_id(id) && random::is_id(secret);
        is_token.then_some(Self { id, secret })
    }
}

pub(crate) fn key<R: Record>(id: &str) -> String {
    [R::NAME, ".", id].concat()
}

/// Returns the SHA-256 of a token's secret, in base64. The secret has 120 random bits, so a plain hash cannot be
/// guessed.
pub(crate) fn hash_secret(secret: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(secret))
}

/// Checks the secret against its hash in constant time.
pub(crate) fn is_secret(secret: &str, hash: &str) -> bool {
    hash_secret(secret).as_bytes().ct_eq(hash.as_bytes()).into()
}

impl Invocation<'_> {
    /// Creates a record with a new ID and secret.
    pub(crate) async fn create<R: Record>(&self, record: R) -> Result<Held<R>, Fault> {
        let now = self.now();
        let held = Held {
            id: random::id(),
            secret: Zeroizing::new(random::secret()),
            created_at: now,
            record,
            read_at: now,
            counter: Counter::ZERO,
        };
        let (value, expires_at) = self.encode(&held);
        let key = key::<R>(&held.id);
        let set = self.main_storage().set(&key, &value, expires_at);
        self.within(self.timeouts().storage, "create a record", set)
            .await?;
        Ok(held)
    }

    /// Returns the valid record that the token opens. A record that has expired or ended is removed.
    ///
    /// Until the secret is verified, nothing happens but one read of the storage, and not even that for a text that
    /// does not have the form of a token.
    pub(crate) async fn find<R: Record>(&self, token: &str) -> Result<Option<Held<R>>, Fault> {
        match Token::parse(token) {
            Some(token) => self.find_parsed(token).await,
            None => Ok(None),
        }
    }

    /// Like [`Invocation::find`], for a parsed token.
    pub(crate) async fn find_parsed<R: Record>(
        &self,
        token: Token<'_>,
    ) -> Result<Option<Held<R>>, Fault> {
        let Token { id, secret } = token;
        let key = key::<R>(id);
        let get = self.main_storage().get(&key);
        let entry = self
            .within(self.timeouts().storage, "read a record", get)
            .await?;
        let Some(entry) = entry else { return Ok(None) };
        let now = self.now();
        let text = std::str::from_utf8(&entry.value).ok();
        let stored: Option<Stored<'_, R>> = text.and_then(|text| serde_json::from_str(text).ok());
        let Some(stored) = stored.filter(|stored| stored.version == VERSION) else {
            return Ok(None);
        };
        if !is_secret(secret, stored.secret_hash) {
            return Ok(None);
        }
        let held = Held {
            id: id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            created_at: stored.created_at,
            record: stored.record,
            read_at: now,
            counter: entry.counter,
        };
        if held.record.has_ended() || self.is_expired(&held.record, held.created_at, now) {
            Box::pin(self.discard(&held)).await;
            return Ok(None);
        }
        Ok(Some(held))
    }

    /// Reads a record again.
    pub(crate) async fn find_again<R: Record>(
        &self,
        held: &Held<R>,
    ) -> Result<Option<Held<R>>, Fault> {
        let Held { id, secret, .. } = held;
        self.find_parsed(Token { id, secret }).await
    }

    pub(crate) fn is_expired<R: Record>(
        &self,
        record: &R,
        created_at: UnixTime,
        now: UnixTime,
    ) -> bool {
        let expires_at = record.expires_at(created_at, self.session_configuration());
        now >= expires_at
    }

    /// Writes the record back. Fails with [`Fault::Conflict`] if it was changed since it was read.
    pub(crate) async fn update<R: Record>(&self, held: &mut Held<R>) -> Result<(), Fault> {
        let (value, expires_at) = self.encode(held);
        let key = key::<R>(&held.id);
        let update = self
            .main_storage()
            .update(&key, &value, expires_at, held.counter);
        match self
            .within(self.timeouts().storage, "update a record", update)
            .await?
        {
            UpdateOutcome::Updated => {
                held.counter = held.counter.next().unwrap_or(Counter::MAX);
                Ok(())
            }
            UpdateOutcome::Conflict => Err(Fault::Conflict),
        }
    }

    /// Removes the record and returns whether this call removed it. At most one of any concurrent calls does.
    pub(crate) async fn remove<R: Record>(&self, held: &Held<R>) -> Result<bool, Fault> {
        let key = key::<R>(&held.id);
        let delete = self.main_storage().delete(&key);
        Ok(self
            .within(self.timeouts().storage, "remove a record", delete)
            .await?
            == DeleteOutcome::Deleted)
    }

    /// Removes a record that is no longer needed. A failure is only logged.
    pub(crate) async fn discard<R: Record>(&self, held: &Held<R>) {
        self.finish();
        self.tolerate(self.remove(held).await);
    }

    fn encode<R: Record>(&self, held: &Held<R>) -> (Vec<u8>, UnixTime) {
        let Held {
            secret,
            created_at,
            record,
            ..
        } = held;
        let stored = Stored {
            version: VERSION,
            secret_hash: &hash_secret(secret),
            created_at: *created_at,
            record,
        };
        let value = serde_json::to_vec(&stored)
            .expect("records have string keys and no failing serializer");
        (
            value,
            record.expires_at(*created_at, self.session_configuration()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p03_a_held_record_does_not_print_its_secret() {
        let held = Held {
            id: random::id(),
            secret: Zeroizing::new(random::secret()),
            created_at: UnixTime::from_milliseconds(0),
            record: "what it holds",
            read_at: UnixTime::from_milliseconds(0),
            counter: Counter::ZERO,
        };
        let printed = format!("{held:?}{held:#?}");
        assert!(printed.contains(&held.id));
        assert!(!printed.contains(&*held.secret) && !printed.contains(held.record));
    }

    #[test]
    fn every_character_of_a_hash_counts() {
        let secret = random::secret();
        let hash = hash_secret(&secret);
        assert!(is_secret(&secret, &hash));
        assert!(!is_secret(&random::secret(), &hash));
        for place in 0..hash.len() {
            let mut other = hash.clone();
            other.replace_range(place..=place, "-");
            assert!(!is_secret(&secret, &other), "{other}");
            assert!(!is_secret(&secret, &hash[..place]), "{place}");
        }
        assert!(!is_secret(&secret, &format!("{hash}{hash}")));
        assert!(!is_secret(&secret, &format!("{hash}a")));
    }

    #[test]
    fn only_the_exact_form_is_a_token() {
        let (id, secret) = (random::id(), random::id());
        let parse =
            |text: &str| Token::parse(text).map(|token| format!("{} {}", token.id, token.secret));
        assert_eq!(
            parse(&format!("{id}.{secret}")),
            Some(format!("{id} {secret}"))
        );
        for token in [
            String::new(),
            ".".to_owned(),
            id.clone(),
            format!("{id}{secret}"),
            format!("{id}."),
            format!(".{secret}"),
            format!("{id}.{secret}."),
            format!("{id}..{secret}"),
            format!("{id}.{secret} "),
            format!(" {id}.{secret}"),
            format!("{}.{secret}", id.to_uppercase()),
            format!("{id}a.{}", &secret[1..]),
            format!("{id}.{secret}{secret}"),
            format!("{}.{secret}", "a".repeat(60_000)),
        ] {
            assert_eq!(parse(&token), None, "{token}");
        }
    }
}
