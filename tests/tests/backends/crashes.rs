//! The program is killed after any statement of any action, and started again; and it is asked to end.

use std::env;

use faroe_testkit::promise;
use faroe_tests::{
    binary::{Binary, Settings},
    client::{NEW_PASSWORD, PASSWORD, Session},
    wire::Outcome,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    backend::{Backend, Kind, address, server, with},
    tripwire::Tripwire,
};

/// An action that is about to be invoked, and the user that it concerns.
struct Job {
    arguments: Value,
    address: String,
    /// A session of the user, if there is one.
    session: Option<Session>,
}

/// The effect of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// An effect that the user does not notice.
    Nothing,
    User,
    Session,
    EndOfSession,
    NewAddress,
    NewPassword,
    EndOfUser,
}

/// All actions that write.
const ACTIONS: &[(&str, Effect)] = &[
    ("complete_signup", Effect::User),
    ("complete_signin", Effect::Session),
    ("delete_session", Effect::EndOfSession),
    ("delete_all_sessions", Effect::EndOfSession),
    ("complete_user_email_address_update", Effect::NewAddress),
    ("complete_user_password_update", Effect::NewPassword),
    ("complete_user_password_reset", Effect::NewPassword),
    ("complete_user_deletion", Effect::EndOfUser),
    ("create_signup", Effect::Nothing),
    ("delete_signup", Effect::Nothing),
    (
        "send_signup_email_address_verification_code",
        Effect::Nothing,
    ),
    (
        "verify_signup_email_address_verification_code",
        Effect::Nothing,
    ),
    ("set_signup_password", Effect::Nothing),
    ("create_signin", Effect::Nothing),
    ("delete_signin", Effect::Nothing),
    ("verify_signin_user_password", Effect::Nothing),
    ("create_user_email_address_update", Effect::Nothing),
    ("delete_user_email_address_update", Effect::Nothing),
    (
        "send_user_email_address_update_email_address_verification_code",
        Effect::Nothing,
    ),
    (
        "verify_user_email_address_update_email_address_verification_code",
        Effect::Nothing,
    ),
    (
        "verify_user_email_address_update_user_password",
        Effect::Nothing,
    ),
    ("create_user_password_update", Effect::Nothing),
    ("delete_user_password_update", Effect::Nothing),
    ("verify_user_password_update_user_password", Effect::Nothing),
    ("set_user_password_update_new_password", Effect::Nothing),
    ("create_user_deletion", Effect::Nothing),
    ("delete_user_deletion", Effect::Nothing),
    ("verify_user_deletion_user_password", Effect::Nothing),
    ("create_user_password_reset", Effect::Nothing),
    ("delete_user_password_reset", Effect::Nothing),
    (
        "verify_user_password_reset_temporary_password",
        Effect::Nothing,
    ),
    ("set_user_password_reset_new_password", Effect::Nothing),
];

/// The actions whose effect users notice, where there is no time for all.
const COMPLETIONS: usize = 8;

/// A program on a database whose connection can be cut.
struct World {
    settings: Settings,
    tripwire: Tripwire,
    program: Binary,
    kills: usize,
}

