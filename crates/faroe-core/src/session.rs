//! Sessions: created by a sign-up, a sign-in or a password reset, checked at each use, ended by a sign-out.

mod password_change;

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    id::{SessionId, UserId},
    secret::SessionToken,
    session::{
        DeleteAllSessions, DeleteAllSessionsErrorCode, DeleteSession, DeleteSessionErrorCode,
        GetSession, GetSessionErrorCode, GetSessionValues, Session,
    },
    types::Counter,
    user::User,
};
use serde::{Deserialize, Serialize};

use self::password_change::PasswordChange;
use crate::{
    configuration::SessionConfiguration,
    fault::Fault,
    invocation::{Answer, Invocation, Run},
    record::{self, Held, Record, Token},
    storage::Cache,
    time::UnixTime,
    user::{RememberedUser, SeenUser},
    user_store::UpdateUserOutcome,
};

/// The number of attempts at a step of ending sessions, or at reading one, while concurrent updates get in between.
const RACE_ATTEMPTS: usize = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    user_id: UserId,
    disabled_counter: Counter,
    sessions_counter: Counter,
    last_used_at: UnixTime,
    /// The time at which the user was last read.
    user_checked_at: UnixTime,
    /// The password changes that this session has on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    own_changes: Vec<PasswordChange>,
    /// Sessions of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<SeenUser>,
}

impl Record for SessionRecord {
    const NAME: &'static str = "session";
    /// The configuration sets the lifetime instead.
    const LIFETIME: Duration = Duration::MAX;

    fn expires_at(&self, created_at: UnixTime, configuration: &SessionConfiguration) -> UnixTime {
        let inactive_at = self
            .last_used_at
            .saturating_add(configuration.inactivity_timeout);
        absolute_expiration(created_at, configuration)
            .map_or(inactive_at, |expires_at| expires_at.min(inactive_at))
    }
}

impl SessionRecord {
    fn is_valid(&self, user: &User, now: UnixTime) -> bool {
        user.id == self.user_id
            && !user.disabled
            && user.disabled_counter == self.disabled_counter
            && self.seen.as_ref().is_none_or(|seen| seen.can_precede(user))
            && (user.sessions_counter == self.sessions_counter || self.has_changed(user, now))
    }

    /// Remembers the state of a user for whom the session is valid.
    fn follow(&mut self, user: &User) {
        if self.sessions_counter != user.sessions_counter {
            self.sessions_counter = user.sessions_counter;
            self.own_changes.clear();
        }
        if self.seen.as_ref().is_none_or(|seen| seen.is_outdated(user)) {
            self.seen = Some(SeenUser::new(user));
        }
    }
}

fn absolute_expiration(
    created_at: UnixTime,
    configuration: &SessionConfiguration,
) -> Option<UnixTime> {
    configuration
        .absolute_expiration
        .map(|expiration| created_at.saturating_add(expiration))
}

/// Checks whether `now` lies within `duration` after `since`. A time before `since` does not: a clock has stepped back.
fn is_within(now: UnixTime, since: UnixTime, duration: Duration) -> bool {
    since <= now && now < since.saturating_add(duration)
}

/// The format of a validated session in the cache.
#[derive(Debug, Serialize, Deserialize)]
struct CachedSession<'a, R> {
    secret_hash: &'a str,
    created_at: UnixTime,
    validated_at: UnixTime,
    record: R,
}

impl Run for GetSession {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let session = invocation.validate_session(&self.session_token).await?;
        let session = session.ok_or(GetSessionErrorCode::InvalidSessionToken)?;
        Ok(GetSessionValues::new(session))
    }
}

