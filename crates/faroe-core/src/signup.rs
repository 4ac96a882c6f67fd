//! Sign-up: verifies an address, sets a password, creates a user.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    signup::{
        CompleteSignup, CompleteSignupErrorCode, CompleteSignupValues, CreateSignup,
        CreateSignupErrorCode, CreateSignupValues, DeleteSignup, DeleteSignupErrorCode, GetSignup,
        GetSignupErrorCode, GetSignupValues, SendSignupEmailAddressVerificationCode,
        SendSignupEmailAddressVerificationCodeErrorCode, SetSignupPassword,
        SetSignupPasswordErrorCode, Signup, VerifySignupEmailAddressVerificationCode,
        VerifySignupEmailAddressVerificationCodeErrorCode,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    configuration::SessionConfiguration,
    email::EmailContent,
    fault::Fault,
    flow::{PasswordFlow, WeakPasswords},
    invocation::{Answer, Invocation, Run},
    password::PasswordHash,
    rate_limit::Bucket,
    record::{Held, Record},
    user::{NewPassword, RememberedUser},
    user_store::NewUser,
    validation::is_email_address,
    verification_code::CodeNonce,
};

#[derive(Debug, Serialize, Deserialize)]
struct SignupRecord {
    email_address: String,
    code_nonce: CodeNonce,
    email_address_verified: bool,
    password_hash: Option<PasswordHash>,
    #[serde(default, skip_serializing_if = "WeakPasswords::is_none")]
    weak_passwords: WeakPasswords,
}

impl Record for SignupRecord {
    const NAME: &'static str = "signup";
    const LIFETIME: Duration = Duration::from_secs(20 * 60);

    fn has_ended(&self) -> bool {
        self.weak_passwords.are_too_many()
    }
}

impl PasswordFlow for SignupRecord {
    fn set_new_password_hash(&mut self, hash: PasswordHash) {
        self.password_hash = Some(hash);
    }

    fn weak_passwords_mut(&mut self) -> &mut WeakPasswords {
        &mut self.weak_passwords
    }
}

impl Held<SignupRecord> {
    fn to_signup(&self, configuration: &SessionConfiguration) -> Signup {
        let (created_at, expires_at) = self.lifetime(configuration);
        Signup::new(
            self.id.as_str().into(),
            self.record.email_address.clone(),
            self.record.email_address_verified,
            self.record.password_hash.is_some(),
            created_at,
            expires_at,
        )
    }

    fn verification_attempts(&self, invocation: &Invocation<'_>) -> Bucket {
        Bucket::verify_email_address_verification_code(invocation.rate_limits(), &self.id)
    }
}

impl Run for CreateSignup {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CreateSignupErrorCode;
        let Self { email_address } = self;
        if !is_email_address(&email_address) {
            return Err(Code::InvalidEmailAddress.into());
        }
        if invocation
            .user_by_email_address(&email_address)
            .await?
            .is_some()
        {
            return Err(Code::EmailAddressAlreadyUsed.into());
        }
        if !invocation.is_allowed(&email_address).await? {
            return Err(Code::EmailAddressNotAllowed.into());
        }
        if !invocation
            .consume(&Bucket::send_email(
                invocation.rate_limits(),
                &email_address,
            ))
            .await?
        {
            return Err(Code::RateLimited.into());
        }
        let code_nonce = CodeNonce::random();
        let record = SignupRecord {
            email_address,
            code_nonce,
            email_address_verified: false,
            password_hash: None,
            weak_passwords: WeakPasswords::default(),
        };
        let signup = invocation.create(record).await?;
        if let Err(fault) = send_code(invocation, &signup).await {
            invocation.discard(&signup).await;
            return Err(fault.into());
        }
        let configuration = invocation.session_configuration();
        Ok(CreateSignupValues::new(
            signup.to_signup(configuration),
            signup.token(),
        ))
    }
}

async fn send_code(invocation: &Invocation<'_>, signup: &Held<SignupRecord>) -> Result<(), Fault> {
    let code = signup.record.code_nonce.code(signup);
    let content = EmailContent::SignupEmailAddressVerificationCode { code };
    invocation.send(&signup.record.email_address, content).await
}