impl World {
    async fn start(backend: &Backend) -> Self {
        let tripwire = Tripwire::start(backend.kind, server(&backend.storage()).to_owned()).await;
        let place = format!("127.0.0.1:{}", tripwire.port);
        let behind = |url: &str| {
            let url = with(url, None, &place);
            let parameters = match backend.kind {
                Kind::Postgres => "sslmode=disable",
                Kind::Mysql => "ssl-mode=disabled",
                _ => return url,
            };
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}{parameters}")
        };
        let users = match backend.kind {
            Kind::Postgres | Kind::Mysql => behind(&backend.user_store()),
            _ => backend.user_store(),
        };
        let mut settings = backend.settings();
        settings.environment = vec![
            ("STORAGE", behind(&backend.storage())),
            ("USER_STORE", users),
        ];
        Self {
            program: Binary::start_with(&settings).await,
            settings,
            tripwire,
            kills: 0,
        }
    }

    async fn prepare(&self, action: &str) -> Job {
        let (program, address) = (&self.program, address());
        let of_signup = |token: String| json!({ "signup_token": token });
        if action == "create_signup" {
            let arguments = json!({ "email_address": address });
            return Job {
                arguments,
                address,
                session: None,
            };
        }
        if action.contains("signup") {
            let mut arguments = of_signup(match action {
                "complete_signup" => program.ready_signup(&address).await,
                "set_signup_password" => program.verified_signup(&address).await,
                _ => program.start_signup(&address).await,
            });
            match action {
                "set_signup_password" => arguments["password"] = PASSWORD.into(),
                "verify_signup_email_address_verification_code" => {
                    let code = program.inbox.last_code(&address).await;
                    arguments["email_address_verification_code"] = code.into();
                }
                _ => {}
            }
            return Job {
                arguments,
                address,
                session: None,
            };
        }
        let session = program.sign_up(&address).await;
        let mut arguments = self.arguments(action, &address, &session).await;
        if action.ends_with("_user_password") {
            arguments["password"] = PASSWORD.into();
        } else if action.ends_with("_new_password") {
            arguments["password"] = NEW_PASSWORD.into();
        }
        Job {
            arguments,
            address,
            session: Some(session),
        }
    }

    /// Returns the arguments of an action on an existing user, without passwords.
    async fn arguments(&self, action: &str, user: &str, session: &Session) -> Value {
        let program = &self.program;
        let of = |name: &str, token: String| {
            let mut of = json!({ "session_token": session.token });
            of[name] = token.into();
            of
        };
        let signin = |token: String| json!({ "signin_token": token });
        let reset = |token: String| json!({ "user_password_reset_token": token });
        let (address_update, password_update, deletion) = (
            "user_email_address_update_token",
            "user_password_update_token",
            "user_deletion_token",
        );
        let new = new_address(user);
        match action {
            "create_signin" | "create_user_password_reset" => json!({ "user_email_address": user }),
            "verify_signin_user_password" | "delete_signin" => {
                signin(program.start_signin(user).await)
            }
            "complete_signin" => signin(program.ready_signin(user, PASSWORD).await),
            "create_user_email_address_update" => of("new_email_address", new),
            "verify_user_email_address_update_user_password" => of(
                address_update,
                program
                    .verified_user_email_address_update(session, &new)
                    .await,
            ),
            "complete_user_email_address_update" => of(
                address_update,
                program.ready_user_email_address_update(session, &new).await,
            ),
            "verify_user_email_address_update_email_address_verification_code" => {
                let token = program.start_user_email_address_update(session, &new).await;
                let mut arguments = of(address_update, token);
                let code = program.inbox.last_code(&new).await;
                arguments["email_address_verification_code"] = code.into();
                arguments
            }
            _ if action.contains("user_email_address_update") => of(
                address_update,
                program.start_user_email_address_update(session, &new).await,
            ),
            "set_user_password_update_new_password" => of(
                password_update,
                program.verified_user_password_update(session).await,
            ),
            "complete_user_password_update" => of(
                password_update,
                program.ready_user_password_update(session).await,
            ),
            "delete_user_password_update" | "verify_user_password_update_user_password" => of(
                password_update,
                program.start_user_password_update(session).await,
            ),
            "verify_user_deletion_user_password" | "delete_user_deletion" => {
                of(deletion, program.start_user_deletion(session).await)
            }
            "complete_user_deletion" => of(deletion, program.ready_user_deletion(session).await),
            "delete_user_password_reset" => reset(program.start_user_password_reset(user).await),
            "verify_user_password_reset_temporary_password" => {
                let mut arguments = reset(program.start_user_password_reset(user).await);
                let password = program.inbox.last_temporary_password(user).await;
                arguments["temporary_password"] = password.into();
                arguments
            }
            "set_user_password_reset_new_password" => {
                reset(program.verified_user_password_reset(user).await)
            }
            "complete_user_password_reset" => reset(program.ready_user_password_reset(user).await),
            _ => json!({ "session_token": session.token }),
        }
    }

    /// Invokes an action, and kills the program after the statement with this number, unless there are fewer.
    async fn invoke_and_kill_at(
        &mut self,
        number: usize,
        action: &str,
        job: &Job,
    ) -> Option<Outcome> {
        self.tripwire.cut_at(number);
        let (wire, action) = (self.program.wire.clone(), action.to_owned());
        let request = json!({ "action": action, "arguments": job.arguments }).to_string();
        let mut asked = JoinSet::new();
        asked.spawn(async move { wire.try_post(request).await });
        let answer = tokio::select! {
            answer = asked.join_next() => answer.unwrap().unwrap(),
            () = self.tripwire.reached() => {
                self.program.kill().await;
                let answer = asked.join_next().await.unwrap().unwrap();
                assert!(answer.is_none(), "{action} was answered by a program that was dead");
                self.kills += 1;
                None
            }
        };
        self.tripwire.remove();
        if answer.is_none() {
            self.program = Binary::start_with(&self.settings).await;
        }
        answer.map(|answer| self.program.wire.parse(&action, &answer))
    }

    /// Kills the program after each statement of an action.
    async fn kill_at_every_statement(&mut self, action: &str, effect: Effect) {
        for number in 1.. {
            let job = self.prepare(action).await;
            let answered = self.invoke_and_kill_at(number, action, &job).await;
            let first = answered.map(|outcome| outcome.result);
            if let Some(Err(code)) = &first {
                panic!("{action} answered {code}");
            }
            let again = self
                .program
                .invoke(action, job.arguments.clone())
                .await
                .result;
            self.check(
                action,
                effect,
                &job,
                first.as_ref().and_then(|it| it.as_ref().ok()),
                &again,
            )
            .await;
            if first.is_some() {
                return;
            }
        }
    }

    /// Asserts that the remaining data is consistent, and that the user can continue.
    async fn check(
        &self,
        action: &str,
        effect: Effect,
        job: &Job,
        first: Option<&Value>,
        again: &Result<Value, String>,
    ) {
        let can_be_repeated = action.starts_with("create_") || action.starts_with("send_");
        match again {
            Ok(_) => assert!(first.is_none() || can_be_repeated, "{action} worked twice"),
            Err(code) => assert!(
                code.starts_with("invalid_")
                    || code.ends_with("_already_verified")
                    || code.ends_with("password_already_set"),
                "{action} answered {code} after a restart"
            ),
        }
        let is_done = first.is_some() || again.is_ok();
        let is_session_alive = match &job.session {
            Some(session) => self.is_alive(session).await,
            None => false,
        };
        for values in [first, again.as_ref().ok()].into_iter().flatten() {
            if values.get("session_token").is_some() {
                assert!(self.is_alive(&Session::from(values)).await, "{action}");
            }
        }
        let old = self.has_user(&job.address, &[PASSWORD]).await;
        match effect {
            Effect::User => {
                assert!(old || !is_done, "an acknowledged user was lost");
                if !old {
                    // The address is free, and the user starts again.
                    self.program.sign_up(&job.address).await;
                }
            }
            Effect::Nothing | Effect::Session => {
                assert_eq!(old, job.session.is_some(), "{action}");
                assert_eq!(is_session_alive, job.session.is_some(), "{action}");
            }
            Effect::EndOfSession => {
                assert!(old);
                assert!(!is_session_alive, "{action} ended no session");
            }
            Effect::NewAddress => {
                let new = self.has_user(&new_address(&job.address), &[PASSWORD]).await;
                assert!(old != new, "a user has two addresses, or none");
                assert!(new || !is_done, "a new address was lost");
                assert!(is_session_alive);
            }
            Effect::NewPassword => {
                let new = self.has_user(&job.address, &[NEW_PASSWORD]).await;
                assert!(old != new, "a user has two passwords, or none");
                assert!(new || !is_done, "a new password was lost");
                if action == "complete_user_password_reset" {
                    assert!(!is_session_alive || !is_done, "a session was not ended");
                    assert!(is_session_alive || new, "a session was ended for nothing");
                } else {
                    assert!(is_session_alive, "the acting session was ended");
                }
            }
            Effect::EndOfUser => {
                assert!(!old || !is_done, "a deleted user came back");
                assert_eq!(is_session_alive, old);
            }
        }
    }

    async fn is_alive(&self, session: &Session) -> bool {
        match self.program.session_state(session).await.as_str() {
            "ok" => true,
            "invalid_session_token" => false,
            code => panic!("get_session answered {code}"),
        }
    }

    async fn has_user(&self, address: &str, passwords: &[&str]) -> bool {
        for password in passwords {
            match self.program.try_password(address, password).await.as_str() {
                "ok" => return true,
                "incorrect_password" | "user_not_found" => {}
                code => panic!("a sign-in answered {code}"),
            }
        }
        false
    }
}

