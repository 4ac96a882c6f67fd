//! A scene for every action: a user with two sessions, and two flows of every kind at every stage. It is created once and can be
//! reset, so that any number of actions can be run in it.

use std::{collections::BTreeMap, sync::Arc};

use faroe_core::{
    Server, ServerParts, SessionConfiguration, Storages, Timeouts, UserPasswordHashAlgorithms,
    background::Background,
    email::AllowAllEmailAddresses,
    endpoint::{Endpoint, EndpointResponse},
    password::{AllowAllPasswords, PasswordHashAlgorithm},
    protocol::types::Bytes,
    user_store::User,
};
use faroe_testkit::{
    clock::ManualClock,
    fault::Faults,
    hasher::CountingHasher,
    intercept::{Intercepted, Interceptor},
    log::ErrorLog,
    mailbox::Mailbox,
    storage::{ReferenceCache, ReferenceStorage, StoredEntry},
    user_store::ReferenceUserStore,
};
use serde_json::{Map, Value, json};

use self::step::FLOWS;
pub(crate) use self::step::{Flow, KINDS, Kind, Step};
use crate::harness::{EMAIL, NEW_PASSWORD, PASSWORD, minutes, no_background, options, storage};

mod step;

/// The address of the sign-ups, and the user's new address.
pub(crate) const NEW_EMAIL: &str = "ada@new.example.com";

/// The answer of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `ok`, the error code, or `overloaded`.
    pub(crate) outcome: String,
    pub(crate) values: Value,
}

/// A prepared flow.
#[derive(Clone, Debug)]
struct Prepared {
    token: String,
    /// The code that was sent, if any.
    sent: Option<String>,
    temporary_password: Option<String>,
}

impl Prepared {
    fn id(&self) -> &str {
        self.token.split('.').next().unwrap()
    }
}

/// The settings of a scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// The user's password hash uses a previous algorithm.
    pub(crate) outdated_hash: bool,
    /// A password change does not end other sessions.
    pub(crate) keeps_sessions: bool,
    /// The use of the sessions is due to be recorded.
    pub(crate) idle: bool,
    /// Work that no answer needs runs in the background, as a separate action.
    pub(crate) background: bool,
    /// Sessions are cached.
    pub(crate) cached: bool,
    /// The length of the queue for hashing.
    pub(crate) hashing_queue: usize,
    /// The timeouts of the server.
    pub(crate) timeouts: Timeouts,
}

/// The content of the storage.
pub(crate) type Entries = BTreeMap<String, StoredEntry>;

/// The fakes, the servers that use them, and the prepared records.
#[derive(Debug)]
pub(crate) struct Scene {
    fakes: Fakes,
    /// The server with intercepted calls.
    pub(crate) endpoint: Endpoint,
    /// Two more of them, which share nothing with it but the fakes.
    beside: [Endpoint; 2],
    /// A second server without interception.
    pub(crate) plain: Endpoint,
    sessions: Vec<String>,
    flows: BTreeMap<(&'static str, usize, usize), Prepared>,
    entries: Entries,
    saved_users: Vec<User>,
}

#[derive(Debug)]
pub(crate) struct Fakes {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) hasher: Arc<CountingHasher>,
    past_hasher: Arc<CountingHasher>,
    pub(crate) storage: Arc<ReferenceStorage>,
    cache: Arc<ReferenceCache>,
    pub(crate) users: Arc<ReferenceUserStore>,
    pub(crate) log: Arc<ErrorLog>,
}

impl Default for Fakes {
    fn default() -> Self {
        let clock = Arc::<ManualClock>::default();
        Self {
            mailbox: Arc::default(),
            hasher: Arc::new(CountingHasher::new("current")),
            past_hasher: Arc::new(CountingHasher::new("past")),
            storage: storage(&clock),
            cache: Arc::new(ReferenceCache::new(Arc::clone(&clock) as _)),
            users: Arc::default(),
            log: Arc::default(),
            clock,
        }
    }
}

