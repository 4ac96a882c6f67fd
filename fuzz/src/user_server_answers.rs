//! Answers of a user server to its client. The first byte chooses the operation; the rest are the bodies of the answers,
//! separated by the byte 0x1e, of which the last one is repeated.
//!
//! The client returns a decision only if the protocol allows the last answer that it has read, and the answer is
//! about the requested user. If that is true of the first answer, the client accepts it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use faroe_core::{
    client::{ActionInvocationEndpointClient, SendError},
    error::AdapterError,
    password::PasswordHash,
    protocol::{
        action::{INTERNAL_CONFLICT, INTERNAL_ERROR},
        response::MAX_RESPONSE_SIZE,
        schema::{ActionSchema, user_server_actions},
    },
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserStore,
    },
};
use faroe_user_server_client::UserServerClient;

use crate::{Run, json::Json, requests::has_fields, world::runtime};

/// The separator of answers, which JSON cannot contain.
const SEPARATOR: u8 = 0x1e;

pub(crate) fn start() -> Run {
    let runtime = runtime();
    let actions = user_server_actions();
    let server = Arc::<ScriptedServer>::default();
    let users = UserServerClient::new(Arc::clone(&server) as _);
    Box::new(move |input| {
        let Some((&chosen, answers)) = input.split_first() else {
            return;
        };
        let asked = &actions[usize::from(chosen) % actions.len()];
        server.answer_with(answers);
        let result = runtime.block_on(call(asked.name, &users));
        let read = server.take_read();
        let is_allowed = |(action, answer): &(String, Vec<u8>)| {
            let action = actions.iter().find(|known| known.name == action);
            action.is_some_and(|action| is_allowed(action, answer))
        };
        match result {
            Ok(()) => assert!(read.last().is_some_and(is_allowed), "{}", asked.name),
            Err(error) => assert!(!read.first().is_some_and(is_allowed), "{error}"),
        }
    })
}

/// The user that requests are about.
pub(crate) fn user() -> User {
    NewUser::new("ada@example.com", hash()).into_user("1".into())
}

fn hash() -> PasswordHash {
    PasswordHash {
        algorithm_id: "a".into(),
        salt: b"salt".to_vec().into(),
        hash: b"hash".to_vec().into(),
    }
}

/// Calls the operation with this name.
///
/// # Panics
///
/// If the result is about another user.
async fn call(operation: &str, users: &dyn UserStore) -> Result<(), AdapterError> {
    let User {
        id, email_address, ..
    } = user();
    let counter = Counter::ZERO;
    match operation {
        "create_user" => {
            let created = users
                .create_user(NewUser::new(&email_address, hash()))
                .await?;
            if let CreateUserOutcome::Created(user) = created {
                assert_eq!(user.email_address, email_address);
                assert_eq!(user.password_hash, hash().hash);
            }
        }
        "get_user" => {
            let found = users.get_user(&id).await?;
            assert!(found.is_none_or(|user| user.id == id));
        }
        "get_user_by_email_address" => {
            let found = users.get_user_by_email_address(&email_address).await?;
            assert!(found.is_none_or(|user| user.email_address == email_address));
        }
        "update_user_email_address" => {
            let update = users.update_user_email_address(&id, &email_address, counter);
            let _: UpdateUserEmailAddressOutcome = update.await?;
        }
        "update_user_password_hash" => {
            let hash = hash();
            let update = users.update_user_password_hash(&id, &hash, counter);
            let _: UpdateUserOutcome = update.await?;
        }
        "increment_user_sessions_counter" => {
            let increment = users.increment_user_sessions_counter(&id, counter);
            let _: UpdateUserOutcome = increment.await?;
        }
        "delete_user" => {
            let _: UpdateUserOutcome = users.delete_user(&id).await?;
        }
        other => panic!("call {other} here"),
    }
    Ok(())
}

/// Checks whether the protocol allows this answer to the action, called with the arguments above.
fn is_allowed(action: &ActionSchema, answer: &[u8]) -> bool {
    let Some(answer) = Json::strict_object(answer, MAX_RESPONSE_SIZE) else {
        return false;
    };
    let has_id = answer.member("action_invocation_id").and_then(Json::text);
    let is_right = match (answer.member("ok"), answer.member("values")) {
        (Some(Json::Boolean(true)), Some(values)) => {
            has_fields(values, action.values)
                && values
                    .member("user")
                    .is_none_or(|user| is_asked_for(action.name, user))
        }
        (Some(Json::Boolean(false)), _) => {
            let code = answer.member("error_code").and_then(Json::text);
            code.is_some_and(|code| {
                (action.error_codes.contains(&code) || action.extension_error_codes.contains(&code))
                    && ![INTERNAL_ERROR, INTERNAL_CONFLICT].contains(&code)
            })
        }
        _ => false,
    };
    has_id.is_some() && is_right
}

fn is_asked_for(action: &str, user: &Json) -> bool {
    let is = |name, value| user.member(name).and_then(Json::text) == Some(value);
    match action {
        "get_user" => is("id", "1"),
        "get_user_by_email_address" => is("email_address", "ada@example.com"),
        "create_user" => {
            is("email_address", "ada@example.com")
                && is("password_hash", "aGFzaA==")
                && is("password_salt", "c2FsdA==")
                && is("password_hash_algorithm_id", "a")
        }
        // Unknown members are ignored.
        _ => true,
    }
}

/// A user server that reads its answers from an input.
#[derive(Debug, Default)]
struct ScriptedServer(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Vec<u8>>,
    /// The called actions, each with its answer.
    read: Vec<(String, Vec<u8>)>,
}

impl ScriptedServer {
    fn answer_with(&self, answers: &[u8]) {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = answers.split(|&byte| byte == SEPARATOR);
        script.answers = answers.map(<[u8]>::to_vec).collect();
    }

    fn take_read(&self) -> Vec<(String, Vec<u8>)> {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut script.read)
    }
}

#[async_trait]
impl ActionInvocationEndpointClient for ScriptedServer {
    async fn send(&self, body: String) -> Result<Vec<u8>, SendError> {
        let request: serde_json::Value = serde_json::from_str(&body).expect("a request is JSON");
        let action = request["action"]
            .as_str()
            .expect("a request names its action");
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match script.answers.len() {
            1 => script.answers.front().cloned(),
            _ => script.answers.pop_front(),
        };
        let answer = answer.unwrap_or_default();
        script.read.push((action.to_owned(), answer.clone()));
        Ok(answer)
    }
}
