//! Sign-up: verifies an address, sets a password, creates a user.

use std::time::Duration;

use faroe_protocol::{
    action::NoValues,
    secret::SignupToken,
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
    email_budgets::EmailKind,
    fault::Fault,
    flow::{PasswordFlow, WeakPasswords},
    invocation::{Answer, Invocation, Run},
    password::PasswordHash,
    rate_limit::Bucket,
    record::{Held, Record},
    user::{Availability, Creation, NewPassword, PasswordOwner, RememberedUser},
    user_store::NewUser,
    validation::is_email_address,
    verification_code::CodeNonce,
};

/// The number of attempts at completing a signup while storages report conflicts.
const RACE_ATTEMPTS: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
struct SignupRecord {
    email_address: String,
    code_nonce: CodeNonce,
    email_address_verified: bool,
    password_hash: Option<PasswordHash>,
    #[serde(default, skip_serializing_if = "WeakPasswords::is_none")]
    weak_passwords: WeakPasswords,
    /// True after a completion, which is the only one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    completed: bool,
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
        match invocation.availability(&email_address, None).await? {
            Availability::Free => {}
            Availability::Used => return Err(Code::EmailAddressAlreadyUsed.into()),
            Availability::Refused => return Err(Code::EmailAddressNotAllowed.into()),
        }
        if !invocation.is_allowed(&email_address).await? {
            return Err(Code::EmailAddressNotAllowed.into());
        }
        let taken = invocation.take_email(EmailKind::SignupCode, &email_address, || Ok(()));
        taken.await?.ok_or(Code::RateLimited)?;
        let code_nonce = CodeNonce::random();
        let record = SignupRecord {
            email_address,
            code_nonce,
            email_address_verified: false,
            password_hash: None,
            weak_passwords: WeakPasswords::default(),
            completed: false,
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
        let signup = invocation.signup(self.signup_token.expose()).await?;
        let signup = signup.ok_or(GetSignupErrorCode::InvalidSignupToken)?;
        Ok(GetSignupValues::new(
            signup.to_signup(invocation.session_configuration()),
        ))
    }
}

impl Run for DeleteSignup {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = DeleteSignupErrorCode;
        let signup = invocation.signup(self.signup_token.expose()).await?;
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
        let signup = invocation.signup(self.signup_token.expose()).await?;
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
        let email_address = &signup.record.email_address;
        let taken = invocation.take_email(EmailKind::SignupCode, email_address, || Ok(()));
        taken.await?.ok_or(Code::RateLimited)?;
        send_code(invocation, &signup).await?;
        Ok(NoValues {})
    }
}

impl Run for VerifySignupEmailAddressVerificationCode {
    async fn run(self, invocation: &Invocation<'_>) -> Answer<Self> {
        type Code = VerifySignupEmailAddressVerificationCodeErrorCode;
        let signup = invocation.signup(self.signup_token.expose()).await?;
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
        let signup = invocation.signup(self.signup_token.expose()).await?;
        let mut signup = signup.ok_or(Code::InvalidSignupToken)?;
        if !signup.record.email_address_verified {
            return Err(Code::EmailAddressNotVerified.into());
        }
        if signup.record.password_hash.is_some() {
            return Err(Code::PasswordAlreadySet.into());
        }
        let email_address = signup.record.email_address.clone();
        let owner = PasswordOwner {
            email_address: &email_address,
            display_name: "",
            current_hash: None,
        };
        match invocation
            .set_new_password(&mut signup, &self.password, owner)
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
        let signup = invocation.signup(self.signup_token.expose()).await?;
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
        let user_fields = self.user_fields.unwrap_or_default();
        if !invocation.accepts_user_fields(email_address, &user_fields) {
            return Err(Code::InvalidUserFields.into());
        }
        if !invocation.is_allowed(email_address).await? {
            invocation.discard(&signup).await;
            return Err(Code::InvalidSignupToken.into());
        }
        let mut new_user = NewUser::new(email_address, password_hash.clone());
        new_user.user_fields = user_fields;
        let (user, is_new) = match invocation.create_user(new_user).await? {
            Creation::Created(user) => (user, true),
            Creation::Found(user) => (user, false),
            Creation::InvalidUserFields => return Err(Code::InvalidUserFields.into()),
            Creation::Impossible => {
                invocation.discard(&signup).await;
                return Err(Code::InvalidSignupToken.into());
            }
        };
        let completed = invocation.complete(signup, is_new).await;
        match invocation.tolerate(completed) {
            Some(true) => {}
            Some(false) => return Err(Code::InvalidSignupToken.into()),
            None => return Err(Code::SessionNotCreated.into()),
        }
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

impl Invocation<'_> {
    /// Returns the signup that the token opens, unless it was completed.
    async fn signup(&self, token: &str) -> Result<Option<Held<SignupRecord>>, Fault> {
        let signup = self.find::<SignupRecord>(token).await?;
        Ok(signup.filter(|signup| !signup.record.completed))
    }

    /// Completes a signup whose user exists. Returns false if another completion did: of concurrent updates of the record,
    /// one succeeds.
    ///
    /// The completion that created the user also removes the record. One that found the user leaves it, because the former
    /// may still be on its way. If the record is missing, the signup was deleted after it had been read, and only the
    /// completion that created the user continues.
    async fn complete(&self, mut signup: Held<SignupRecord>, is_new: bool) -> Result<bool, Fault> {
        self.finish();
        for _ in 0..RACE_ATTEMPTS {
            signup.record.completed = true;
            match self.update(&mut signup).await {
                Ok(()) if is_new => {
                    self.discard(&signup).await;
                    return Ok(true);
                }
                Ok(()) => return Ok(true),
                Err(fault) if fault.is_conflict() => {}
                Err(fault) => return Err(fault),
            }
            let token: SignupToken = signup.token();
            signup = match self.find(token.expose()).await? {
                Some(now) => now,
                None => return Ok(is_new),
            };
            if signup.record.completed {
                return Ok(false);
            }
        }
        Err(Fault::Conflict)
    }
}