fn new_address(address: &str) -> String {
    format!("new-{address}")
}

pub(crate) async fn p44_a_program_that_is_killed_at_any_statement_leaves_nothing_broken(
    backend: Backend,
) {
    let is_thorough = env::var_os("FAROE_TEST_THOROUGH").is_some();
    let actions = if is_thorough || backend.kind == Kind::Postgres {
        ACTIONS
    } else {
        &ACTIONS[..COMPLETIONS]
    };
    // Two at once, because most of the time is spent on waiting for a program to start.
    let mut lanes = JoinSet::new();
    for lane in 0..2 {
        let backend = backend.clone();
        lanes.spawn(async move {
            let mut world = World::start(&backend).await;
            for (action, effect) in actions.iter().skip(lane).step_by(2) {
                world.kill_at_every_statement(action, *effect).await;
            }
            world.kills
        });
    }
    let kills: usize = lanes.join_all().await.into_iter().sum();
    let (name, count) = (backend.kind.name(), actions.len());
    promise::report(
        "P44",
        format!("{name}: killed {kills} times, at every statement of {count} actions"),
    );
}

/// Opens requests whose heads the program has read, and whose bodies it waits for.
async fn open_requests(place: &str, bodies: &[String]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for body in bodies {
        let mut stream = TcpStream::connect(place).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        streams.push(stream);
    }
    streams
}

