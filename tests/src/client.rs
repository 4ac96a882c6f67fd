//! A client with the first steps of every test: it signs users up and in over the wire.

use std::sync::Arc;

use faroe_testkit::mailbox::Mailbox;
use serde_json::{Value, json};

use crate::wire::{Outcome, Wire, http_client, text};

/// The first password of every user.
pub const PASSWORD: &str = "violet-hammock-7-glacier";

/// The password that users change to.
pub const NEW_PASSWORD: &str = "mellow-orchard-42-lantern";

/// A password that no user has.
pub const WRONG_PASSWORD: &str = "hollow-umbrella-13-cactus";

/// A client of one server, which also reads the server's emails.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection to the server.
    pub wire: Wire,
    /// The inbox of the server's emails.
    pub inbox: Inbox,
}

/// The inbox of a server's emails.
#[derive(Clone, Debug)]
pub enum Inbox {
    /// In the test's own memory.
    Mailbox(Arc<Mailbox>),
    /// In the mailbox of a server in development mode, at this URL.
    Development(String),
}

impl Inbox {
    /// Returns the code in the last email to this address that has one.
    pub async fn last_code(&self, to: &str) -> String {
        match self {
            Self::Mailbox(mailbox) => mailbox
                .last_code(to)
                .expect("a code was sent")
                .expose()
                .to_owned(),
            Self::Development(url) => last_development_code(url, to, "code").await,
        }
    }

    /// Returns the temporary password in the last email to this address that has one.
    pub async fn last_temporary_password(&self, to: &str) -> String {
        match self {
            Self::Mailbox(mailbox) => {
                let password = mailbox.last_temporary_password(to);
                password
                    .expect("a temporary password was sent")
                    .expose()
                    .to_owned()
            }
            Self::Development(url) => last_development_code(url, to, "password").await,
        }
    }
}

/// Returns the code in the last email whose type ends with a suffix.
async fn last_development_code(url: &str, to: &str, type_ends_with: &str) -> String {
    let to = to.replace('+', "%2B");
    let request = http_client().get(format!("{url}/dev/emails?to={to}"));
    let response = request.send().await.unwrap();
    let emails: Vec<Value> = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let fitting = |email: &&Value| text(&email["type"]).ends_with(type_ends_with);
    text(&emails.iter().rfind(fitting).expect("an email was sent")["code"])
}

/// A session of a user.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token that the client holds.
    pub token: String,
    /// The session's ID.
    pub id: String,
    /// The user's ID.
    pub user_id: String,
}

impl From<&Value> for Session {
    fn from(values: &Value) -> Self {
        Self {
            token: text(&values["session_token"]),
            id: text(&values["session"]["id"]),
            user_id: text(&values["session"]["user_id"]),
        }
    }
}

impl Client {
    /// Invokes an action.
    pub async fn invoke(&self, action: &str, arguments: Value) -> Outcome {
        self.wire.invoke(action, arguments).await
    }

    /// Invokes an action that succeeds.
    pub async fn values(&self, action: &str, arguments: Value) -> Value {
        let outcome = self.invoke(action, arguments).await;
        outcome
            .result
            .unwrap_or_else(|code| panic!("{action} answered {code}"))
    }

    /// Invokes an action that is refused, and returns why.
    pub async fn refusal(&self, action: &str, arguments: Value) -> String {
        let outcome = self.invoke(action, arguments).await;
        outcome.result.expect_err(action)
    }

    /// Creates a signup with an unverified address, and returns the token.
    pub async fn start_signup(&self, email_address: &str) -> String {
        let arguments = json!({ "email_address": email_address });
        text(&self.values("create_signup", arguments).await["signup_token"])
    }

    /// Creates a signup with a verified address, and returns the token.
    pub async fn verified_signup(&self, email_address: &str) -> String {
        let token = self.start_signup(email_address).await;
        let code = self.inbox.last_code(email_address).await;
        let arguments = json!({ "signup_token": token, "email_address_verification_code": code });
        self.values("verify_signup_email_address_verification_code", arguments)
            .await;
        token
    }

    /// Creates a signup that is ready to complete, and returns the token.
    pub async fn ready_signup(&self, email_address: &str) -> String {
        let token = self.verified_signup(email_address).await;
        let arguments = json!({ "signup_token": token, "password": PASSWORD });
        self.values("set_signup_password", arguments).await;
        token
    }

    /// Creates a user with [`PASSWORD`], and a session.
    pub async fn sign_up(&self, email_address: &str) -> Session {
        let token = self.ready_signup(email_address).await;
        let values = self
            .values("complete_signup", json!({ "signup_token": token }))
            .await;
        Session::from(&values)
    }

    /// Creates a signin with an unverified password, and returns the token.
    pub async fn start_signin(&self, email_address: &str) -> String {
        let arguments = json!({ "user_email_address": email_address });
        text(&self.values("create_signin", arguments).await["signin_token"])
    }

    /// Creates a signin that is ready to complete, and returns the token.
    pub async fn ready_signin(&self, email_address: &str, password: &str) -> String {
        let token = self.start_signin(email_address).await;
        let arguments = json!({ "signin_token": token, "password": password });
        self.values("verify_signin_user_password", arguments).await;
        token
    }

