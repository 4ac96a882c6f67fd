//! Flows in general: records that a change of their user ends, and records that belong to a session.

use faroe_protocol::{
    id::SessionId,
    secret::{Password, SessionToken},
    user::User,
};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    hashing::HashingPlace,
    invocation::Invocation,
    password::PasswordHash,
    record::{Held, Record},
    session::SessionRecord,
    user::RememberedUser,
};

/// A flow of an existing user.
pub(crate) trait UserFlow: Record {
    /// Returns the state of the user that the flow remembers.
    fn user(&self) -> &RememberedUser;

    /// Returns the remembered state for changing it.
    fn user_mut(&mut self) -> &mut RememberedUser;
}

/// A flow of a signed-in user. It belongs to one session.
pub(crate) trait SessionFlow: UserFlow {
    /// Returns the session that started the flow. No other session may continue it.
    fn session_id(&self) -> &SessionId;
}

/// The number of weak passwords with which a flow ends. The limit per user or address does not count them, and each costs a check.
const WEAK_PASSWORDS: u8 = 10;

/// The weak passwords that a flow was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct WeakPasswords(u8);

impl WeakPasswords {
    pub(crate) fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// Checks whether the flow has ended.
    pub(crate) fn are_too_many(self) -> bool {
        self.0 >= WEAK_PASSWORDS
    }

    pub(crate) fn count_one(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}

/// A flow that sets a new password.
pub(crate) trait PasswordFlow: Record {
    fn set_new_password_hash(&mut self, hash: PasswordHash);

    fn weak_passwords_mut(&mut self) -> &mut WeakPasswords;
}

/// A session, one of its flows and their user, opened by two tokens.
#[derive(Debug)]
pub(crate) struct Opened<R> {
    pub(crate) session: Held<SessionRecord>,
    pub(crate) flow: Held<R>,
    pub(crate) user: User,
}

/// The reason why a session token and a flow token do not open a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotOpened {
    Session,
    Flow,
    /// Both tokens are valid, but the flow belongs to another session.
    Mismatch,
}

impl Invocation<'_> {
    /// Returns the valid flow that the token opens, and its user. Removes a flow that a change of its user has ended.
    pub(crate) async fn user_flow<R: UserFlow>(
        &self,
        token: &str,
    ) -> Result<Option<(Held<R>, User)>, Fault> {
        let Some(mut flow) = self.find::<R>(token).await? else {
            return Ok(None);
        };
        let user = self.user(&flow.record.user().id).await?;
        let is_valid = |flow: &Held<R>| {
            let user = user.as_ref();
            user.is_some_and(|user| flow.record.user().is_unchanged(user))
        };
        if !is_valid(&flow) {
            // The flow may have rehashed the user's password between the two reads; it has recorded that by now.
            flow = match self.find::<R>(token).await? {
                Some(flow) => flow,
                None => return Ok(None),
            };
        }
        if !is_valid(&flow) {
            self.discard(&flow).await;
            return Ok(None);
        }
        Ok(user.map(|user| (flow, user)))
    }

    /// Writes back a flow that has just verified a password, and rehashes the password if its hash uses a previous
    /// algorithm. The flow stays valid, because it records the salt of the new hash before the user store does.
    pub(crate) async fn update_verified<R: UserFlow>(
        &self,
        flow: &mut Held<R>,
        user: &User,
        password: &Password,
        place: &HashingPlace,
    ) -> Result<(), Fault> {
        let rehashed = self.rehash(user, password, place).await;
        if let Some(hash) = &rehashed {
            flow.record.user_mut().rehash_salt = Some(hash.salt.clone());
        }
        self.update(flow).await?;
        if let Some(hash) = rehashed {
            let counter = user.password_hash_counter;
            let updated = self
                .update_user_password_hash(&user.id, &hash, counter)
                .await;
            // If the hash cannot be replaced, the old one stays in use.
            self.tolerate(updated);
        }
        Ok(())
    }

    /// Returns the valid session that the token opens, its flow, and their user.
    pub(crate) async fn session_flow<R: SessionFlow>(
        &self,
        session_token: &SessionToken,
        flow_token: &str,
    ) -> Result<Result<Opened<R>, NotOpened>, Fault> {
        let Some((session, user)) = self.session_and_user(session_token).await? else {
            return Ok(Err(NotOpened::Session));
        };
        let Some(flow) = self.find::<R>(flow_token).await? else {
            return Ok(Err(NotOpened::Flow));
        };
        let remembered = flow.record.user();
        let is_valid = if remembered.id == user.id {
            remembered.is_unchanged(&user)
        } else {
            let owner = self.user(&remembered.id).await?;
            owner.is_some_and(|owner| remembered.is_unchanged(&owner))
        };
        if !is_valid {
            self.discard(&flow).await;
            return Ok(Err(NotOpened::Flow));
        }
        if *flow.record.session_id() != SessionId::from(&session) {
            return Ok(Err(NotOpened::Mismatch));
        }
        Ok(Ok(Opened {
            session,
            flow,
            user,
        }))
    }
}

/// Opens a session and one of its flows, or returns the error code of the token that opens nothing. `$codes` is the
/// action's enum and `$invalid_flow_token` its code for the flow's token.
macro_rules! open {
    ($invocation:ident, $session_token:expr, $flow_token:expr, $codes:ident::$invalid_flow_token:ident) => {
        match $invocation
            .session_flow(&$session_token, $flow_token.expose())
            .await?
        {
            Ok(opened) => opened,
            Err(crate::flow::NotOpened::Session) => return Err($codes::InvalidSessionToken.into()),
            Err(crate::flow::NotOpened::Flow) => return Err($codes::$invalid_flow_token.into()),
            Err(crate::flow::NotOpened::Mismatch) => return Err($codes::SessionMismatch.into()),
        }
    };
}

pub(crate) use open;