impl Fakes {
    fn server(
        &self,
        interceptor: &Arc<dyn Interceptor>,
        background: Arc<dyn Background>,
        circumstances: Circumstances,
    ) -> Server {
        fn through<P>(port: &Arc<P>, interceptor: &Arc<dyn Interceptor>) -> Intercepted<P>
        where
            P: Send + Sync + 'static,
        {
            Intercepted::new(Arc::clone(port), Arc::clone(interceptor))
        }
        let mut storages = Storages::single(through(&self.storage, interceptor));
        let mut session = SessionConfiguration::default();
        session.end_other_sessions_on_password_change = !circumstances.keeps_sessions;
        if circumstances.cached {
            storages.cache = Some(Arc::new(through(&self.cache, interceptor)));
            session.cache_expiration = Some(minutes(1));
        }
        let mut algorithms = UserPasswordHashAlgorithms::new(Arc::clone(&self.hasher) as _);
        algorithms.previous.push(Arc::clone(&self.past_hasher) as _);
        let parts = ServerParts::new(
            storages,
            Arc::new(through(&self.users, interceptor)),
            algorithms,
            Arc::clone(&self.hasher) as _,
            Arc::new(through(&self.mailbox, interceptor)),
        );
        let mut options = options();
        options.session = session;
        options.hashing.permits = 4;
        options.hashing.queue = circumstances.hashing_queue;
        options.timeouts = circumstances.timeouts;
        options.email_address_checker =
            Arc::new(through(&Arc::new(AllowAllEmailAddresses), interceptor));
        options.password_strength_checker =
            Arc::new(through(&Arc::new(AllowAllPasswords), interceptor));
        options.error_logger = Arc::clone(&self.log) as _;
        options.clock = Arc::clone(&self.clock) as _;
        options.background = background;
        Server::new(parts, options).unwrap()
    }
}

impl Scene {
    pub(crate) async fn new(
        interceptor: Arc<dyn Interceptor>,
        background: Arc<dyn Background>,
        circumstances: Circumstances,
    ) -> Self {
        let fakes = Fakes::default();
        let nothing: Arc<dyn Interceptor> = Arc::new(Faults::default());
        let intercepted = || {
            let background = Arc::clone(&background);
            let server = fakes.server(&interceptor, background, circumstances);
            server.endpoint()
        };
        let mut scene = Self {
            endpoint: intercepted(),
            beside: [intercepted(), intercepted()],
            plain: fakes
                .server(&nothing, no_background(), circumstances)
                .endpoint(),
            fakes,
            sessions: vec![],
            flows: BTreeMap::new(),
            entries: BTreeMap::new(),
            saved_users: vec![],
        };
        scene.prepare(circumstances).await;
        scene.renew(&[]);
        scene
    }

    async fn prepare(&mut self, circumstances: Circumstances) {
        self.sign_up().await;
        let [user] = self.users.users().try_into().unwrap();
        let signin = self.prepared(FLOWS[1], 1, 0).await;
        self.flows.insert(("signin", 1, 0), signin);
        let complete = Step::new(Kind::named("complete_signin"), 0);
        let completed = self.must(complete).await;
        self.sessions.push(text(&completed["session_token"]));
        for flow in FLOWS {
            for stage in 0..=flow.steps.len() {
                for instance in 0..2 {
                    let prepared = self.prepared(*flow, stage, instance).await;
                    self.flows.insert((flow.name, stage, instance), prepared);
                }
            }
        }
        if circumstances.outdated_hash {
            let hash = self
                .fakes
                .past_hasher
                .hash(PASSWORD.as_bytes(), &user.password_salt);
            self.users.change_user(&user.id, |user| {
                user.password_hash = hash.unwrap().into();
                user.password_hash_algorithm_id = "past".to_owned();
            });
        }
        if circumstances.idle {
            self.clock.advance(minutes(2));
        }
        self.forget_attempts();
        self.entries = self.storage.entries();
        self.saved_users = self.users.users();
    }

    /// Creates the user with a separate sign-up.
    async fn sign_up(&mut self) {
        let create = json!({"email_address": EMAIL});
        let created = answer(&self.plain, "create_signup", create).await.values;
        let token = text(&created["signup_token"]);
        let sent = self.mailbox.last_code(EMAIL).unwrap().expose().to_owned();
        for (action, argument, value) in [
            (
                "verify_signup_email_address_verification_code",
                "email_address_verification_code",
                &*sent,
            ),
            ("set_signup_password", "password", PASSWORD),
            ("complete_signup", "", ""),
        ] {
            let arguments = json!({"signup_token": token, argument: value});
            let answer = answer(&self.plain, action, arguments).await;
            assert_eq!(answer.outcome, "ok");
            let session = &answer.values["session_token"];
            self.sessions.extend(session.as_str().map(str::to_owned));
        }
    }

    /// Creates a flow at a stage.
    async fn prepared(&mut self, flow: Flow, stage: usize, instance: usize) -> Prepared {
        let key = (flow.name, stage, instance);
        let create = Kind::named(&format!("create_{}", flow.name));
        let values = self.must(Step::new(create, instance)).await;
        let token = text(&values[format!("{}_token", flow.name)]);
        let sent = self
            .mailbox
            .last_code(NEW_EMAIL)
            .map(|code| code.expose().to_owned());
        let temporary_password = self.mailbox.last_temporary_password(EMAIL);
        let temporary_password = temporary_password.map(|password| password.expose().to_owned());
        let prepared = Prepared {
            token,
            sent,
            temporary_password,
        };
        self.flows.insert(key, prepared.clone());
        for step in &flow.steps[..stage] {
            let step = Step::new(Kind::named(step), instance).at_stage(stage);
            self.must(step).await;
        }
        prepared
    }