    /// Signs a user in.
    pub async fn sign_in(&self, email_address: &str, password: &str) -> Session {
        let token = self.ready_signin(email_address, password).await;
        let values = self
            .values("complete_signin", json!({ "signin_token": token }))
            .await;
        Session::from(&values)
    }

    /// Tries to sign a user in with a password, and returns `ok` or the error code of the step that failed.
    pub async fn try_password(&self, email_address: &str, password: &str) -> String {
        let arguments = json!({ "user_email_address": email_address });
        let created = self.invoke("create_signin", arguments).await;
        let Ok(values) = &created.result else {
            return created.code().to_owned();
        };
        let arguments = json!({ "signin_token": values["signin_token"], "password": password });
        self.invoke("verify_signin_user_password", arguments)
            .await
            .code()
            .to_owned()
    }

    /// Returns the result of `get_session`: `ok` or an error code.
    pub async fn session_state(&self, session: &Session) -> String {
        let outcome = self
            .invoke("get_session", json!({ "session_token": session.token }))
            .await;
        outcome.code().to_owned()
    }

    /// Creates a user email address update with an unverified address, and returns the token.
    pub async fn start_user_email_address_update(&self, session: &Session, to: &str) -> String {
        let arguments = json!({ "session_token": session.token, "new_email_address": to });
        let values = self
            .values("create_user_email_address_update", arguments)
            .await;
        text(&values["user_email_address_update_token"])
    }

    /// Creates a user email address update with a verified address, and returns the token.
    pub async fn verified_user_email_address_update(&self, session: &Session, to: &str) -> String {
        let token = self.start_user_email_address_update(session, to).await;
        let arguments = json!({
            "session_token": session.token,
            "user_email_address_update_token": token,
            "email_address_verification_code": self.inbox.last_code(to).await,
        });
        let action = "verify_user_email_address_update_email_address_verification_code";
        self.values(action, arguments).await;
        token
    }

    /// Creates a user email address update that is ready to complete, and returns the token.
    pub async fn ready_user_email_address_update(&self, session: &Session, to: &str) -> String {
        let token = self.verified_user_email_address_update(session, to).await;
        let arguments = json!({
            "session_token": session.token,
            "user_email_address_update_token": token,
            "password": PASSWORD,
        });
        self.values("verify_user_email_address_update_user_password", arguments)
            .await;
        token
    }

    /// Creates a user password update with an unverified password, and returns the token.
    pub async fn start_user_password_update(&self, session: &Session) -> String {
        let arguments = json!({ "session_token": session.token });
        let values = self.values("create_user_password_update", arguments).await;
        text(&values["user_password_update_token"])
    }

    /// Creates a user password update with a verified password, and returns the token.
    pub async fn verified_user_password_update(&self, session: &Session) -> String {
        let token = self.start_user_password_update(session).await;
        let arguments = json!({
            "session_token": session.token,
            "user_password_update_token": token,
            "password": PASSWORD,
        });
        self.values("verify_user_password_update_user_password", arguments)
            .await;
        token
    }

    /// Creates a user password update to [`NEW_PASSWORD`] that is ready to complete, and returns the token.
    pub async fn ready_user_password_update(&self, session: &Session) -> String {
        let token = self.verified_user_password_update(session).await;
        let arguments = json!({
            "session_token": session.token,
            "user_password_update_token": token,
            "password": NEW_PASSWORD,
        });
        self.values("set_user_password_update_new_password", arguments)
            .await;
        token
    }

    /// Creates a user password reset with an unverified temporary password, and returns the token.
    pub async fn start_user_password_reset(&self, email_address: &str) -> String {
        let arguments = json!({ "user_email_address": email_address });
        let values = self.values("create_user_password_reset", arguments).await;
        text(&values["user_password_reset_token"])
    }

    /// Creates a user password reset with a verified temporary password, and returns the token.
    pub async fn verified_user_password_reset(&self, email_address: &str) -> String {
        let token = self.start_user_password_reset(email_address).await;
        let arguments = json!({
            "user_password_reset_token": token,
            "temporary_password": self.inbox.last_temporary_password(email_address).await,
        });
        self.values("verify_user_password_reset_temporary_password", arguments)
            .await;
        token
    }

    /// Creates a user password reset to [`NEW_PASSWORD`] that is ready to complete, and returns the token.
    pub async fn ready_user_password_reset(&self, email_address: &str) -> String {
        let token = self.verified_user_password_reset(email_address).await;
        let arguments = json!({ "user_password_reset_token": token, "password": NEW_PASSWORD });
        self.values("set_user_password_reset_new_password", arguments)
            .await;
        token
    }

    /// Creates a user deletion with an unverified password, and returns the token.
    pub async fn start_user_deletion(&self, session: &Session) -> String {
        let arguments = json!({ "session_token": session.token });
        let values = self.values("create_user_deletion", arguments).await;
        text(&values["user_deletion_token"])
    }

    /// Creates a user deletion that is ready to complete, and returns the token.
    pub async fn ready_user_deletion(&self, session: &Session) -> String {
        let token = self.start_user_deletion(session).await;
        let arguments = json!({
            "session_token": session.token,
            "user_deletion_token": token,
            "password": PASSWORD,
        });
        self.values("verify_user_deletion_user_password", arguments)
            .await;
        token
    }
}