impl Run for GetSignup {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let signup = signup.ok_or(GetSignupErrorCode::InvalidSignupToken)?;
        Ok(GetSignupValues::new(
            signup.to_signup(invocation.session_configuration()),
        ))
    }
}

impl Run for DeleteSignup {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteSignupErrorCode;
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let signup = signup.ok_or(Code::InvalidSignupToken)?;
        if !invocation.remove(&signup).await? {
            return Err(Code::InvalidSignupToken.into());
        }
        Ok(NoValues {})
    }
}

impl Run for SendSignupEmailAddressVerificationCode {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = SendSignupEmailAddressVerificationCodeErrorCode;
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let signup = signup.ok_or(Code::InvalidSignupToken)?;
        if signup.record.email_address_verified {
            return Err(Code::EmailAddressAlreadyVerified.into());
        }
        if !invocation
            .has_token(&signup.verification_attempts(invocation))
            .await?
        {
            return Err(Code::RateLimited.into());
        }
        let sends = Bucket::send_email(invocation.rate_limits(), &signup.record.email_address);
        if !invocation.consume(&sends).await? {
            return Err(Code::RateLimited.into());
        }
        send_code(invocation, &signup).await?;
        Ok(NoValues {})
    }
}

impl Run for VerifySignupEmailAddressVerificationCode {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifySignupEmailAddressVerificationCodeErrorCode;
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let mut signup = signup.ok_or(Code::InvalidSignupToken)?;
        if signup.record.email_address_verified {
            return Err(Code::EmailAddressAlreadyVerified.into());
        }
        if !invocation
            .consume(&signup.verification_attempts(invocation))
            .await?
        {
            return Err(Code::RateLimited.into());
        }
        if !signup
            .record
            .code_nonce
            .is_code(&signup, &self.email_address_verification_code)
        {
            return Err(Code::IncorrectEmailAddressVerificationCode.into());
        }
        signup.record.email_address_verified = true;
        invocation.update(&mut signup).await?;
        Ok(NoValues {})
    }
}

impl Run for SetSignupPassword {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = SetSignupPasswordErrorCode;
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let mut signup = signup.ok_or(Code::InvalidSignupToken)?;
        if !signup.record.email_address_verified {
            return Err(Code::EmailAddressNotVerified.into());
        }
        if signup.record.password_hash.is_some() {
            return Err(Code::PasswordAlreadySet.into());
        }
        match invocation
            .set_new_password(&mut signup, &self.password)
            .await?
        {
            NewPassword::InvalidLength => Err(Code::InvalidPasswordLength.into()),
            NewPassword::Weak => Err(Code::WeakPassword.into()),
            NewPassword::WeakOnceTooOften => Err(Code::InvalidSignupToken.into()),
            NewPassword::Set => Ok(NoValues {}),
        }
    }
}

impl Run for CompleteSignup {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = CompleteSignupErrorCode;
        let signup = invocation
            .find::<SignupRecord>(self.signup_token.expose())
            .await?;
        let signup = signup.ok_or(Code::InvalidSignupToken)?;
        let SignupRecord {
            email_address,
            email_address_verified,
            password_hash,
            ..
        } = &signup.record;
        if !email_address_verified {
            return Err(Code::EmailAddressNotVerified.into());
        }
        let password_hash = password_hash.as_ref().ok_or(Code::PasswordNotSet)?;
        if !invocation.is_allowed(email_address).await? {
            invocation.discard(&signup).await;
            return Err(Code::InvalidSignupToken.into());
        }
        // Only one completion succeeds: an address is used once.
        let new_user = NewUser::new(email_address, password_hash.clone());
        let user = invocation.create_user(new_user).await?;
        invocation.discard(&signup).await;
        let user = user.ok_or(Code::InvalidSignupToken)?;
        let session = invocation
            .tolerate(
                invocation
                    .create_session(&user, &RememberedUser::new(&user))
                    .await,
            )
            .flatten();
        let (session, session_token) = session.ok_or(Code::SessionNotCreated)?;
        Ok(CompleteSignupValues::new(session, session_token))
    }
}
