//! Change of a user's password, by the user.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    id::SessionId,
    user_password_update::{
        CompleteUserPasswordUpdate, CompleteUserPasswordUpdateErrorCode, CreateUserPasswordUpdate,
        CreateUserPasswordUpdateErrorCode, CreateUserPasswordUpdateValues,
        DeleteUserPasswordUpdate, DeleteUserPasswordUpdateErrorCode, GetUserPasswordUpdate,
        GetUserPasswordUpdateErrorCode, GetUserPasswordUpdateValues,
        SetUserPasswordUpdateNewPassword, SetUserPasswordUpdateNewPasswordErrorCode,
        UserPasswordUpdate, VerifyUserPasswordUpdateUserPassword,
        VerifyUserPasswordUpdateUserPasswordErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    begun_flows,
    configuration::SessionConfiguration,
    email::EmailContent,
    flow::{Opened, PasswordFlow, SessionFlow, UserFlow, WeakPasswords, open},
    invocation::{Answer, Invocation, Run},
    password::PasswordHash,
    rate_limit::Bucket,
    record::{Held, Record},
    user::{NewPassword, PasswordAttempt, PasswordOwner, RememberedUser},
};

#[derive(Debug, Serialize, Deserialize)]
struct UserPasswordUpdateRecord {
    user: RememberedUser,
    session_id: SessionId,
    user_identity_verified: bool,
    new_password_hash: Option<PasswordHash>,
    #[serde(default, skip_serializing_if = "WeakPasswords::is_none")]
    weak_passwords: WeakPasswords,
}

impl Record for UserPasswordUpdateRecord {
    const NAME: &'static str = "user_password_update";
    const LIFETIME: Duration = begun_flows::LIFETIME;

    fn has_ended(&self) -> bool {
        self.weak_passwords.are_too_many()
    }
}

impl PasswordFlow for UserPasswordUpdateRecord {
    fn set_new_password_hash(&mut self, hash: PasswordHash) {
        self.new_password_hash = Some(hash);
    }

    fn weak_passwords_mut(&mut self) -> &mut WeakPasswords {
        &mut self.weak_passwords
    }
}

impl UserFlow for UserPasswordUpdateRecord {
    fn user(&self) -> &RememberedUser {
        &self.user
    }

    fn user_mut(&mut self) -> &mut RememberedUser {
        &mut self.user
    }
}

impl SessionFlow for UserPasswordUpdateRecord {
    fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

impl Held<UserPasswordUpdateRecord> {
    fn to_user_password_update(&self, configuration: &SessionConfiguration) -> UserPasswordUpdate {
        let (created_at, expires_at) = self.lifetime(configuration);
        UserPasswordUpdate::new(
            self.id.as_str().into(),
            self.record.user.id.clone(),
            self.record.session_id.clone(),
            self.record.user_identity_verified,
            self.record.new_password_hash.is_some(),
            created_at,
            expires_at,
        )
    }
}

impl Run for CreateUserPasswordUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let session = invocation.session_and_user(&self.session_token).await?;
        let (session, user) =
            session.ok_or(CreateUserPasswordUpdateErrorCode::InvalidSessionToken)?;
        let flows = Bucket::create_session_flow(invocation.rate_limits(), user.id.as_str());
        invocation.begin_flow(&flows).await?;
        let update = invocation
            .create(UserPasswordUpdateRecord {
                user: RememberedUser::new(&user),
                session_id: SessionId::from(&session),
                user_identity_verified: false,
                new_password_hash: None,
                weak_passwords: WeakPasswords::default(),
            })
            .await?;
        Ok(CreateUserPasswordUpdateValues::new(
            update.to_user_password_update(invocation.session_configuration()),
            update.token(),
        ))
    }
}

impl Run for GetUserPasswordUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = GetUserPasswordUpdateErrorCode;
        let opened: Opened<UserPasswordUpdateRecord> = open!(
            invocation,
            self.session_token,
            self.user_password_update_token,
            Code::InvalidPasswordUpdateToken
        );
        let user_password_update = opened
            .flow
            .to_user_password_update(invocation.session_configuration());
        Ok(GetUserPasswordUpdateValues::new(user_password_update))
    }
}

impl Run for DeleteUserPasswordUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteUserPasswordUpdateErrorCode;
        let opened: Opened<UserPasswordUpdateRecord> = open!(
            invocation,
            self.session_token,
            self.user_password_update_token,
            Code::InvalidPasswordUpdateToken
        );
        if !invocation.remove(&opened.flow).await? {
            return Err(Code::InvalidPasswordUpdateToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for VerifyUserPasswordUpdateUserPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifyUserPasswordUpdateUserPasswordErrorCode;
        let Opened::<UserPasswordUpdateRecord> { mut flow, user, .. } = open!(
            invocation,
            self.session_token,
            self.user_password_update_token,
            Code::InvalidPasswordUpdateToken
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

impl Run for SetUserPasswordUpdateNewPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = SetUserPasswordUpdateNewPasswordErrorCode;
        let Opened::<UserPasswordUpdateRecord> { mut flow, user, .. } = open!(
            invocation,
            self.session_token,
            self.user_password_update_token,
            Code::InvalidPasswordUpdateToken
        );
        if !flow.record.user_identity_verified {
            return Err(Code::UserIdentityNotVerified.into());
        }
        if flow.record.new_password_hash.is_some() {
            return Err(Code::NewPasswordAlreadySet.into());
        }
        let owner = PasswordOwner {
            current_hash: Some(PasswordHash::from(&user)),
            ..PasswordOwner::from(&user)
        };
        match invocation
            .set_new_password(&mut flow, &self.password, owner)
            .await?
        {
            NewPassword::InvalidLength => Err(Code::InvalidPasswordLength.into()),
            NewPassword::Weak => Err(Code::WeakPassword.into()),
            NewPassword::WeakOnceTooOften => Err(Code::InvalidPasswordUpdateToken.into()),
            NewPassword::Set => Ok(NoValues {}),
        }
    }
}

impl Run for CompleteUserPasswordUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteUserPasswordUpdateErrorCode;
        let Opened::<UserPasswordUpdateRecord> {
            session,
            flow,
            user,
        } = open!(
            invocation,
            self.session_token,
            self.user_password_update_token,
            Code::InvalidPasswordUpdateToken
        );
        if !flow.record.user_identity_verified {
            return Err(Code::UserIdentityNotVerified.into());
        }
        let new_hash = flow
            .record
            .new_password_hash
            .as_ref()
            .ok_or(Code::NewPasswordNotSet)?;
        let session = invocation
            .prepare_to_keep_session(session, &user, new_hash)
            .await?
            .ok_or(Code::InvalidSessionToken)?;
        let user = invocation
            .change_password(user, new_hash, Some(session))
            .await?;
        invocation.discard(&flow).await;
        let (display_name, timestamp) = (user.display_name, invocation.now());
        let content = EmailContent::UserPasswordUpdatedNotification {
            display_name,
            timestamp,
        };
        invocation.notify(&user.email_address, content).await;
        Ok(NoValues {})
    }
}
