//! What the flows have in common: records that end with a change of their user, and records that belong to a session.

use faroe_protocol::{
    id::SessionId,
    secret::{Password, SessionToken},
    user::User,
};

use crate::{
    fault::Fault,
    hashing::HashingPlace,
    invocation::Invocation,
    record::{Held, Record},
    session::SessionRecord,
    user::RememberedUser,
};

/// A flow of a user who exists.
pub(crate) trait UserFlow: Record {
    /// What the flow remembers of its user.
    fn user(&self) -> &RememberedUser;

    /// The same, to be changed.
    fn user_mut(&mut self) -> &mut RememberedUser;
}

/// A flow of a user who is signed in: it belongs to one session.
pub(crate) trait SessionFlow: UserFlow {
    /// The session that has started the flow and alone may go on with it.
    fn session_id(&self) -> &SessionId;
}

/// What the tokens of a session and of one of its flows open.
#[derive(Debug)]
pub(crate) struct Opened<R> {
    pub(crate) session: Held<SessionRecord>,
    pub(crate) flow: Held<R>,
    pub(crate) user: User,
}

/// Which of a session token and a flow token does not open what it should.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotOpened {
    Session,
    Flow,
    /// Both are valid, but the flow belongs to another session.
    Mismatch,
}

impl Invocation<'_> {
    /// The living flow that the token opens, and its user. A flow that a change of its user has ended is removed.
    pub(crate) async fn user_flow<R: UserFlow>(
        &self,
        token: &str,
    ) -> Result<Option<(Held<R>, User)>, Fault> {
        let Some(mut flow) = self.find::<R>(token).await? else {
            return Ok(None);
        };
        let user = self.user(&flow.record.user().id).await?;
        let is_alive = |flow: &Held<R>| {
            let user = user.as_ref();
            user.is_some_and(|user| flow.record.user().is_unchanged(user))
        };
        if !is_alive(&flow) {
            // The flow may have hashed the user's password again between the two reads: it knows of that by now.
            flow = match self.find::<R>(token).await? {
                Some(flow) => flow,
                None => return Ok(None),
            };
        }
        if !is_alive(&flow) {
            self.discard(&flow).await;
            return Ok(None);
        }
        Ok(user.map(|user| (flow, user)))
    }

    /// Writes back a flow that has just verified a password, and hashes the password again if its hash is of an algorithm
    /// of the past. The flow survives that: it knows the salt of the new hash before the user has it.
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
            // If it cannot be replaced, the old one serves on.
            self.tolerate(updated);
        }
        Ok(())
    }

    /// The living session and its flow, and their user.
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
        let is_alive = if remembered.id == user.id {
            remembered.is_unchanged(&user)
        } else {
            let owner = self.user(&remembered.id).await?;
            owner.is_some_and(|owner| remembered.is_unchanged(&owner))
        };
        if !is_alive {
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

/// Opens a session and one of its flows, or answers the error code of what does not open. `$codes` is the action's enum
/// and `$invalid_flow_token` its code for the flow's token.
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
