//! Deletion of a user, by the user.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    id::SessionId,
    user_deletion::{
        CompleteUserDeletion, CompleteUserDeletionErrorCode, CreateUserDeletion,
        CreateUserDeletionErrorCode, CreateUserDeletionValues, DeleteUserDeletion,
        DeleteUserDeletionErrorCode, GetUserDeletion, GetUserDeletionErrorCode,
        GetUserDeletionValues, UserDeletion, VerifyUserDeletionUserPassword,
        VerifyUserDeletionUserPasswordErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    begun_flows,
    configuration::SessionConfiguration,
    flow::{Opened, SessionFlow, UserFlow, open},
    invocation::{Answer, Invocation, Run},
    rate_limit::Bucket,
    record::{Held, Record},
    user::{PasswordAttempt, RememberedUser},
    user_store::UpdateUserOutcome,
};

#[derive(Debug, Serialize, Deserialize)]
struct UserDeletionRecord {
    user: RememberedUser,
    session_id: SessionId,
    user_identity_verified: bool,
}

impl Record for UserDeletionRecord {
    const NAME: &'static str = "user_deletion";
    const LIFETIME: Duration = begun_flows::LIFETIME;
}

impl UserFlow for UserDeletionRecord {
    fn user(&self) -> &RememberedUser {
        &self.user
    }

    fn user_mut(&mut self) -> &mut RememberedUser {
        &mut self.user
    }
}

impl SessionFlow for UserDeletionRecord {
    fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

impl Held<UserDeletionRecord> {
    fn to_user_deletion(&self, configuration: &SessionConfiguration) -> UserDeletion {
        let (created_at, expires_at) = self.lifetime(configuration);
        UserDeletion::new(
            self.id.as_str().into(),
            self.record.user.id.clone(),
            self.record.session_id.clone(),
            self.record.user_identity_verified,
            created_at,
            expires_at,
        )
    }
}

impl Run for CreateUserDeletion {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let session = invocation.session_and_user(&self.session_token).await?;
        let (session, user) = session.ok_or(CreateUserDeletionErrorCode::InvalidSessionToken)?;
        let flows = Bucket::create_session_flow(invocation.rate_limits(), user.id.as_str());
        invocation.begin_flow(&flows).await?;
        let user = RememberedUser::new(&user);
        let session_id = SessionId::from(&session);
        let deletion = invocation
            .create(UserDeletionRecord {
                user,
                session_id,
                user_identity_verified: false,
            })
            .await?;
        Ok(CreateUserDeletionValues::new(
            deletion.to_user_deletion(invocation.session_configuration()),
            deletion.token(),
        ))
    }
}

impl Run for GetUserDeletion {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = GetUserDeletionErrorCode;
        let opened: Opened<UserDeletionRecord> = open!(
            invocation,
            self.session_token,
            self.user_deletion_token,
            Code::InvalidUserDeletionToken
        );
        let user_deletion = opened
            .flow
            .to_user_deletion(invocation.session_configuration());
        Ok(GetUserDeletionValues::new(user_deletion))
    }
}

impl Run for DeleteUserDeletion {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteUserDeletionErrorCode;
        let opened: Opened<UserDeletionRecord> = open!(
            invocation,
            self.session_token,
            self.user_deletion_token,
            Code::InvalidUserDeletionToken
        );
        if !invocation.remove(&opened.flow).await? {
            return Err(Code::InvalidUserDeletionToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for VerifyUserDeletionUserPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifyUserDeletionUserPasswordErrorCode;
        let Opened::<UserDeletionRecord> { mut flow, user, .. } = open!(
            invocation,
            self.session_token,
            self.user_deletion_token,
            Code::InvalidUserDeletionToken
        );
        if flow.record.user_identity_verified {
            return Err(Code::UserIdentityAlreadyVerified.into());
        }
        match invocation.try_password(&user, &self.password).await? {
            PasswordAttempt::RateLimited => Err(Code::RateLimited.into()),
            PasswordAttempt::Incorrect => Err(Code::IncorrectPassword.into()),
            PasswordAttempt::Correct(place) => {
                flow.record.user_identity_verified = true;
                invocation
                    .update_verified(&mut flow, &user, &self.password, &place)
                    .await?;
                Ok(NoValues {})
            }
        }
    }
}

impl Run for CompleteUserDeletion {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteUserDeletionErrorCode;
        let Opened::<UserDeletionRecord> {
            session,
            flow,
            user,
        } = open!(
            invocation,
            self.session_token,
            self.user_deletion_token,
            Code::InvalidUserDeletionToken
        );
        if !flow.record.user_identity_verified {
            return Err(Code::UserIdentityNotVerified.into());
        }
        // Only one completion succeeds: a user is deleted once.
        let deleted = invocation.delete_user(&user.id).await;
        let outcome = invocation.unless_refused(deleted)?;
        invocation.discard(&flow).await;
        let Some(outcome) = outcome else {
            // Other tables refer to the user, who stays signed in.
            return Err(Code::InvalidUserDeletionToken.into());
        };
        invocation.tolerate(invocation.end_session(&session).await);
        match outcome {
            UpdateUserOutcome::Updated => Ok(NoValues {}),
            UpdateUserOutcome::UserNotFound => Err(Code::InvalidUserDeletionToken.into()),
        }
    }
}
