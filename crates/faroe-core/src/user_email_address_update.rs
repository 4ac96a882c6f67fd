//! Change of a user's email address, by the user.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    id::SessionId,
    user_email_address_update::{
        CompleteUserEmailAddressUpdate, CompleteUserEmailAddressUpdateErrorCode,
        CreateUserEmailAddressUpdate, CreateUserEmailAddressUpdateErrorCode,
        CreateUserEmailAddressUpdateValues, DeleteUserEmailAddressUpdate,
        DeleteUserEmailAddressUpdateErrorCode, GetUserEmailAddressUpdate,
        GetUserEmailAddressUpdateErrorCode, GetUserEmailAddressUpdateValues,
        SendUserEmailAddressUpdateEmailAddressVerificationCode,
        SendUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode, UserEmailAddressUpdate,
        VerifyUserEmailAddressUpdateEmailAddressVerificationCode,
        VerifyUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode,
        VerifyUserEmailAddressUpdateUserPassword,
        VerifyUserEmailAddressUpdateUserPasswordErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    configuration::SessionConfiguration,
    email::EmailContent,
    email_budgets::EmailKind,
    fault::Fault,
    flow::{Opened, SessionFlow, UserFlow, open},
    invocation::{Answer, Invocation, Run},
    rate_limit::Bucket,
    record::{Held, Record},
    user::{Availability, PasswordAttempt, RememberedUser},
    user_store::UpdateUserEmailAddressOutcome,
    validation::is_email_address,
    verification_code::CodeNonce,
};

#[derive(Debug, Serialize, Deserialize)]
struct UserEmailAddressUpdateRecord {
    user: RememberedUser,
    session_id: SessionId,
    new_email_address: String,
    code_nonce: CodeNonce,
    new_email_address_verified: bool,
    user_identity_verified: bool,
}

impl Record for UserEmailAddressUpdateRecord {
    const NAME: &'static str = "user_email_address_update";
    const LIFETIME: Duration = Duration::from_secs(20 * 60);
}

impl UserFlow for UserEmailAddressUpdateRecord {
    fn user(&self) -> &RememberedUser {
        &self.user
    }

    fn user_mut(&mut self) -> &mut RememberedUser {
        &mut self.user
    }
}

impl SessionFlow for UserEmailAddressUpdateRecord {
    fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

impl Held<UserEmailAddressUpdateRecord> {
    fn to_user_email_address_update(
        &self,
        configuration: &SessionConfiguration,
    ) -> UserEmailAddressUpdate {
        let (created_at, expires_at) = self.lifetime(configuration);
        UserEmailAddressUpdate::new(
            self.id.as_str().into(),
            self.record.user.id.clone(),
            self.record.session_id.clone(),
            self.record.new_email_address.clone(),
            self.record.new_email_address_verified,
            self.record.user_identity_verified,
            created_at,
            expires_at,
        )
    }

    fn verification_attempts(&self, invocation: &Invocation<'_>) -> Bucket {
        Bucket::verify_email_address_verification_code(invocation.rate_limits(), &self.id)
    }
}

impl Run for CreateUserEmailAddressUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CreateUserEmailAddressUpdateErrorCode;
        let Self {
            session_token,
            new_email_address,
        } = self;
        if !is_email_address(&new_email_address) {
            return Err(Code::InvalidEmailAddress.into());
        }
        let session = invocation.session_and_user(&session_token).await?;
        let (session, user) = session.ok_or(Code::InvalidSessionToken)?;
        match invocation
            .availability(&new_email_address, Some(&user.id))
            .await?
        {
            Availability::Free => {}
            Availability::Used => return Err(Code::EmailAddressAlreadyUsed.into()),
            Availability::Refused => return Err(Code::EmailAddressNotAllowed.into()),
        }
        if !invocation.is_allowed(&new_email_address).await? {
            return Err(Code::EmailAddressNotAllowed.into());
        }
        let taken = invocation.take_email(EmailKind::NewAddressCode, &new_email_address, || Ok(()));
        taken.await?.ok_or(Code::RateLimited)?;
        let update = invocation
            .create(UserEmailAddressUpdateRecord {
                user: RememberedUser::with_email_address(&user),
                session_id: SessionId::from(&session),
                new_email_address,
                code_nonce: CodeNonce::random(),
                new_email_address_verified: false,
                user_identity_verified: false,
            })
            .await?;
        if let Err(fault) = send_code(invocation, &update, user.display_name).await {
            invocation.discard(&update).await;
            return Err(fault.into());
        }
        Ok(CreateUserEmailAddressUpdateValues::new(
            update.to_user_email_address_update(invocation.session_configuration()),
            update.token(),
        ))
    }
}