pub(crate) async fn p44_a_program_that_is_asked_to_end_answers_everything_first(backend: Backend) {
    const REQUESTS: usize = 64;
    let mut world = World::start(&backend).await;
    let place = world.program.url().trim_start_matches("http://").to_owned();
    let mut bodies = Vec::new();
    for _ in 0..REQUESTS {
        let of = json!({ "signup_token": world.program.ready_signup(&address()).await });
        bodies.push(json!({ "action": "complete_signup", "arguments": of }).to_string());
    }
    let mut streams = open_requests(&place, &bodies).await;
    let mut requests = streams.iter_mut().zip(&bodies);
    for (stream, body) in requests.by_ref().take(REQUESTS / 2) {
        stream.write_all(body.as_bytes()).await.unwrap();
    }
    // Calls are held for no longer than the signal takes, because they have a time limit.
    world.tripwire.hold();
    let (stream, body) = requests.next().unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    world.tripwire.reached().await;
    world.program.terminate();
    world.tripwire.remove();
    while TcpStream::connect(&place).await.is_ok() {}
    for (stream, body) in requests {
        stream.write_all(body.as_bytes()).await.unwrap();
    }
    let mut sessions = Vec::new();
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let answer: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
        sessions.push(Session::from(&answer["values"]));
    }
    assert!(world.program.ended().await.success());
    let restarted = Binary::start_with(&world.settings).await;
    for session in &sessions {
        assert_eq!(restarted.session_state(session).await, "ok");
    }
    let name = backend.kind.name();
    promise::report(
        "P44",
        format!("{name}: {REQUESTS} requests at SIGTERM, 0 answers lost"),
    );
}
