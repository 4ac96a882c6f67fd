//! Every action, as a typed call: once with values and once refused.

use std::{collections::BTreeSet, sync::Mutex};

use faroe_client::Client;
use faroe_core::{
    ServerAction,
    protocol::{
        action::ErrorCode,
        for_each_server_action,
        schema::{ActionSchema, server_actions},
        secret::SessionToken,
        session::*,
        signin::*,
        signup::*,
        user_deletion::*,
        user_email_address_update::*,
        user_password_reset::*,
        user_password_update::*,
    },
};
use faroe_testkit::mailbox::Mailbox;
use serde_json::{Map, Value};

use crate::support::{Faroe, PASSWORD};

const ADA: &str = "ada@example.com";
const NEW_ADA: &str = "countess@example.com";
const NEW_PASSWORD: &str = "mellow-orchard-42-lantern";
const NEWEST_PASSWORD: &str = "hollow-umbrella-13-cactus";

#[tokio::test]
async fn every_action_returns_its_values_embedded() {
    let faroe = Faroe::new();
    every_action_succeeds(faroe.server.clone().into(), &faroe.mailbox).await;
}

#[tokio::test]
async fn every_action_returns_its_values_over_http() {
    let faroe = Faroe::new();
    let listening = faroe.listen().await;
    every_action_succeeds(listening.client.clone(), &faroe.mailbox).await;
}

#[tokio::test]
async fn every_action_returns_its_code_embedded_and_over_http() {
    let faroe = Faroe::new();
    let listening = faroe.listen().await;
    for client in [faroe.server.clone().into(), listening.client.clone()] {
        macro_rules! refuse {
            ($($action:ty,)*) => { $(is_refused::<$action>(&client).await;)* };
        }
        for_each_server_action!(refuse);
    }
}

/// No action takes nothing but empty strings.
async fn is_refused<A: ServerAction>(client: &Client) {
    let arguments = A::ARGUMENTS
        .iter()
        .map(|(name, _)| ((*name).to_owned(), Value::from("")));
    let action: A = serde_json::from_value(Value::Object(Map::from_iter(arguments))).unwrap();
    let error = client.invoke(action).await.unwrap_err();
    let code = error
        .code()
        .unwrap_or_else(|| panic!("{}: {error}", A::NAME));
    assert!(
        code.as_str().starts_with("invalid_"),
        "{}: {code:?}",
        A::NAME
    );
    assert_eq!(error.action_invocation_id.unwrap().as_str().len(), 24);
}

/// Invokes actions that succeed, and remembers which.
struct Caller {
    client: Client,
    succeeded: Mutex<BTreeSet<&'static str>>,
}

impl Caller {
    async fn call<A: ServerAction>(&self, action: A) -> A::Values {
        let result = self.client.invoke(action).await;
        self.succeeded.lock().unwrap().insert(A::NAME);
        result.unwrap_or_else(|error| panic!("{}: {error}", A::NAME))
    }
}

async fn every_action_succeeds(client: Client, mailbox: &Mailbox) {
    let caller = Caller {
        client,
        succeeded: Mutex::default(),
    };
    let session = sign_up(&caller, mailbox).await;
    let session = sign_in(&caller, session).await;
    update_email_address(&caller, mailbox, &session).await;
    update_password(&caller, &session).await;
    let session = reset_password(&caller, mailbox).await;
    delete_user(&caller, session).await;

    let all = server_actions()
        .into_iter()
        .map(|ActionSchema { name, .. }| name);
    assert_eq!(caller.succeeded.into_inner().unwrap(), all.collect());
}

async fn sign_up(caller: &Caller, mailbox: &Mailbox) -> SessionToken {
    let create = || CreateSignup {
        email_address: ADA.into(),
    };
    let signup_token = caller.call(create()).await.signup_token;
    caller.call(DeleteSignup { signup_token }).await;

    let created = caller.call(create()).await;
    assert_eq!(created.signup.email_address, ADA);
    let signup_token = created.signup_token;
    let send = SendSignupEmailAddressVerificationCode {
        signup_token: signup_token.clone(),
    };
    caller.call(send).await;
    let verify = VerifySignupEmailAddressVerificationCode {
        signup_token: signup_token.clone(),
        email_address_verification_code: mailbox.last_code(ADA).unwrap(),
    };
    caller.call(verify).await;
    let set = SetSignupPassword {
        signup_token: signup_token.clone(),
        password: PASSWORD.into(),
    };
    caller.call(set).await;
    let get = GetSignup {
        signup_token: signup_token.clone(),
    };
    let signup = caller.call(get).await.signup;
    assert_eq!(signup.id, created.signup.id);
    assert!(signup.email_address_verified && signup.password_set);

    let completed = caller.call(CompleteSignup::new(signup_token)).await;
    let get = GetSession {
        session_token: completed.session_token.clone(),
    };
    assert_eq!(caller.call(get).await.session, completed.session);
    completed.session_token
}

async fn sign_in(caller: &Caller, session_token: SessionToken) -> SessionToken {
    caller.call(DeleteSession { session_token }).await;
    let create = || CreateSignin {
        user_email_address: ADA.into(),
    };
    let signin_token = caller.call(create()).await.signin_token;
    caller.call(DeleteSignin { signin_token }).await;

    let created = caller.call(create()).await;
    let signin_token = created.signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: PASSWORD.into(),
    };
    caller.call(verify).await;
    let get = GetSignin {
        signin_token: signin_token.clone(),
    };
    let signin = caller.call(get).await.signin;
    assert_eq!(signin.id, created.signin.id);
    assert!(signin.user_first_factor_verified);
    let completed = caller.call(CompleteSignin { signin_token }).await;
    assert_eq!(completed.session.user_id, signin.user_id);
    completed.session_token
}

