//! A real database that is killed and started again repeatedly, while users sign up, in and out.

use std::{
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use faroe_testkit::promise;
use faroe_tests::{
    binary::Binary,
    client::{Client, NEW_PASSWORD, PASSWORD, Session},
    wire::text,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::timeout,
};

use crate::{
    backend::{Backend, Kind, address},
    own::Own,
};

/// The number of users at once.
const PEOPLE: usize = 8;

/// The most time that an answer may take while the database is down.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most time until everything works after the database is up again.
const RECOVERY: Duration = Duration::from_secs(5);

/// The number of wrong codes that a signup accepts.
const BUDGET: usize = 5;

/// The answers to one user, which must be true in the end.
#[derive(Debug, Default)]
struct Person {
    address: String,
    account: Account,
    /// Passwords, one of which is right.
    passwords: Vec<&'static str>,
    sessions: Vec<(Session, State)>,
    /// Tokens of signins whose completion was not acknowledged.
    open_signins: Vec<String>,
    /// A signup whose code was guessed, and the number of checked guesses.
    guessed: Option<(String, usize)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Account {
    #[default]
    Absent,
    /// The creation or the deletion was not acknowledged.
    Unknown,
    There,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alive,
    /// The end of the session was not acknowledged.
    Unknown,
    Dead,
}

/// The state that all users share.
#[derive(Debug)]
struct Crowd {
    client: Client,
    /// Set if the storage keeps its data when it is killed.
    keeps: bool,
    stop: AtomicBool,
    /// The number of users that no kill has interrupted.
    lived: watch::Sender<usize>,
    /// The number of users that a kill has interrupted.
    interrupted: watch::Sender<usize>,
}

/// The database was down.
struct Interrupted;

impl Crowd {
    /// Returns the values of an answer. The only allowed failures are that the database is down, or has lost the flow.
    async fn invoke(&self, action: &str, arguments: Value) -> Result<Value, Interrupted> {
        let asked = Instant::now();
        let result = self.client.invoke(action, arguments).await.result;
        assert!(
            asked.elapsed() < PATIENCE,
            "{action}: {:?}",
            asked.elapsed()
        );
        result.map_err(|code| {
            let is_lost = !self.keeps && code.starts_with("invalid_");
            let is_away = ["internal_error", "internal_conflict", "session_not_created"]
                .contains(&code.as_str());
            assert!(is_lost || is_away, "{action} answered {code}");
            Interrupted
        })
    }

    /// Runs the life of a user until an answer says that the database is down.
    async fn live(&self, person: &mut Person) -> Result<(), Interrupted> {
        person.address = address();
        let created = json!({ "email_address": person.address });
        let token = text(&self.invoke("create_signup", created).await?["signup_token"]);
        let of = json!({ "signup_token": token });
        let code = self.client.inbox.last_code(&person.address).await;
        let verify = json!({ "signup_token": token, "email_address_verification_code": code });
        let action = "verify_signup_email_address_verification_code";
        self.invoke(action, verify).await?;
        let set = json!({ "signup_token": token, "password": PASSWORD });
        self.invoke("set_signup_password", set).await?;
        (person.account, person.passwords) = (Account::Unknown, vec![PASSWORD]);
        let first = Session::from(&self.invoke("complete_signup", of).await?);
        person.account = Account::There;
        person.sessions.push((first.clone(), State::Alive));

        let second = self.sign_in(person).await?;
        let index = person.sessions.len() - 1;
        person.sessions[index].1 = State::Unknown;
        let of = json!({ "session_token": second.token });
        self.invoke("delete_session", of).await?;
        person.sessions[index].1 = State::Dead;

        let start = json!({ "session_token": first.token });
        let created = self.invoke("create_user_password_update", start).await?;
        let token = &created["user_password_update_token"];
        let mut of = json!({ "session_token": first.token, "user_password_update_token": token });
        of["password"] = PASSWORD.into();
        let action = "verify_user_password_update_user_password";
        self.invoke(action, of.clone()).await?;
        of["password"] = NEW_PASSWORD.into();
        let action = "set_user_password_update_new_password";
        self.invoke(action, of.clone()).await?;
        person.passwords.push(NEW_PASSWORD);
        // A change with an unknown outcome ends sessions, and then has to keep this one.
        person.sessions[0].1 = State::Unknown;
        self.invoke("complete_user_password_update", of).await?;
        person.sessions[0].1 = State::Alive;
        person.passwords.remove(0);

        self.guess(person).await?;

        if self.lived.borrow().is_multiple_of(2) {
            let start = json!({ "session_token": first.token });
            let created = self.invoke("create_user_deletion", start).await?;
            let token = &created["user_deletion_token"];
            let mut of = json!({ "session_token": first.token, "user_deletion_token": token });
            of["password"] = NEW_PASSWORD.into();
            self.invoke("verify_user_deletion_user_password", of.clone())
                .await?;
            person.account = Account::Unknown;
            self.invoke("complete_user_deletion", of).await?;
            person.account = Account::Gone;
        }
        Ok(())
    }

    /// Signs in by two completions at once, of which at most one may succeed.
    async fn sign_in(&self, person: &mut Person) -> Result<Session, Interrupted> {
        let start = json!({ "user_email_address": person.address });
        let created = self.invoke("create_signin", start).await?;
        let token = text(&created["signin_token"]);
        let verify = json!({ "signin_token": token, "password": PASSWORD });
        self.invoke("verify_signin_user_password", verify).await?;
        person.open_signins.push(token.clone());
        let session = self.complete(&token).await.ok_or(Interrupted)?;
        person.open_signins.pop();
        person.sessions.push((session.clone(), State::Alive));
        Ok(session)
    }

    async fn complete(&self, token: &str) -> Option<Session> {
        let of = json!({ "signin_token": token });
        let complete = || self.client.invoke("complete_signin", of.clone());
        let (one, other) = tokio::join!(complete(), complete());
        let mut sessions = Vec::new();
        for answer in [one, other] {
            match answer.result {
                Ok(values) => sessions.push(Session::from(&values)),
                Err(code) => assert!(
                    [
                        "internal_error",
                        "internal_conflict",
                        "invalid_signin_token"
                    ]
                    .contains(&code.as_str()),
                    "{code}"
                ),
            }
        }
        assert!(sessions.len() < 2, "one signin gave two sessions");
        sessions.pop()
    }

    /// Guesses the code of a signup, with more guesses at once than it accepts.
    async fn guess(&self, person: &mut Person) -> Result<(), Interrupted> {
        let created = json!({ "email_address": address() });
        let token = text(&self.invoke("create_signup", created).await?["signup_token"]);
        let looked_at = self.guesses(&token).await;
        person.guessed = Some((token, looked_at));
        Ok(())
    }

    async fn guesses(&self, token: &str) -> usize {
        let guess = json!({ "signup_token": token, "email_address_verification_code": "AAAAAAAA" });
        let action = "verify_signup_email_address_verification_code";
        let mut guesses = JoinSet::new();
        for _ in 0..BUDGET + 3 {
            let (client, guess) = (self.client.clone(), guess.clone());
            guesses.spawn(async move { client.invoke(action, guess).await });
        }
        let answers = guesses.join_all().await;
        let wrong = "incorrect_email_address_verification_code";
        answers
            .iter()
            .filter(|answer| answer.code() == wrong)
            .count()
    }

    /// Runs one user after the other, until it is time to stop.
    async fn populate(self: Arc<Self>) -> Vec<Person> {
        let mut people = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let mut person = Person::default();
            let count = match self.live(&mut person).await {
                Ok(()) => &self.lived,
                Err(Interrupted) => &self.interrupted,
            };
            count.send_modify(|count| *count += 1);
            people.push(person);
        }
        people
    }

    /// Checks whether this address has a user with one of these passwords, and asserts that it is not two.
    async fn has_user(&self, address: &str, passwords: &[&str]) -> bool {
        let mut right = 0;
        for password in passwords {
            match self.client.try_password(address, password).await.as_str() {
                "ok" => right += 1,
                "incorrect_password" => {}
                "user_not_found" => return false,
                code => panic!("a sign-in answered {code}"),
            }
        }
        assert_eq!(
            right,
            1,
            "of {} passwords {right} are right",
            passwords.len()
        );
        true
    }

    /// Asserts that every answer to this user is true.
    async fn check(&self, person: &Person, kills: usize) {
        let is_there = match person.account {
            Account::Absent => return,
            _ => self.has_user(&person.address, &person.passwords).await,
        };
        match person.account {
            Account::There => assert!(is_there, "a user was lost"),
            Account::Gone => assert!(!is_there, "a deleted user came back"),
            Account::Absent | Account::Unknown => {}
        }
        for token in &person.open_signins {
            if let Some(session) = self.complete(token).await {
                assert_eq!(self.client.session_state(&session).await, "ok");
                assert_eq!(self.complete(token).await.map(|session| session.id), None);
            }
        }
        for (session, state) in &person.sessions {
            let found = self.client.session_state(session).await;
            let is_alive = found == "ok";
            assert!(is_alive || found == "invalid_session_token", "{found}");
            match state {
                _ if !is_there => assert!(!is_alive, "a deleted user has a session"),
                State::Alive => assert!(is_alive || !self.keeps, "a session was lost"),
                State::Dead => assert!(!is_alive, "a session that had ended came back"),
                State::Unknown => {}
            }
        }
        if let Some((token, looked_at)) = &person.guessed {
            let looked_at = looked_at + self.guesses(token).await;
            let lost = if self.keeps { 0 } else { kills };
            assert!(
                looked_at <= BUDGET * (1 + lost),
                "{looked_at} guesses were looked at"
            );
        }
    }

    async fn check_all(self: &Arc<Self>, people: Vec<Person>, kills: usize) {
        let (mut checks, people) = (JoinSet::new(), Arc::new(Mutex::new(people)));
        for _ in 0..PEOPLE {
            let (crowd, people) = (Arc::clone(self), Arc::clone(&people));
            checks.spawn(async move {
                let next = || people.lock().unwrap().pop();
                while let Some(person) = next() {
                    crowd.check(&person, kills).await;
                }
            });
        }
        checks.join_all().await;
    }
}

/// Waits until a counter has grown by this number.
async fn wait_for_more(count: &watch::Sender<usize>, more: usize, limit: Duration) {
    let mut count = count.subscribe();
    let enough = *count.borrow() + more;
    let waited = timeout(limit, count.wait_for(|count| *count >= enough)).await;
    assert!(waited.is_ok(), "nothing happened for {limit:?}");
}

pub(crate) async fn p32_a_database_that_is_killed_under_load_costs_nothing_that_was_acknowledged(
    backend: Backend,
) {
    const LONG: Duration = Duration::from_secs(30);
    let kills = if env::var_os("FAROE_TEST_THOROUGH").is_some() {
        10
    } else {
        2
    };
    let kind = backend.kind;
    let mut own = block_in_place(|| Own::start(kind, "p32", None));
    let mut settings = backend.settings();
    settings.configuration = "[hashing]\nmemory_kib = 1024\niterations = 1\nqueue = 100\n\
        [rate_limits.verify_user_password]\ncapacity = 20\ninterval = \"1 hour\"\n"
        .to_owned();
    let users = match kind {
        Kind::Postgres | Kind::Mysql => own.url(),
        _ => backend.user_store(),
    };
    settings.environment = vec![("STORAGE", own.url()), ("USER_STORE", users)];
    let program = Binary::start_with(&settings).await;
    let crowd = Arc::new(Crowd {
        client: Client::clone(&program),
        keeps: matches!(kind, Kind::Postgres | Kind::Mysql),
        stop: AtomicBool::new(false),
        lived: watch::Sender::default(),
        interrupted: watch::Sender::default(),
    });
    let mut people = JoinSet::new();
    for _ in 0..PEOPLE {
        people.spawn(Arc::clone(&crowd).populate());
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        wait_for_more(&crowd.lived, 2 * PEOPLE, LONG).await;
        block_in_place(|| own.kill());
        wait_for_more(&crowd.interrupted, PEOPLE, LONG).await;
        block_in_place(|| own.restart());
        let back = Instant::now();
        wait_for_more(&crowd.lived, 1, RECOVERY).await;
        while program.readiness().await.0 != 200 {
            assert!(back.elapsed() < RECOVERY, "it is not ready again");
        }
        slowest = slowest.max(back.elapsed());
    }
    wait_for_more(&crowd.lived, PEOPLE, LONG).await;
    crowd.stop.store(true, Ordering::Relaxed);
    let people: Vec<Person> = people.join_all().await.into_iter().flatten().collect();
    let count = people.len();
    crowd.check_all(people, kills).await;
    let name = kind.name();
    promise::report(
        "P32",
        format!(
            "{name}: killed {kills} times under load, {count} people were told the truth, back within {} ms",
            slowest.as_millis(),
        ),
    );
}