    async fn must(&self, step: Step) -> Value {
        self.forget_attempts();
        let answer = self.invoke(&self.plain, step).await;
        assert_eq!(answer.outcome, "ok", "{step}");
        answer.values
    }

    /// Resets all rate limits.
    fn forget_attempts(&self) {
        let mut entries = self.storage.entries();
        entries.retain(|key, _| !key.starts_with("rate_limit."));
        self.storage.set_entries(entries);
    }

    /// Resets the scene. Only the flows of these steps are restored.
    pub(crate) fn renew(&self, steps: &[Step]) {
        let flows = steps.iter().filter_map(|step| self.flow(*step));
        let flows: Vec<&str> = flows.map(Prepared::id).collect();
        let needed = self.entries.iter().filter(|(key, _)| {
            key.starts_with("main.session.") || flows.iter().any(|id| key.ends_with(id))
        });
        let needed = needed.map(|(key, entry)| (key.clone(), entry.clone()));
        self.storage.set_entries(needed.collect());
        self.users.set_users(self.saved_users.clone());
        self.cache.clear();
        self.storage.take_calls();
        self.users.take_calls();
        self.cache.take_calls();
        self.mailbox.take_messages();
        self.log.take_errors();
    }

    /// Returns the number of records in the storage.
    pub(crate) fn records(&self) -> usize {
        let mut entries = self.storage.entries();
        entries.retain(|key, _| key.starts_with("main."));
        entries.len()
    }

    /// Adds entries to the storage.
    pub(crate) fn add_entries(&self, more: Entries) {
        let mut entries = self.storage.entries();
        entries.extend(more);
        self.storage.set_entries(entries);
    }

    /// Returns the user's first password hash.
    pub(crate) fn first_password_hash(&self) -> &Bytes {
        &self.saved_users[0].password_hash
    }

    /// Returns the keys of the two sessions.
    pub(crate) fn prepared_sessions(&self) -> Vec<String> {
        let ids = self.sessions.iter().map(|token| token.split('.').next());
        ids.map(|id| format!("main.session.{}", id.unwrap()))
            .collect()
    }

    /// Returns the token of a session.
    pub(crate) fn session(&self, instance: usize) -> &str {
        &self.sessions[instance]
    }

    /// Returns one of the three servers with intercepted calls.
    pub(crate) fn server(&self, number: usize) -> &Endpoint {
        match number.checked_sub(1) {
            None => &self.endpoint,
            Some(number) => &self.beside[number],
        }
    }

    /// Invokes an action.
    pub(crate) async fn invoke(&self, endpoint: &Endpoint, step: Step) -> Answer {
        answer(endpoint, step.kind.name, self.arguments(step)).await
    }

    fn flow(&self, step: Step) -> Option<&Prepared> {
        let flow = step.kind.flow()?;
        self.flows.get(&(flow.name, step.stage, step.instance))
    }

    fn arguments(&self, step: Step) -> Value {
        let Step {
            kind,
            instance,
            is_wrong,
            ..
        } = step;
        let flow = || self.flow(step).unwrap();
        let value = |argument: &str| match argument {
            "email_address" | "new_email_address" => NEW_EMAIL,
            "user_email_address" => EMAIL,
            "session_token" => &self.sessions[instance],
            "email_address_verification_code" if is_wrong => "WRWNGCDE",
            "temporary_password" if is_wrong => "WRWNGPASSWRD",
            "password" if is_wrong => "not the user's password",
            "email_address_verification_code" => flow().sent.as_ref().unwrap(),
            "temporary_password" => flow().temporary_password.as_ref().unwrap(),
            "password" if kind.name.starts_with("verify_") => PASSWORD,
            "password" => NEW_PASSWORD,
            _ => &flow().token,
        };
        let arguments = kind.arguments.iter();
        arguments
            .map(|&(name, _)| (name.to_owned(), Value::from(value(name))))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl std::ops::Deref for Scene {
    type Target = Fakes;

    fn deref(&self) -> &Fakes {
        &self.fakes
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) async fn answer(endpoint: &Endpoint, action: &str, arguments: Value) -> Answer {
    let body = json!({"action": action, "arguments": arguments}).to_string();
    let response = match endpoint.invoke(body.as_bytes()).await {
        EndpointResponse::Completed(response) => response,
        EndpointResponse::Overloaded { .. } => {
            return Answer {
                outcome: "overloaded".to_owned(),
                values: Value::Null,
            };
        }
        other => panic!("{action}: {other:?}"),
    };
    let response: Value = serde_json::from_str(&response).unwrap();
    let outcome = match &response["error_code"] {
        Value::String(code) => code.clone(),
        _ => "ok".to_owned(),
    };
    Answer {
        outcome,
        values: response["values"].clone(),
    }
}
