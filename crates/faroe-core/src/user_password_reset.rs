//! Reset of a forgotten password, with a temporary password sent by email.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    secret::TemporaryPassword,
    user_password_reset::{
        CompleteUserPasswordReset, CompleteUserPasswordResetErrorCode,
        CompleteUserPasswordResetValues, CreateUserPasswordReset, CreateUserPasswordResetErrorCode,
        CreateUserPasswordResetValues, DeleteUserPasswordReset, DeleteUserPasswordResetErrorCode,
        GetUserPasswordReset, GetUserPasswordResetErrorCode, GetUserPasswordResetValues,
        SetUserPasswordResetNewPassword, SetUserPasswordResetNewPasswordErrorCode,
        UserPasswordReset, VerifyUserPasswordResetTemporaryPassword,
        VerifyUserPasswordResetTemporaryPasswordErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    configuration::SessionConfiguration,
    email::EmailContent,
    email_budgets::EmailKind,
    flow::{PasswordFlow, UserFlow, WeakPasswords},
    invocation::{Answer, Invocation, Run},
    password::PasswordHash,
    random,
    rate_limit::Bucket,
    record::{Held, Record},
    user::{NewPassword, PasswordOwner, RememberedUser},
    validation::is_email_address,
};

#[derive(Debug, Serialize, Deserialize)]
struct UserPasswordResetRecord {
    user: RememberedUser,
    temporary_password_hash: PasswordHash,
    user_first_factor_verified: bool,
    new_password_hash: Option<PasswordHash>,
    #[serde(default, skip_serializing_if = "WeakPasswords::is_none")]
    weak_passwords: WeakPasswords,
}

impl Record for UserPasswordResetRecord {
    const NAME: &'static str = "user_password_reset";
    const LIFETIME: Duration = Duration::from_secs(20 * 60);

    fn has_ended(&self) -> bool {
        self.weak_passwords.are_too_many()
    }
}

impl PasswordFlow for UserPasswordResetRecord {
    fn set_new_password_hash(&mut self, hash: PasswordHash) {
        self.new_password_hash = Some(hash);
    }

    fn weak_passwords_mut(&mut self) -> &mut WeakPasswords {
        &mut self.weak_passwords
    }
}

impl UserFlow for UserPasswordResetRecord {
    fn user(&self) -> &RememberedUser {
        &self.user
    }

    fn user_mut(&mut self) -> &mut RememberedUser {
        &mut self.user
    }
}

impl Held<UserPasswordResetRecord> {
    fn to_user_password_reset(&self, configuration: &SessionConfiguration) -> UserPasswordReset {
        let (created_at, expires_at) = self.lifetime(configuration);
        UserPasswordReset::new(
            self.id.as_str().into(),
            self.record.user.id.clone(),
            self.record.user_first_factor_verified,
            self.record.new_password_hash.is_some(),
            created_at,
            expires_at,
        )
    }
}

impl Run for CreateUserPasswordReset {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CreateUserPasswordResetErrorCode;
        if !is_email_address(&self.user_email_address) {
            return Err(Code::InvalidEmailAddress.into());
        }
        let user = invocation
            .user_by_email_address(&self.user_email_address)
            .await?
            .ok_or(Code::UserNotFound)?;
        if user.disabled {
            return Err(Code::UserDisabled.into());
        }
        let place =
            invocation.take_email(EmailKind::TemporaryPassword, &user.email_address, || {
                invocation.hasher().place()
            });
        let place = place.await?.ok_or(Code::RateLimited)?;
        let temporary_password = TemporaryPassword::from(random::temporary_password());
        let hash = invocation
            .hasher()
            .hash_temporary_password(&place, temporary_password.expose());
        let temporary_password_hash = invocation.in_time("hash a password", hash).await?;
        let reset = invocation
            .create(UserPasswordResetRecord {
                user: RememberedUser::with_email_address(&user),
                temporary_password_hash,
                user_first_factor_verified: false,
                new_password_hash: None,
                weak_passwords: WeakPasswords::default(),
            })
            .await?;
        let display_name = user.display_name;
        let content = EmailContent::UserPasswordResetTemporaryPassword {
            display_name,
            temporary_password,
        };
        if let Err(fault) = invocation.send(&user.email_address, content).await {
            invocation.discard(&reset).await;
            return Err(fault.into());
        }
        Ok(CreateUserPasswordResetValues::new(
            reset.to_user_password_reset(invocation.session_configuration()),
            reset.token(),
        ))
    }
}

