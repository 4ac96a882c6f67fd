//! Sessions at a password change: the others end, and the one that makes the change goes on.

use std::time::Duration;

use faroe_protocol::{
    types::{Bytes, Counter},
    user::User,
};
use serde::{Deserialize, Serialize};

use super::{RACE_ATTEMPTS, SessionRecord};
use crate::{
    fault::Fault, invocation::Invocation, password::PasswordHash, record::Held, time::UnixTime,
    user_store::UpdateUserOutcome,
};

/// The time for which a session outlives the password change that it makes, until it has been written back. Longer than
/// an action takes, because the clocks of servers may differ.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// A password change that a session makes and outlives.
///
/// The session is valid before the change increments the sessions counter, and after that. `delete_all_sessions`
/// increments the counter twice, so it ends this session, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PasswordChange {
    /// The salt of the new password. It tells whether the change was made.
    password_salt: Bytes,
    until: UnixTime,
}

impl SessionRecord {
    /// Checks whether the user's sessions counter was moved by a password change of this session.
    pub(super) fn has_changed(&self, user: &User, now: UnixTime) -> bool {
        let is_made = |change: &PasswordChange| {
            now < change.until
                && !change.password_salt.is_empty()
                && change.password_salt == PasswordHash::from(user).to_parts().salt
        };
        self.sessions_counter.next() == Some(user.sessions_counter)
            && self.own_changes.iter().any(is_made)
    }
}

impl Invocation<'_> {
    /// Ends all sessions of a user whose password was just changed, if so configured. Returns the user with its new
    /// counter.
    ///
    /// Any increment after the change is enough: after a conflict this starts again from the other increment.
    pub(crate) async fn end_sessions_after_password_change(
        &self,
        mut user: User,
    ) -> Result<User, Fault> {
        if !self
            .session_configuration()
            .end_other_sessions_on_password_change
        {
            return Ok(user);
        }
        for _ in 0..RACE_ATTEMPTS {
            let counter = user.sessions_counter;
            if self
                .increment_user_sessions_counter(&user.id, counter)
                .await?
                == UpdateUserOutcome::Updated
            {
                user.sessions_counter = counter.next().unwrap_or(Counter::MAX);
                return Ok(user);
            }
            let Some(now) = self.user(&user.id).await? else {
                return Ok(user);
            };
            user.sessions_counter = now.sessions_counter;
        }
        Err(Fault::Conflict)
    }

    /// Prepares a session for the password change that it is about to make, so that it does not end with the user's
    /// other sessions. Returns the session, or `None` if it was ended since it was read.
    ///
    /// If the session's use is recorded at the same time, this starts again from the new record.
    pub(crate) async fn prepare_to_keep_session(
        &self,
        mut session: Held<SessionRecord>,
        user: &User,
        new_hash: &PasswordHash,
    ) -> Result<Option<Held<SessionRecord>>, Fault> {
        if !self
            .session_configuration()
            .end_other_sessions_on_password_change
        {
            return Ok(Some(session));
        }
        for _ in 0..RACE_ATTEMPTS {
            let now = self.now();
            let change = PasswordChange {
                password_salt: new_hash.salt.clone(),
                until: now.saturating_add(KEPT_FOR),
            };
            session.record.follow(user);
            let changes = &mut session.record.own_changes;
            changes.retain(|it| now < it.until && it.password_salt != change.password_salt);
            changes.push(change);
            match self.update(&mut session).await {
                Err(fault) if fault.is_conflict() => {}
                updated => return updated.map(|()| Some(session)),
            }
            match self.find_again(&session).await? {
                Some(now) if now.record.is_valid(user, now.read_at) => session = now,
                // Another change of this session was faster, and this one would fail.
                Some(_) => return Err(Fault::Conflict),
                None => return Ok(None),
            }
        }
        Err(Fault::Conflict)
    }

    /// Writes back a session that has just ended the user's other sessions. If the sessions counter has moved further,
    /// a concurrent request has ended this session too. A failure is only logged: the session's next use within a
    /// minute makes up for it.
    pub(crate) async fn keep_session(&self, mut session: Held<SessionRecord>, user: &User) {
        for _ in 0..RACE_ATTEMPTS {
            if session.record.sessions_counter.next() != Some(user.sessions_counter) {
                return;
            }
            session.record.follow(user);
            let updated = self.update(&mut session).await;
            if !updated.as_ref().is_err_and(Fault::is_conflict) {
                self.tolerate(updated);
                return;
            }
            let now = self.find_again(&session).await;
            let Some(Some(now)) = self.tolerate(now) else {
                return;
            };
            session = now;
        }
    }
}
