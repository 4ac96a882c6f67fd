//! Any sequence of requests is answered as the model answers it: no step can be skipped, reordered or mixed with another
//! flow's or user's.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    email::EmailAddressChecker,
    email::EmailFate,
    endpoint::Endpoint,
    error::AdapterError,
    password::PasswordStrengthChecker,
    protocol::{
        schema::{ActionSchema, server_actions},
        secret::Password,
    },
    time::Clock,
    user_store::{UserId, UserStore},
};
use faroe_testkit::{
    effort::Effort,
    fault::{self, Faults},
    promise,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value};

use crate::{
    harness::Harness,
    model::{Fault, Kind, Model, Record, Request},
    world::{NOBODY, send_to, token_arguments},
};

const ADDRESSES: [&str; 8] = [
    "ada@example.com",
    "Ada@example.com",
    "bob@example.com",
    "eve@example.com",
    "fay@example.com",
    "gil@example.com",
    "hal@example.com",
    "not an address",
];

const PASSWORDS: [&str; 5] = [
    "first of the passwords",
    "second of the passwords",
    "third of the passwords",
    "weak password",
    "too short",
];

const MINUTE: u64 = 60_000;

/// By how many milliseconds time moves on.
const PAUSES: [u64; 12] = [
    1,
    999,
    30_000,
    MINUTE - 1,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE - 1,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    30 * 24 * 60 * MINUTE - 1,
    30 * 24 * 60 * MINUTE,
];

/// Checkers of addresses and passwords that a test controls.
#[derive(Debug, Default)]
struct Policy {
    refuses_addresses: AtomicBool,
}