impl Run for GetUserPasswordReset {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let reset = invocation
            .user_flow::<UserPasswordResetRecord>(self.user_password_reset_token.expose())
            .await?;
        let (reset, _) =
            reset.ok_or(GetUserPasswordResetErrorCode::InvalidUserPasswordResetToken)?;
        let user_password_reset = reset.to_user_password_reset(invocation.session_configuration());
        Ok(GetUserPasswordResetValues::new(user_password_reset))
    }
}

impl Run for DeleteUserPasswordReset {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteUserPasswordResetErrorCode;
        let reset = invocation
            .user_flow::<UserPasswordResetRecord>(self.user_password_reset_token.expose())
            .await?;
        let (reset, _) = reset.ok_or(Code::InvalidUserPasswordResetToken)?;
        if !invocation.remove(&reset).await? {
            return Err(Code::InvalidUserPasswordResetToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for VerifyUserPasswordResetTemporaryPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifyUserPasswordResetTemporaryPasswordErrorCode;
        let reset = invocation
            .user_flow::<UserPasswordResetRecord>(self.user_password_reset_token.expose())
            .await?;
        let (mut reset, _) = reset.ok_or(Code::InvalidUserPasswordResetToken)?;
        if reset.record.user_first_factor_verified {
            return Err(Code::UserFirstFactorAlreadyVerified.into());
        }
        let attempts = Bucket::verify_temporary_password(invocation.rate_limits(), &reset.id);
        let place = invocation.consume_if(&attempts, |_| invocation.hasher().place());
        let place = place.await?.ok_or(Code::RateLimited)?;
        let (password, hash) = (
            self.temporary_password.expose(),
            &reset.record.temporary_password_hash,
        );
        let is_correct = random::is_temporary_password(password)
            && invocation
                .in_time(
                    "verify a password",
                    invocation
                        .hasher()
                        .verify_temporary_password(&place, password, hash),
                )
                .await?;
        if !is_correct {
            return Err(Code::IncorrectTemporaryPassword.into());
        }
        reset.record.user_first_factor_verified = true;
        invocation.update(&mut reset).await?;
        Ok(NoValues {})
    }
}

impl Run for SetUserPasswordResetNewPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = SetUserPasswordResetNewPasswordErrorCode;
        let reset = invocation
            .user_flow::<UserPasswordResetRecord>(self.user_password_reset_token.expose())
            .await?;
        let (mut reset, user) = reset.ok_or(Code::InvalidUserPasswordResetToken)?;
        if !reset.record.user_first_factor_verified {
            return Err(Code::UserFirstFactorNotVerified.into());
        }
        if reset.record.new_password_hash.is_some() {
            return Err(Code::NewPasswordAlreadySet.into());
        }
        match invocation
            .set_new_password(&mut reset, &self.password, PasswordOwner::from(&user))
            .await?
        {
            NewPassword::InvalidLength => Err(Code::InvalidPasswordLength.into()),
            NewPassword::Weak => Err(Code::WeakPassword.into()),
            NewPassword::WeakOnceTooOften => Err(Code::InvalidUserPasswordResetToken.into()),
            NewPassword::Set => Ok(NoValues {}),
        }
    }
}

impl Run for CompleteUserPasswordReset {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteUserPasswordResetErrorCode;
        let reset = invocation
            .user_flow::<UserPasswordResetRecord>(self.user_password_reset_token.expose())
            .await?;
        let (reset, user) = reset.ok_or(Code::InvalidUserPasswordResetToken)?;
        if !reset.record.user_first_factor_verified {
            return Err(Code::UserFirstFactorNotVerified.into());
        }
        let new_hash = reset
            .record
            .new_password_hash
            .as_ref()
            .ok_or(Code::NewPasswordNotSet)?;
        let user = invocation.change_password(user, new_hash, None).await?;
        invocation.discard(&reset).await;
        let (display_name, timestamp) = (user.display_name.clone(), invocation.now());
        let content = EmailContent::UserPasswordUpdatedNotification {
            display_name,
            timestamp,
        };
        invocation.notify(&user.email_address, content).await;
        let session = invocation
            .tolerate(
                invocation
                    .create_session(&user, &RememberedUser::new(&user))
                    .await,
            )
            .flatten();
        let (session, session_token) = session.ok_or(Code::SessionNotCreated)?;
        let (display_name, timestamp) = (user.display_name, invocation.now());
        let content = EmailContent::UserSignedInNotification {
            display_name,
            timestamp,
        };
        invocation.notify(&user.email_address, content).await;
        Ok(CompleteUserPasswordResetValues::new(session, session_token))
    }
}
