//! A server on fakes, with a signed-in user and unexpired flows of each kind and stage.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use faroe_core::{
    Server, ServerOptions, ServerParts, Storages, UserPasswordHashAlgorithms,
    background::BackgroundTasks,
    endpoint::{Endpoint, EndpointResponse},
    protocol::schema::{ActionSchema, server_actions},
    storage::namespace,
    time::Clock,
    user_store::{Counter, User},
};
use faroe_testkit::{
    clock::ManualClock,
    hasher::CountingHasher,
    log::ErrorLog,
    mailbox::Mailbox,
    storage::{ReferenceStorage, StoredEntry},
    user_store::ReferenceUserStore,
};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a password of ada's";
const NEW_PASSWORD: &str = "another password of ada's";

/// A time after which all attempts are available again, and no flow has expired.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// The stage of a flow. The names of its values begin with the stage unless it is new, as in `finished_signup_token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    New,
    /// The first step is done, if there are several.
    Verified,
    /// Only the completion is left.
    Finished,
}

/// The first steps of flows with several.
const FIRST_STEPS: [&str; 4] = [
    "verify_signup_email_address_verification_code",
    "verify_user_email_address_update_email_address_verification_code",
    "verify_user_password_update_user_password",
    "verify_user_password_reset_temporary_password",
];

impl Stage {
    fn of(self, name: &str) -> String {
        match self {
            Self::New => name.to_owned(),
            Self::Verified => format!("verified_{name}"),
            Self::Finished => format!("finished_{name}"),
        }
    }

    fn address(self, name: &str) -> String {
        format!("{}@example.com", self.of(name))
    }
}

