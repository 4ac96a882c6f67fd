//! Sign-in with a password.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    signin::{
        CompleteSignin, CompleteSigninErrorCode, CompleteSigninValues, CreateSignin,
        CreateSigninErrorCode, CreateSigninValues, DeleteSignin, DeleteSigninErrorCode, GetSignin,
        GetSigninErrorCode, GetSigninValues, Signin, VerifySigninUserPassword,
        VerifySigninUserPasswordErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    begun_flows,
    configuration::SessionConfiguration,
    email::EmailContent,
    fault::Fault,
    flow::UserFlow,
    invocation::{Answer, Invocation, Run},
    rate_limit::Bucket,
    record::{Held, Record},
    user::{PasswordAttempt, RememberedUser},
    validation::is_email_address,
};

#[derive(Debug, Serialize, Deserialize)]
struct SigninRecord {
    user: RememberedUser,
    user_first_factor_verified: bool,
}

impl Record for SigninRecord {
    const NAME: &'static str = "signin";
    const LIFETIME: Duration = begun_flows::LIFETIME;
}

impl UserFlow for SigninRecord {
    fn user(&self) -> &RememberedUser {
        &self.user
    }

    fn user_mut(&mut self) -> &mut RememberedUser {
        &mut self.user
    }
}

impl Held<SigninRecord> {
    fn to_signin(&self, configuration: &SessionConfiguration) -> Signin {
        let (created_at, expires_at) = self.lifetime(configuration);
        Signin::new(
            self.id.as_str().into(),
            self.record.user.id.clone(),
            self.record.user_first_factor_verified,
            created_at,
            expires_at,
        )
    }
}

impl Run for CreateSignin {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CreateSigninErrorCode;
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
        let signins = Bucket::create_signin(invocation.rate_limits(), user.id.as_str());
        invocation.begin_flow(&signins).await?;
        let record = SigninRecord {
            user: RememberedUser::new(&user),
            user_first_factor_verified: false,
        };
        let signin = invocation.create(record).await?;
        let configuration = invocation.session_configuration();
        Ok(CreateSigninValues::new(
            signin.to_signin(configuration),
            signin.token(),
        ))
    }
}

impl Run for GetSignin {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let signin = invocation
            .user_flow::<SigninRecord>(self.signin_token.expose())
            .await?;
        let (signin, _) = signin.ok_or(GetSigninErrorCode::InvalidSigninToken)?;
        Ok(GetSigninValues::new(
            signin.to_signin(invocation.session_configuration()),
        ))
    }
}

impl Run for DeleteSignin {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteSigninErrorCode;
        let signin = invocation
            .user_flow::<SigninRecord>(self.signin_token.expose())
            .await?;
        let (signin, _) = signin.ok_or(Code::InvalidSigninToken)?;
        if !invocation.remove(&signin).await? {
            return Err(Code::InvalidSigninToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for VerifySigninUserPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifySigninUserPasswordErrorCode;
        let signin = invocation
            .user_flow::<SigninRecord>(self.signin_token.expose())
            .await?;
        let (mut signin, user) = signin.ok_or(Code::InvalidSigninToken)?;
        if signin.record.user_first_factor_verified {
            return Err(Code::UserFirstFactorAlreadyVerified.into());
        }
        match invocation.try_password(&user, &self.password).await? {
            PasswordAttempt::RateLimited => Err(Code::RateLimited.into()),
            PasswordAttempt::Incorrect => Err(Code::IncorrectPassword.into()),
            PasswordAttempt::Correct(place) => {
                signin.record.user_first_factor_verified = true;
                invocation
                    .update_verified(&mut signin, &user, &self.password, &place)
                    .await?;
                Ok(NoValues {})
            }
        }
    }
}

impl Run for CompleteSignin {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteSigninErrorCode;
        let signin = invocation
            .user_flow::<SigninRecord>(self.signin_token.expose())
            .await?;
        let (signin, user) = signin.ok_or(Code::InvalidSigninToken)?;
        if !signin.record.user_first_factor_verified {
            return Err(Code::UserFirstFactorNotVerified.into());
        }
        // Only one completion succeeds: a record is removed once.
        if !invocation.remove(&signin).await? {
            return Err(Code::InvalidSigninToken.into());
        }
        invocation.finish();
        let session = invocation
            .create_session(&user, &signin.record.user)
            .await
            .map_err(Fault::after_a_change)?;
        let (session, session_token) = session.ok_or(Code::InvalidSigninToken)?;
        let (display_name, timestamp) = (user.display_name, invocation.now());
        let content = EmailContent::UserSignedInNotification {
            display_name,
            timestamp,
        };
        invocation.notify(&user.email_address, content).await;
        Ok(CompleteSigninValues::new(session, session_token))
    }
}