#[async_trait]
impl EmailAddressChecker for Policy {
    async fn is_allowed(&self, _: &str) -> Result<bool, AdapterError> {
        Ok(!self.refuses_addresses.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl PasswordStrengthChecker for Policy {
    async fn is_strong_enough(&self, password: &Password) -> Result<bool, AdapterError> {
        Ok(!password.expose().starts_with("weak"))
    }
}

/// The decisions of one step, drawn out of one number.
struct Choices(u64);

impl Choices {
    fn below(&mut self, number: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % number
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// The number of answers with each error code of each action.
type Seen = BTreeMap<(&'static str, String), usize>;

/// The real server and the model, side by side.
struct Pair {
    model: Model,
    harness: Harness,
    endpoint: Endpoint,
    faults: Arc<Faults>,
    policy: Arc<Policy>,
    /// The IDs of the model's users.
    user_ids: Vec<UserId>,
    actions: Arc<Vec<ActionSchema>>,
    history: Vec<(Request, Result<(), &'static str>)>,
    seen: Seen,
}

impl Pair {
    async fn new(actions: Arc<Vec<ActionSchema>>) -> Result<Self, TestCaseError> {
        let harness = Harness::new();
        let policy = Arc::<Policy>::default();
        let (server, faults) = harness.beside(|_, options| {
            options.email_address_checker = Arc::clone(&policy) as _;
            options.password_strength_checker = Arc::clone(&policy) as _;
            // As few as attempts, so that sequences use them up.
            let five = options.rate_limits.verify_user_password;
            options.rate_limits.create_signin = five;
            options.rate_limits.create_session_flow = five;
        });
        let mut pair = Self {
            model: Model::new(harness.clock.now().as_milliseconds()),
            harness,
            endpoint: server.endpoint(),
            faults,
            policy,
            user_ids: vec![],
            actions,
            history: vec![],
            seen: Seen::new(),
        };
        for (email_address, password) in
            [(ADDRESSES[0], PASSWORDS[0]), (ADDRESSES[2], PASSWORDS[1])]
        {
            let email_address = HashMap::from([("email_address", email_address.to_owned())]);
            pair.compare(request("create_signup", email_address))
                .await?;
            let signup = pair.model.records.last().unwrap().clone();
            let of = |name, value: &str| {
                HashMap::from([
                    ("signup_token", signup.token.clone()),
                    (name, value.to_owned()),
                ])
            };
            let code = of("email_address_verification_code", &signup.secret);
            let verify = "verify_signup_email_address_verification_code";
            pair.compare(request(verify, code)).await?;
            pair.compare(request("set_signup_password", of("password", password)))
                .await?;
            let token = HashMap::from([("signup_token", signup.token.clone())]);
            pair.compare(request("complete_signup", token)).await?;
        }
        Ok(pair)
    }

    /// Sends a request to both, and takes over what only the real server knows.
    async fn compare(&mut self, request: Request) -> Result<(), TestCaseError> {
        let Request {
            action,
            arguments,
            fault,
        } = &request;
        let schema = self
            .actions
            .iter()
            .find(|schema| schema.name == *action)
            .unwrap();
        let may_conflict = schema.error_codes.contains(&"internal_conflict");
        let last_value = schema.values.last().map(|&(name, _)| name);
        match fault {
            Fault::None => {}
            Fault::FirstCall => self.faults.at_next("", fault::Fault::FailBeforeActing),
            Fault::FirstConflict => self.faults.at_next("", fault::Fault::Conflict),
            Fault::Storing => self
                .faults
                .at_next("Storage::add main.", fault::Fault::FailBeforeActing),
        }
        let members = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
        let real = send_to(
            &self.endpoint,
            action,
            Value::Object(members.collect::<Map<_, _>>()),
        )
        .await;
        self.faults.heal();
        let expected = self.model.answer(&request);
        let expected = match expected {
            Err("internal_conflict") if !may_conflict => Err("internal_error"),
            expected => expected,
        };
        let found = real.as_ref().map(|_| ()).map_err(String::as_str);
        self.history.push((request.clone(), expected));
        if found != expected {
            let history = &self.history;
            return Err(TestCaseError::fail(format!(
                "{history:#?}, but the server: {found:?}"
            )));
        }
        if let Err(code) = &real {
            *self.seen.entry((*action, code.clone())).or_default() += 1;
        }
        self.notice_users();
        if let (Ok(values), Some(token)) = (real, last_value)
            && token.ends_with("_token")
        {
            let (email_address, mailbox) = (
                self.model.records.last().unwrap().email_address.clone(),
                &self.harness.mailbox,
            );
            let secret = match token {
                "user_password_reset_token" => mailbox
                    .last_temporary_password(&email_address)
                    .map(|secret| secret.expose().to_owned()),
                _ => mailbox
                    .last_code(&email_address)
                    .map(|secret| secret.expose().to_owned()),
            };
            let record = self.model.records.last_mut().unwrap();
            record.token = values[token].as_str().unwrap().to_owned();
            record.secret = secret.unwrap_or_default();
        }
        Ok(())
    }

    /// Learns the ID of a user that was just created.
    fn notice_users(&mut self) {
        if self.user_ids.len() < self.model.users.len() {
            let email_address = &self.model.users.last().unwrap().email_address;
            let users = self.harness.users.users();
            let created = users
                .iter()
                .find(|user| user.email_address == *email_address);
            self.user_ids.push(created.unwrap().id.clone());
        }
    }

    async fn step(&mut self, choices: &mut Choices) -> Result<(), TestCaseError> {
        if choices.percent(12) {
            self.change_the_world(choices).await;
            return Ok(());
        }
        let mut request = self.request(choices);
        let stores =
            request.action.starts_with("complete_") || request.action.starts_with("create_");
        request.fault = match choices.below(20) {
            0 | 1 => Fault::FirstCall,
            2 | 3 => Fault::FirstConflict,
            4 | 5 if stores => Fault::Storing,
            _ => Fault::None,
        };
        // Now and then often enough to use up a limit.
        let often = if request.action.starts_with("verify_") {
            20
        } else {
            8
        };
        let times = match choices.percent(often) {
            true if request.action.starts_with("set_") => 11,
            true => 7,
            false => 1,
        };
        for _ in 0..times {
            self.compare(request.clone()).await?;
        }
        Ok(())
    }

    async fn change_the_world(&mut self, choices: &mut Choices) {
        let user = choices.below(self.model.users.len());
        let (model, id) = (&mut self.model.users[user], &self.user_ids[user]);
        match choices.below(8) {
            0 if !model.deleted => {
                model.disabled = !model.disabled;
                model.disabled_changes += 1;
                match model.disabled {
                    true => self.harness.users.disable_user(id),
                    false => self.harness.users.enable_user(id),
                }
            }
            1 if !model.deleted && choices.percent(20) => {
                model.deleted = true;
                let _ = self.harness.users.delete_user(id).await.unwrap();
            }
            2 => {
                self.model.addresses_refused = choices.percent(30);
                let refuses = self.model.addresses_refused;
                self.policy
                    .refuses_addresses
                    .store(refuses, Ordering::SeqCst);
            }
            3 => {
                let fates = [
                    EmailFate::Unknown,
                    EmailFate::NotAccepted,
                    EmailFate::RecipientRefused,
                ];
                let fate = choices.percent(30).then(|| choices.one_of(&fates));
                self.model.mail_fate = fate;
                self.harness.mailbox.set_fate(fate);
            }
            _ => {
                let longest = if choices.percent(15) { PAUSES.len() } else { 7 };
                let pause = choices.one_of(&PAUSES[..longest]);
                self.model.now += i64::try_from(pause).unwrap();
                self.harness.advance(Duration::from_millis(pause));
            }
        }
    }

    /// A record of a kind, most often one that is not gone.
    fn record(&self, kind: Option<Kind>, choices: &mut Choices) -> Option<Record> {
        let gone = choices.percent(10);
        let records = self.model.records.iter();
        let fitting: Vec<_> = records
            .filter(|record| kind.is_none_or(|kind| record.kind == kind) && record.removed == gone)
            .collect();
        (!fitting.is_empty()).then(|| fitting[choices.below(fitting.len())].clone())
    }

    fn request(&self, choices: &mut Choices) -> Request {
        if choices.percent(60) {
            let kind = choices.one_of(&Kind::ALL);
            let Some(record) = self.record(Some(kind), choices) else {
                return self.request_of(creation(kind), None, choices);
            };
            let action = next_action(&record, choices);
            return self.request_of(action, Some(&record), choices);
        }
        let schema = &self.actions[choices.below(self.actions.len())];
        let token = token_arguments(schema).pop();
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| Some(kind.token()) == token);
        let record = kind.and_then(|kind| self.record(Some(kind), choices));
        self.request_of(schema.name, record.as_ref(), choices)
    }

    /// Arguments that mostly fit to go on with a record.
    fn request_of(
        &self,
        action: &'static str,
        record: Option<&Record>,
        choices: &mut Choices,
    ) -> Request {
        let schema = self
            .actions
            .iter()
            .find(|schema| schema.name == action)
            .unwrap();
        let mut arguments = HashMap::new();
        for &(name, _) in schema.arguments {
            let right = choices.percent(75);
            let value = match name {
                "session_token" if record.is_some_and(|record| record.kind != Kind::Session) => {
                    let own = record.and_then(|record| self.model.records.get(record.session));
                    let other = self.record(Some(Kind::Session), choices);
                    own.filter(|_| right)
                        .cloned()
                        .or(other)
                        .map(|record| record.token)
                }
                _ if name.ends_with("_token") => {
                    let other = self.record(None, choices).map(|record| record.token);
                    record
                        .map(|record| record.token.clone())
                        .map(|token| match choices.below(20) {
                            0 => format!("{}.{NOBODY}", &token[..24]),
                            1 => format!("{token}."),
                            2 => other.unwrap_or_default(),
                            _ => token,
                        })
                }
                "user_email_address" if right => {
                    let user = &self.model.users[choices.below(self.model.users.len())];
                    Some(user.email_address.clone())
                }
                _ if name.ends_with("email_address") => Some(choices.one_of(&ADDRESSES).to_owned()),
                "password" if action.starts_with("verify_") => {
                    let user = record.and_then(|record| self.model.users.get(record.user));
                    let known = user.filter(|_| right).map(|user| user.password.clone());
                    known.or_else(|| Some(choices.one_of(&PASSWORDS).to_owned()))
                }
                "password" => Some(choices.one_of(&PASSWORDS).to_owned()),
                _ => record.filter(|_| right).map(|record| record.secret.clone()),
            };
            arguments.insert(name, value.unwrap_or_default());
        }
        request(action, arguments)
    }

    /// Asserts that in the end the users are the same.
    fn assert_same_users(&self) -> Result<(), TestCaseError> {
        let mut model: Vec<_> = self
            .model
            .users
            .iter()
            .filter(|user| !user.deleted)
            .map(|user| (user.email_address.clone(), user.disabled))
            .collect();
        let users = self.harness.users.users().into_iter();
        let mut real: Vec<_> = users
            .map(|user| (user.email_address, user.disabled))
            .collect();
        model.sort();
        real.sort();
        prop_assert_eq!(real, model);
        Ok(())
    }
}

fn request(action: &'static str, arguments: HashMap<&'static str, String>) -> Request {
    Request {
        action,
        arguments,
        fault: Fault::None,
    }
}

/// Returns the action that creates a record. For a session it is a sign-in's.
fn creation(kind: Kind) -> &'static str {
    match kind {
        Kind::Signup => "create_signup",
        Kind::Signin | Kind::Session => "create_signin",
        Kind::EmailAddressUpdate => "create_user_email_address_update",
        Kind::PasswordUpdate => "create_user_password_update",
        Kind::Deletion => "create_user_deletion",
        Kind::PasswordReset => "create_user_password_reset",
    }
}

/// The step that its owner would take next.
fn next_action(record: &Record, choices: &mut Choices) -> &'static str {
    let Record {
        address_verified,
        identity_verified,
        ..
    } = *record;
    let is_set = record.new_password.is_some();
    match record.kind {
        Kind::Signup if !address_verified => "verify_signup_email_address_verification_code",
        Kind::Signup if !is_set => "set_signup_password",
        Kind::Signup => "complete_signup",
        Kind::Signin if !identity_verified => "verify_signin_user_password",
        Kind::Signin => "complete_signin",
        Kind::Session => choices.one_of(&[
            "create_user_email_address_update",
            "create_user_password_update",
            "create_user_deletion",
        ]),
        Kind::EmailAddressUpdate if !address_verified => {
            "verify_user_email_address_update_email_address_verification_code"
        }
        Kind::EmailAddressUpdate if !identity_verified => {
            "verify_user_email_address_update_user_password"
        }
        Kind::EmailAddressUpdate => "complete_user_email_address_update",
        Kind::PasswordUpdate if !identity_verified => "verify_user_password_update_user_password",
        Kind::PasswordUpdate if !is_set => "set_user_password_update_new_password",
        Kind::PasswordUpdate => "complete_user_password_update",
        Kind::Deletion if !identity_verified => "verify_user_deletion_user_password",
        Kind::Deletion => "complete_user_deletion",
        Kind::PasswordReset if !identity_verified => {
            "verify_user_password_reset_temporary_password"
        }
        Kind::PasswordReset if !is_set => "set_user_password_reset_new_password",
        Kind::PasswordReset => "complete_user_password_reset",
    }
}

/// Runs so many random sequences. Returns how many requests there were.
fn run(sequences: u32, seen: &Mutex<Seen>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let actions = Arc::new(server_actions());
    let requests = Cell::new(0);
    let steps = prop::collection::vec(any::<u64>(), 15..50);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(sequences)
    });
    let result = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let mut pair = Pair::new(Arc::clone(&actions)).await?;
            for step in steps {
                pair.step(&mut Choices(step)).await?;
            }
            pair.assert_same_users()?;
            requests.set(requests.get() + pair.history.len());
            let mut seen = seen.lock().unwrap();
            for (code, times) in pair.seen {
                *seen.entry(code).or_default() += times;
            }
            Ok(())
        })
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    requests.get()
}