pub(crate) struct World {
    runtime: Runtime,
    endpoint: Endpoint,
    clock: Arc<ManualClock>,
    pub(crate) storage: Arc<ReferenceStorage>,
    users: Arc<ReferenceUserStore>,
    mailbox: Arc<Mailbox>,
    log: Arc<ErrorLog>,
    pub(crate) actions: Vec<ActionSchema>,
    /// Values that an input cannot know, by the names that stand for them in inputs.
    living: HashMap<String, String>,
    entries: BTreeMap<String, StoredEntry>,
    kept_users: Vec<User>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_cache(None)
    }

    /// Creates a world, with a cache for sessions if it has an expiration.
    pub(crate) fn with_cache(cache_expiration: Option<Duration>) -> Self {
        let storage = Arc::new(ReferenceStorage::keeping_expired());
        let users = Arc::<ReferenceUserStore>::default();
        let mailbox = Arc::<Mailbox>::default();
        let clock = Arc::<ManualClock>::default();
        let log = Arc::<ErrorLog>::default();
        let mut storages = Storages::single(Arc::clone(&storage));
        storages.cache = cache_expiration.map(|_| {
            let cache = namespace::cache(Arc::clone(&storage) as _, Arc::clone(&clock) as _);
            Arc::new(cache) as _
        });
        let parts = ServerParts::new(
            storages,
            Arc::clone(&users) as _,
            UserPasswordHashAlgorithms::new(Arc::new(CountingHasher::new("first"))),
            Arc::new(CountingHasher::new("temporary")),
            Arc::clone(&mailbox) as _,
        );
        let mut options = ServerOptions::default();
        options.session.cache_expiration = cache_expiration;
        options.clock = Arc::clone(&clock) as _;
        options.error_logger = Arc::clone(&log) as _;
        options.background = Arc::new(BackgroundTasks::new(0));
        let server = Server::new(parts, options).expect("the defaults are valid");
        let mut world = Self {
            runtime: runtime(),
            endpoint: server.endpoint(),
            clock,
            storage,
            users,
            mailbox,
            log,
            actions: server_actions(),
            living: HashMap::new(),
            entries: BTreeMap::new(),
            kept_users: Vec::new(),
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        self.sign_up();
        for stage in [Stage::New, Stage::Verified, Stage::Finished] {
            self.succeed_all("create_", stage);
            self.read_emails(stage);
        }
        for step in FIRST_STEPS {
            self.succeed_all(step, Stage::Verified);
        }
        self.succeed_all("verify_", Stage::Finished);
        self.succeed_all("set_", Stage::Finished);
        self.clock.advance(PAUSE);
        // The use of the session is recorded, and is not recorded again until the clock moves.
        self.succeed_all("get_session", Stage::New);
        self.kept_users = self.users.users();
        let user_id = self.kept_users[0].id.as_str().to_owned();
        self.living.insert("user_id".to_owned(), user_id);
        let session_id = self.living["session_token"].split('.').next();
        let session_id = session_id.unwrap_or_default().to_owned();
        self.living.insert("session_id".to_owned(), session_id);
        self.entries = self.storage.entries();
        self.restore();
    }

    fn sign_up(&mut self) {
        let values = self.succeed("create_signup", &json!({ "email_address": EMAIL }));
        let token = values["signup_token"].clone();
        let code = self.code(EMAIL);
        let verify = json!({ "signup_token": token, "email_address_verification_code": code });
        self.succeed("verify_signup_email_address_verification_code", &verify);
        let set = json!({ "signup_token": token, "password": PASSWORD });
        self.succeed("set_signup_password", &set);
        let values = self.succeed("complete_signup", &json!({ "signup_token": token }));
        self.learn(&values, Stage::New);
    }

    /// Invokes all actions whose names begin with a prefix.
    fn succeed_all(&mut self, start: &str, stage: Stage) {
        let actions = self.actions.clone().into_iter();
        for action in actions.filter(|action| action.name.starts_with(start)) {
            let values = self.succeed(action.name, &self.arguments(&action, stage));
            self.learn(&values, stage);
        }
    }

    fn succeed(&self, action: &str, arguments: &Value) -> Value {
        let body = json!({ "action": action, "arguments": arguments }).to_string();
        let EndpointResponse::Completed(answer) = self.invoke(body.as_bytes()) else {
            panic!("{action} was not invoked");
        };
        let mut answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        assert_eq!(answer["ok"], true, "{action}: {answer}");
        answer["values"].take()
    }

    /// Stores the tokens among values.
    fn learn(&mut self, values: &Value, stage: Stage) {
        for (name, value) in values.as_object().into_iter().flatten() {
            if let Some(token) = value.as_str() {
                let name = match name.as_str() {
                    "session_token" => name.clone(),
                    name => stage.of(name),
                };
                self.living.insert(name, token.to_owned());
            }
        }
    }

    /// Stores the codes that were sent to finish flows of this stage.
    fn read_emails(&mut self, stage: Stage) {
        let (signup, update) = (stage.address("grace"), stage.address("lovelace"));
        let password = self.mailbox.last_temporary_password(EMAIL);
        let password = password.expect("a reset sends one").expose().to_owned();
        for (name, secret) in [
            ("signup_code", self.code(&signup)),
            ("user_email_address_update_code", self.code(&update)),
            ("temporary_password", password),
        ] {
            self.living.insert(stage.of(name), secret);
        }
    }

    fn code(&self, email_address: &str) -> String {
        let code = self.mailbox.last_code(email_address);
        code.expect("a code was sent").expose().to_owned()
    }

    /// Returns arguments with which the action succeeds on flows of this stage, if it can.
    pub(crate) fn arguments(&self, action: &ActionSchema, stage: Stage) -> Value {
        let code = match action.name.contains("signup") {
            true => "signup_code",
            false => "user_email_address_update_code",
        };
        let argument = |name: &str| match name {
            "email_address" => stage.address("grace"),
            "new_email_address" => stage.address("lovelace"),
            "user_email_address" => EMAIL.to_owned(),
            "password" if action.name.starts_with("set_") => NEW_PASSWORD.to_owned(),
            "password" => PASSWORD.to_owned(),
            "email_address_verification_code" => self.living[&stage.of(code)].clone(),
            "session_token" => self.living[name].clone(),
            secret => self.living[&stage.of(secret)].clone(),
        };
        let arguments = action.arguments.iter();
        let arguments = arguments.map(|&(name, _)| (name.to_owned(), argument(name).into()));
        Value::Object(arguments.collect::<Map<_, _>>())
    }

    /// Returns the tokens that are valid as this argument.
    pub(crate) fn tokens(&self, argument: &str) -> Vec<&str> {
        let stages = [Stage::New, Stage::Verified, Stage::Finished].into_iter();
        let tokens = stages.filter_map(|stage| self.living.get(&stage.of(argument)));
        tokens.map(String::as_str).collect()
    }

    /// Returns the input with each name in angle brackets, such as `<session_token>`, replaced by its value.
    pub(crate) fn filled_in(&self, input: &[u8]) -> Vec<u8> {
        let (mut filled_in, mut rest) = (Vec::with_capacity(input.len()), input);
        while let Some((&first, after)) = rest.split_first() {
            let end = after.iter().take(80).position(|&byte| byte == b'>');
            let name = end.filter(|_| first == b'<').map(|end| after.split_at(end));
            let known = name.and_then(|(name, after)| {
                let value = self.living.get(std::str::from_utf8(name).ok()?)?;
                Some((value, &after[1..]))
            });
            match known {
                Some((value, after)) => {
                    filled_in.extend(value.bytes());
                    rest = after;
                }
                None => {
                    filled_in.push(first);
                    rest = after;
                }
            }
        }
        filled_in
    }

    /// Adds a name that stands for a value in inputs.
    pub(crate) fn name(&mut self, name: &str, value: String) {
        self.living.insert(name.to_owned(), value);
    }

    pub(crate) fn invoke(&self, body: &[u8]) -> EndpointResponse {
        self.runtime.block_on(self.endpoint.invoke(body))
    }

    /// Replaces the value of an entry.
    pub(crate) fn replace(&self, key: &str, value: &[u8]) {
        let mut entries = self.entries.clone();
        let mut entry = entries.remove(key).unwrap_or_else(|| StoredEntry {
            value: Vec::new(),
            entry_id: String::new(),
            counter: Counter::ZERO,
            expires_at: self.clock.now().saturating_add(PAUSE),
        });
        value.clone_into(&mut entry.value);
        entries.insert(key.to_owned(), entry);
        self.storage.set_entries(entries);
    }

    pub(crate) fn user_id(&self) -> &str {
        &self.living["user_id"]
    }

    /// Names the halves of every token, as in `signup_token.id` and `signup_token.secret`.
    pub(crate) fn name_parts_of_tokens(&mut self) {
        let tokens = self.living.clone().into_iter();
        for (name, token) in tokens.filter(|(name, _)| name.ends_with("_token")) {
            if let Some((id, secret)) = token.split_once('.') {
                self.name(&format!("{name}.id"), id.to_owned());
                self.name(&format!("{name}.secret"), secret.to_owned());
            }
        }
    }

    /// Checks whether storage and users are as they were at first.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.storage.entries() == self.entries && self.users.users() == self.kept_users
    }

    /// Restores the first state.
    pub(crate) fn restore(&self) {
        self.storage.set_entries(self.entries.clone());
        self.users.set_users(self.kept_users.clone());
        self.storage.take_calls();
        self.users.take_calls();
        self.mailbox.take_messages();
        self.log.take_errors();
    }
}

pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("the system gives a timer")
}