async fn update_email_address(caller: &Caller, mailbox: &Mailbox, session_token: &SessionToken) {
    let session_token = || session_token.clone();
    let create = || CreateUserEmailAddressUpdate {
        session_token: session_token(),
        new_email_address: NEW_ADA.into(),
    };
    let token = caller.call(create()).await.user_email_address_update_token;
    let delete = DeleteUserEmailAddressUpdate {
        session_token: session_token(),
        user_email_address_update_token: token,
    };
    caller.call(delete).await;

    let created = caller.call(create()).await;
    let token = || created.user_email_address_update_token.clone();
    let send = SendUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: session_token(),
        user_email_address_update_token: token(),
    };
    caller.call(send).await;
    let verify = VerifyUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: session_token(),
        user_email_address_update_token: token(),
        email_address_verification_code: mailbox.last_code(NEW_ADA).unwrap(),
    };
    caller.call(verify).await;
    let verify = VerifyUserEmailAddressUpdateUserPassword {
        session_token: session_token(),
        user_email_address_update_token: token(),
        password: PASSWORD.into(),
    };
    caller.call(verify).await;
    let get = GetUserEmailAddressUpdate {
        session_token: session_token(),
        user_email_address_update_token: token(),
    };
    let update = caller.call(get).await.user_email_address_update;
    assert_eq!(update.new_email_address, NEW_ADA);
    let complete = CompleteUserEmailAddressUpdate {
        session_token: session_token(),
        user_email_address_update_token: token(),
    };
    caller.call(complete).await;
}

async fn update_password(caller: &Caller, session_token: &SessionToken) {
    let session_token = || session_token.clone();
    let create = || CreateUserPasswordUpdate {
        session_token: session_token(),
    };
    let token = caller.call(create()).await.user_password_update_token;
    let delete = DeleteUserPasswordUpdate {
        session_token: session_token(),
        user_password_update_token: token,
    };
    caller.call(delete).await;

    let created = caller.call(create()).await;
    let token = || created.user_password_update_token.clone();
    let verify = VerifyUserPasswordUpdateUserPassword {
        session_token: session_token(),
        user_password_update_token: token(),
        password: PASSWORD.into(),
    };
    caller.call(verify).await;
    let set = SetUserPasswordUpdateNewPassword {
        session_token: session_token(),
        user_password_update_token: token(),
        password: NEW_PASSWORD.into(),
    };
    caller.call(set).await;
    let get = GetUserPasswordUpdate {
        session_token: session_token(),
        user_password_update_token: token(),
    };
    let update = caller.call(get).await.user_password_update;
    assert_eq!(update.id, created.user_password_update.id);
    let complete = CompleteUserPasswordUpdate {
        session_token: session_token(),
        user_password_update_token: token(),
    };
    caller.call(complete).await;
}

async fn reset_password(caller: &Caller, mailbox: &Mailbox) -> SessionToken {
    let create = || CreateUserPasswordReset {
        user_email_address: NEW_ADA.into(),
    };
    let token = caller.call(create()).await.user_password_reset_token;
    let delete = DeleteUserPasswordReset {
        user_password_reset_token: token,
    };
    caller.call(delete).await;

    let created = caller.call(create()).await;
    let token = || created.user_password_reset_token.clone();
    let verify = VerifyUserPasswordResetTemporaryPassword {
        user_password_reset_token: token(),
        temporary_password: mailbox.last_temporary_password(NEW_ADA).unwrap(),
    };
    caller.call(verify).await;
    let set = SetUserPasswordResetNewPassword {
        user_password_reset_token: token(),
        password: NEWEST_PASSWORD.into(),
    };
    caller.call(set).await;
    let get = GetUserPasswordReset {
        user_password_reset_token: token(),
    };
    let reset = caller.call(get).await.user_password_reset;
    assert_eq!(reset.id, created.user_password_reset.id);
    let complete = CompleteUserPasswordReset {
        user_password_reset_token: token(),
    };
    caller.call(complete).await.session_token
}

async fn delete_user(caller: &Caller, session_token: SessionToken) {
    let create = || CreateUserDeletion {
        session_token: session_token.clone(),
    };
    let token = caller.call(create()).await.user_deletion_token;
    let delete = DeleteUserDeletion {
        session_token: session_token.clone(),
        user_deletion_token: token,
    };
    caller.call(delete).await;

    // Signs out everywhere first, and in again.
    caller.call(DeleteAllSessions { session_token }).await;
    let create = CreateSignin {
        user_email_address: NEW_ADA.into(),
    };
    let signin_token = caller.call(create).await.signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: NEWEST_PASSWORD.into(),
    };
    caller.call(verify).await;
    let session_token = caller
        .call(CompleteSignin { signin_token })
        .await
        .session_token;

    let create = CreateUserDeletion {
        session_token: session_token.clone(),
    };
    let created = caller.call(create).await;
    let token = || created.user_deletion_token.clone();
    let verify = VerifyUserDeletionUserPassword {
        session_token: session_token.clone(),
        user_deletion_token: token(),
        password: NEWEST_PASSWORD.into(),
    };
    caller.call(verify).await;
    let get = GetUserDeletion {
        session_token: session_token.clone(),
        user_deletion_token: token(),
    };
    let deletion = caller.call(get).await.user_deletion;
    assert_eq!(deletion.id, created.user_deletion.id);
    let complete = CompleteUserDeletion {
        session_token,
        user_deletion_token: token(),
    };
    caller.call(complete).await;
}