impl Run for DeleteSession {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let session = invocation.session_and_user(&self.session_token).await?;
        let (session, _) = session.ok_or(DeleteSessionErrorCode::InvalidSessionToken)?;
        if !invocation.end_session(&session).await? {
            return Err(DeleteSessionErrorCode::InvalidSessionToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for DeleteAllSessions {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let session = invocation.session_and_user(&self.session_token).await?;
        let (session, user) = session.ok_or(DeleteAllSessionsErrorCode::InvalidSessionToken)?;
        invocation.end_all_sessions(&user).await?;
        invocation.tolerate(invocation.end_session(&session).await);
        Ok(NoValues {})
    }
}

impl Held<SessionRecord> {
    fn to_session(&self, configuration: &SessionConfiguration) -> Session {
        let user_id = self.record.user_id.clone();
        session(self.id.clone(), user_id, self.created_at, configuration)
    }

    fn into_session(self, configuration: &SessionConfiguration) -> Session {
        session(self.id, self.record.user_id, self.created_at, configuration)
    }
}

fn session(
    id: String,
    user_id: UserId,
    created_at: UnixTime,
    configuration: &SessionConfiguration,
) -> Session {
    Session::new(
        id.into(),
        user_id,
        created_at.to_timestamp(),
        absolute_expiration(created_at, configuration).map(UnixTime::to_timestamp),
    )
}

impl Invocation<'_> {
    /// Creates a session, or returns `None` if the user was changed since it was read or differs from `remembered`.
    ///
    /// The user is read again after the session was stored. A change acknowledged before that read ends the session
    /// here; a later change finds the session in the storage.
    pub(crate) async fn create_session(
        &self,
        user: &User,
        remembered: &RememberedUser,
    ) -> Result<Option<(Session, SessionToken)>, Fault> {
        let now = self.now();
        let held = self
            .create(SessionRecord {
                user_id: user.id.clone(),
                disabled_counter: user.disabled_counter,
                sessions_counter: user.sessions_counter,
                last_used_at: now,
                user_checked_at: now,
                own_changes: vec![],
                seen: Some(SeenUser::new(user)),
            })
            .await?;
        let is_unchanged = self.user(&user.id).await.map(|user| {
            user.is_some_and(|user| {
                held.record.is_valid(&user, now) && remembered.is_unchanged(&user)
            })
        });
        match is_unchanged {
            Ok(true) => Ok(Some((
                held.to_session(self.session_configuration()),
                held.token(),
            ))),
            Ok(false) => {
                self.discard(&held).await;
                Ok(None)
            }
            Err(fault) => {
                self.discard(&held).await;
                Err(fault)
            }
        }
    }

    /// Returns the session that the token opens, and its user. Both are read from the stores, never from a cache, for
    /// actions that change something.
    pub(crate) async fn session_and_user(
        &self,
        token: &SessionToken,
    ) -> Result<Option<(Held<SessionRecord>, User)>, Fault> {
        let Some(session) = self.find::<SessionRecord>(token.expose()).await? else {
            return Ok(None);
        };
        let checked = self.check_user(session).await?;
        let Some((mut session, user)) = checked else {
            return Ok(None);
        };
        if self.note_use(&mut session, Some(&user)) {
            self.write_use(&session).await;
        }
        Ok(Some((session, user)))
    }

    /// Returns the session that the token opens. It may come from the configured cache.
    ///
    /// Rare steps are boxed to keep the future small.
    async fn validate_session(&self, token: &SessionToken) -> Result<Option<Session>, Fault> {
        let Some(token) = Token::parse(token.expose()) else {
            return Ok(None);
        };
        if let Some(cached) = self.cached_session(token).await {
            return Ok(cached);
        }
        let Some(mut session) = self.find_parsed::<SessionRecord>(token).await? else {
            return Ok(None);
        };
        let configuration = self.session_configuration();
        let asks_user_store = configuration
            .user_cache_expiration
            .is_none_or(|expiration| {
                !is_within(session.read_at, session.record.user_checked_at, expiration)
            });
        let mut user = None;
        if asks_user_store {
            let Some(checked) = self.check_user(session).await? else {
                return Ok(None);
            };
            (session, user) = (checked.0, Some(checked.1));
        }
        if self.note_use(&mut session, user.as_ref()) {
            Box::pin(self.write_use(&session)).await;
        }
        if let Some((cache, expiration)) = self.cache()
            && !Box::pin(self.cache_session(cache, expiration, &session)).await?
        {
            return Ok(None);
        }
        Ok(Some(session.into_session(configuration)))
    }

    /// Returns the session with its user if it is still valid for them. Removes the session otherwise.
    ///
    /// A password change that the session makes may have begun since the session was read. It changes the session
    /// before the user, so the session is read again before it counts as ended.
    async fn check_user(
        &self,
        mut session: Held<SessionRecord>,
    ) -> Result<Option<(Held<SessionRecord>, User)>, Fault> {
        for _ in 0..RACE_ATTEMPTS {
            let user = self.user(&session.record.user_id).await?;
            let valid = user.filter(|user| session.record.is_valid(user, session.read_at));
            if let Some(user) = valid {
                return Ok(Some((session, user)));
            }
            let Some(again) = Box::pin(self.find_again(&session)).await? else {
                return Ok(None);
            };
            if again.is_same_version(&session) {
                Box::pin(self.discard(&session)).await;
                return Ok(None);
            }
            session = again;
        }
        Ok(None)
    }

    /// Updates the times of the last use and the last check of the user, each at most once per interval. Returns
    /// whether the record has to be written.
    fn note_use(&self, session: &mut Held<SessionRecord>, user: Option<&User>) -> bool {
        let configuration = self.session_configuration();
        let now = session.read_at;
        let used = session
            .record
            .last_used_at
            .saturating_add(configuration.activity_check_interval)
            <= now;
        let checked = user.is_some()
            && configuration
                .user_cache_expiration
                .is_some_and(|expiration| {
                    !is_within(now, session.record.user_checked_at, expiration)
                });
        let seen = session.record.seen.as_ref();
        let changed = user.is_some_and(|user| seen.is_some_and(|seen| seen.is_outdated(user)));
        if used || checked || changed {
            session.record.last_used_at = now.max(session.record.last_used_at);
            if let Some(user) = user {
                session.record.user_checked_at = now;
                session.record.follow(user);
            }
        }
        used || checked || changed
    }

    /// Writes the times in the background. Neither a failure nor a conflict invalidates the session.
    async fn write_use(&self, session: &Held<SessionRecord>) {
        let mut session = session.clone();
        self.in_background(|invocation| {
            Box::pin(async move {
                let updated = invocation.update(&mut session).await;
                invocation.tolerate(updated);
            })
        })
        .await;
    }

    /// Removes the session from the storage and the cache, and returns whether this call removed it.
    pub(crate) async fn end_session(&self, session: &Held<SessionRecord>) -> Result<bool, Fault> {
        let was_there = self.remove(session).await?;
        self.forget_cached_session(session).await;
        Ok(was_there)
    }

    /// Ends all sessions of a user.
    ///
    /// The second increment ends a session for which a concurrent password change accepts the first one as its own. Any
    /// other increment in its place does, too.
    async fn end_all_sessions(&self, user: &User) -> Result<(), Fault> {
        let counter = user.sessions_counter;
        match self
            .increment_user_sessions_counter(&user.id, counter)
            .await?
        {
            UpdateUserOutcome::Updated => {}
            UpdateUserOutcome::UserNotFound => return Err(Fault::Conflict),
        }
        self.finish();
        let Some(counter) = counter.next() else {
            return Ok(());
        };
        let _: UpdateUserOutcome = self
            .increment_user_sessions_counter(&user.id, counter)
            .await
            .map_err(Fault::after_a_change)?;
        Ok(())
    }

    /// Looks the token up in the cache. Returns `None` if it is not cached, `Some(None)` if the secret is wrong or the
    /// session has expired.
    async fn cached_session(&self, token: Token<'_>) -> Option<Option<Session>> {
        let (cache, expiration) = self.cache()?;
        let Token { id, secret } = token;
        let key = record::key::<SessionRecord>(id);
        let get = self
            .within(
                self.timeouts().storage,
                "read a cached session",
                cache.get(&key),
            )
            .await;
        let value = self.tolerate(get)??;
        let cached: CachedSession<'_, SessionRecord> = serde_json::from_slice(&value).ok()?;
        let now = self.now();
        if !is_within(now, cached.validated_at, expiration) {
            return None;
        }
        if !record::is_secret(secret, cached.secret_hash)
            || self.is_expired(&cached.record, cached.created_at, now)
        {
            return Some(None);
        }
        Some(Some(session(
            id.to_owned(),
            cached.record.user_id,
            cached.created_at,
            self.session_configuration(),
        )))
    }

    /// Caches a session that was just validated. Returns whether it still exists: a sign-out between the validation and
    /// this has removed it, and the cache must not undo that.
    async fn cache_session(
        &self,
        cache: &dyn Cache,
        expiration: Duration,
        session: &Held<SessionRecord>,
    ) -> Result<bool, Fault> {
        let key = record::key::<SessionRecord>(&session.id);
        let cached = CachedSession {
            secret_hash: &record::hash_secret(&session.secret),
            created_at: session.created_at,
            validated_at: session.read_at,
            record: &session.record,
        };
        let value = serde_json::to_vec(&cached).expect("plain data with string keys");
        let set = self
            .within(
                self.timeouts().storage,
                "cache a session",
                cache.set(&key, &value, expiration),
            )
            .await;
        self.tolerate(set);
        let get = self.main_storage();
        let still_there = self
            .within(self.timeouts().storage, "read a record", get.get(&key))
            .await?
            .is_some();
        if !still_there {
            self.forget_cached_session(session).await;
        }
        Ok(still_there)
    }

    async fn forget_cached_session(&self, session: &Held<SessionRecord>) {
        let Some((cache, _)) = self.cache() else {
            return;
        };
        let key = record::key::<SessionRecord>(&session.id);
        let delete = self
            .within(
                self.timeouts().storage,
                "forget a cached session",
                cache.delete(&key),
            )
            .await;
        self.tolerate(delete);
    }
}

impl From<&Held<SessionRecord>> for SessionId {
    fn from(session: &Held<SessionRecord>) -> Self {
        Self::from(session.id.as_str())
    }
}
