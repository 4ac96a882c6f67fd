//! A user with one valid flow of each kind, and actions as a client sends them, for the tests of all 39 actions.

use std::collections::BTreeMap;

use faroe_core::{
    Server,
    email::EmailMessage,
    endpoint::{Endpoint, EndpointResponse},
    protocol::schema::{ActionSchema, server_actions},
    user_store::User,
};
use faroe_testkit::{hasher::HasherBehaviour, storage::StoredEntry};
use serde_json::{Map, Value, json};

use crate::harness::{EMAIL, Harness, NEW_PASSWORD, PASSWORD, minutes};

/// The address of the sign-up.
pub(crate) const SIGNUP_EMAIL: &str = "grace@example.com";

/// The user's new address.
pub(crate) const NEW_EMAIL: &str = "lovelace@example.com";

/// A text in the form of a record's ID and of a secret that is neither.
pub(crate) const NOBODY: &str = "abcdefghijkmnpqrstuvwxyz";

/// Sends an action, and returns its values or its error code.
pub(crate) async fn send(server: &Server, action: &str, arguments: Value) -> Result<Value, String> {
    send_to(&server.endpoint(), action, arguments).await
}

/// Sends an action to an existing endpoint, and returns its values or its error code.
pub(crate) async fn send_to(
    endpoint: &Endpoint,
    action: &str,
    arguments: Value,
) -> Result<Value, String> {
    let body = json!({ "action": action, "arguments": arguments }).to_string();
    let body = match endpoint.invoke(body.as_bytes()).await {
        EndpointResponse::Completed(body) => body,
        EndpointResponse::Overloaded { .. } => return Err("overloaded".to_owned()),
        response => panic!("{action}: {response:?}"),
    };
    let mut body: Value = serde_json::from_str(&body).unwrap();
    match body["error_code"].take() {
        Value::String(code) => Err(code),
        _ => Ok(body["values"].take()),
    }
}

/// Sends an action, and returns its outcome: `ok` or an error code.
pub(crate) async fn answer(server: &Server, action: &str, arguments: Value) -> String {
    match send(server, action, arguments).await {
        Ok(_) => "ok".to_owned(),
        Err(code) => code,
    }
}

/// Returns the names of an action's token arguments, in the order in which they are checked.
pub(crate) fn token_arguments(action: &ActionSchema) -> Vec<&'static str> {
    let names = action.arguments.iter().map(|&(name, _)| name);
    names.filter(|name| name.ends_with("_token")).collect()
}

/// Returns the answer of an action to an invalid token.
pub(crate) fn invalid(token_argument: &str) -> String {
    match token_argument {
        "user_password_update_token" => "invalid_password_update_token".to_owned(),
        name => format!("invalid_{name}"),
    }
}

/// A user who is signed in, and a flow of each kind.
pub(crate) struct World {
    pub(crate) harness: Harness,
    /// A valid token for each name of an argument.
    pub(crate) tokens: BTreeMap<&'static str, String>,
}

/// The state of a world's fakes, without the clock.
pub(crate) struct Snapshot {
    entries: BTreeMap<String, StoredEntry>,
    users: Vec<User>,
    messages: Vec<EmailMessage>,
}

impl World {
    /// Takes a snapshot.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            entries: self.harness.storage.entries(),
            users: self.harness.users.users(),
            messages: self.harness.mailbox.messages(),
        }
    }

    /// Restores the snapshot and removes all failures.
    pub(crate) fn restore(&self, snapshot: &Snapshot) {
        let Harness {
            storage,
            users,
            mailbox,
            hasher,
            temporary_hasher,
            ..
        } = &self.harness;
        storage.set_entries(snapshot.entries.clone());
        users.set_users(snapshot.users.clone());
        mailbox.set_messages(snapshot.messages.clone());
        mailbox.set_failing(false);
        hasher.set_behaviour(HasherBehaviour::Hash);
        temporary_hasher.set_behaviour(HasherBehaviour::Hash);
    }

    /// Creates a world with new flows.
    pub(crate) async fn new(harness: Harness) -> Self {
        let session = harness.sign_up().await.expose().to_owned();
        let mut world = Self {
            harness,
            tokens: BTreeMap::from([("session_token", session)]),
        };
        for action in actions_named("create_") {
            let values = world.succeed(&action).await;
            let &(name, _) = action.values.last().unwrap();
            let token = values[name].as_str().unwrap().to_owned();
            world.tokens.insert(name, token);
        }
        world
    }

    /// Creates a world with flows that are ready to be completed.
    pub(crate) async fn completable(harness: Harness) -> Self {
        let world = Self::new(harness).await;
        for action in actions_named("verify_").chain(actions_named("set_")) {
            world.succeed(&action).await;
        }
        // All attempts are available again, and the flows are valid for five more minutes.
        world.harness.advance(minutes(5));
        world
    }

    async fn succeed(&self, action: &ActionSchema) -> Value {
        let values = send(&self.harness.server, action.name, self.arguments(action)).await;
        values.unwrap_or_else(|code| panic!("{} answered {code}", action.name))
    }

    /// Returns valid arguments: valid tokens, and the input of the user.
    pub(crate) fn arguments(&self, action: &ActionSchema) -> Value {
        let argument = |name: &str| match name {
            "email_address" => SIGNUP_EMAIL.to_owned(),
            "new_email_address" => NEW_EMAIL.to_owned(),
            "user_email_address" => EMAIL.to_owned(),
            "password" if action.name.starts_with("set_") => NEW_PASSWORD.to_owned(),
            "password" => PASSWORD.to_owned(),
            "email_address_verification_code" if action.name.contains("signup") => {
                self.code(SIGNUP_EMAIL)
            }
            "email_address_verification_code" => self.code(NEW_EMAIL),
            "temporary_password" => self.temporary_password(),
            token => self.tokens[token].clone(),
        };
        let arguments = action.arguments.iter();
        let arguments = arguments.map(|&(name, _)| (name.to_owned(), argument(name).into()));
        Value::Object(arguments.collect::<Map<_, _>>())
    }

    pub(crate) fn code(&self, email_address: &str) -> String {
        let code = self.harness.mailbox.last_code(email_address);
        code.unwrap().expose().to_owned()
    }

    pub(crate) fn temporary_password(&self) -> String {
        let password = self.harness.mailbox.last_temporary_password(EMAIL);
        password.unwrap().expose().to_owned()
    }
}

fn actions_named(start: &str) -> impl Iterator<Item = ActionSchema> {
    let actions = server_actions().into_iter();
    actions.filter(move |action| action.name.starts_with(start))
}