async fn send_code(
    invocation: &Invocation<'_>,
    update: &Held<UserEmailAddressUpdateRecord>,
    display_name: String,
) -> Result<(), Fault> {
    let code = update.record.code_nonce.code(update);
    let content =
        EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode { display_name, code };
    invocation
        .send(&update.record.new_email_address, content)
        .await
}

impl Run for GetUserEmailAddressUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = GetUserEmailAddressUpdateErrorCode;
        let token = self.user_email_address_update_token;
        let opened: Opened<UserEmailAddressUpdateRecord> = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        let user_email_address_update = opened
            .flow
            .to_user_email_address_update(invocation.session_configuration());
        Ok(GetUserEmailAddressUpdateValues::new(
            user_email_address_update,
        ))
    }
}

impl Run for DeleteUserEmailAddressUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteUserEmailAddressUpdateErrorCode;
        let token = self.user_email_address_update_token;
        let opened: Opened<UserEmailAddressUpdateRecord> = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        if !invocation.remove(&opened.flow).await? {
            return Err(Code::InvalidUserEmailAddressUpdateToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for SendUserEmailAddressUpdateEmailAddressVerificationCode {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = SendUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode;
        let token = self.user_email_address_update_token;
        let Opened::<UserEmailAddressUpdateRecord> { flow, user, .. } = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        if flow.record.new_email_address_verified {
            return Err(Code::EmailAddressAlreadyVerified.into());
        }
        if !invocation
            .has_token(&flow.verification_attempts(invocation))
            .await?
        {
            return Err(Code::RateLimited.into());
        }
        let new_email_address = &flow.record.new_email_address;
        let taken = invocation.take_email(EmailKind::NewAddressCode, new_email_address, || Ok(()));
        taken.await?.ok_or(Code::RateLimited)?;
        send_code(invocation, &flow, user.display_name).await?;
        Ok(NoValues {})
    }
}

impl Run for VerifyUserEmailAddressUpdateEmailAddressVerificationCode {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifyUserEmailAddressUpdateEmailAddressVerificationCodeErrorCode;
        let token = self.user_email_address_update_token;
        let Opened::<UserEmailAddressUpdateRecord> { mut flow, .. } = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        if flow.record.new_email_address_verified {
            return Err(Code::EmailAddressAlreadyVerified.into());
        }
        if !invocation
            .consume(&flow.verification_attempts(invocation))
            .await?
        {
            return Err(Code::RateLimited.into());
        }
        if !flow
            .record
            .code_nonce
            .is_code(&flow, &self.email_address_verification_code)
        {
            return Err(Code::IncorrectEmailAddressVerificationCode.into());
        }
        flow.record.new_email_address_verified = true;
        invocation.update(&mut flow).await?;
        Ok(NoValues {})
    }
}

impl Run for VerifyUserEmailAddressUpdateUserPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifyUserEmailAddressUpdateUserPasswordErrorCode;
        let token = self.user_email_address_update_token;
        let Opened::<UserEmailAddressUpdateRecord> { mut flow, user, .. } = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        if !flow.record.new_email_address_verified {
            return Err(Code::EmailAddressNotVerified.into());
        }
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

impl Run for CompleteUserEmailAddressUpdate {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteUserEmailAddressUpdateErrorCode;
        let token = self.user_email_address_update_token;
        let Opened::<UserEmailAddressUpdateRecord> { flow, user, .. } = open!(
            invocation,
            self.session_token,
            token,
            Code::InvalidUserEmailAddressUpdateToken
        );
        let UserEmailAddressUpdateRecord {
            new_email_address,
            new_email_address_verified,
            user_identity_verified,
            ..
        } = &flow.record;
        if !new_email_address_verified {
            return Err(Code::EmailAddressNotVerified.into());
        }
        if !user_identity_verified {
            return Err(Code::UserIdentityNotVerified.into());
        }
        if !invocation.is_allowed(new_email_address).await? {
            invocation.discard(&flow).await;
            return Err(Code::InvalidUserEmailAddressUpdateToken.into());
        }
        // Only one completion succeeds: the counter is the remembered one, which an unchanged user still has.
        let counter = user.email_address_counter;
        let updated = invocation
            .update_user_email_address(&user.id, new_email_address, counter)
            .await;
        match invocation.unless_refused(updated)? {
            Some(UpdateUserEmailAddressOutcome::Updated) => {}
            Some(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed) | None => {
                invocation.discard(&flow).await;
                return Err(Code::InvalidUserEmailAddressUpdateToken.into());
            }
            Some(UpdateUserEmailAddressOutcome::UserNotFound) => {
                return Err(Fault::Conflict.into());
            }
        }
        invocation.discard(&flow).await;
        let content = EmailContent::UserEmailAddressUpdatedNotification {
            display_name: user.display_name,
            new_email_address: new_email_address.clone(),
            timestamp: invocation.now(),
        };
        invocation.notify(&user.email_address, content).await;
        Ok(NoValues {})
    }
}