#[test]
fn p21_no_step_can_be_skipped_reordered_or_mixed() {
    let effort = Effort::requested();
    let sequences = effort.cases(800, 10_000, 200_000);
    let seen = Mutex::<Seen>::default();
    let requests: usize = std::thread::scope(|scope| {
        let halves = [(); 2].map(|()| scope.spawn(|| run(sequences / 2, &seen)));
        halves.into_iter().map(|half| half.join().unwrap()).sum()
    });
    let seen = seen.into_inner().unwrap();
    let actions = server_actions();
    let codes: Vec<_> = actions
        .iter()
        .flat_map(|action| {
            action
                .error_codes
                .iter()
                .map(|code| (action.name, (*code).to_owned()))
        })
        .collect();
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !seen.contains_key(*code))
        .collect();
    // A few sequences may well miss the rarest codes.
    if effort > Effort::Quick {
        assert!(missing.is_empty(), "never answered: {missing:?}");
    }
    let overloaded = seen.keys().filter(|(_, code)| code == "overloaded");
    assert_eq!(overloaded.count(), 3, "flows are used up");
    promise::report(
        "P21",
        format_args!(
            "{sequences} sequences, {requests} requests as the model, {} of {} error codes of {} actions seen",
            codes.len() - missing.len(),
            codes.len(),
            actions.len(),
        ),
    );
}
