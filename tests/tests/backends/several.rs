//! Three processes on one storage, which behave as one server.

use std::env;

use faroe_testkit::promise;
use faroe_tests::{
    binary::{Binary, Settings},
    client::{NEW_PASSWORD, PASSWORD, Session, WRONG_PASSWORD},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::backend::{Backend, address};

async fn start_three(settings: &Settings) -> [Binary; 3] {
    let start = || Binary::start_with(settings);
    let (first, second, third) = tokio::join!(start(), start(), start());
    [first, second, third]
}

/// Invokes an action many times at once, each time on the next server, and returns the answers.
async fn invoke_at_once(
    servers: &[Binary],
    times: usize,
    action: &str,
    arguments: &Value,
) -> Vec<Result<Value, String>> {
    let mut invocations = JoinSet::new();
    for server in servers.iter().cycle().take(times) {
        let (wire, action, arguments) = (server.wire.clone(), action.to_owned(), arguments.clone());
        invocations.spawn(async move { wire.invoke(&action, arguments).await.result });
    }
    invocations.join_all().await
}

/// Asserts that of 64 guesses at once exactly five are checked.
async fn guess(servers: &[Binary], action: &str, arguments: &Value, wrong: &str) {
    let answers = invoke_at_once(servers, 64, action, arguments).await;
    let count = |code: &str| {
        let is_code = |answer: &&Result<Value, String>| answer.as_ref().is_err_and(|it| it == code);
        answers.iter().filter(is_code).count()
    };
    let counts = (count(wrong), count("rate_limited"));
    assert_eq!(counts, (5, 59), "{answers:?}");
}

pub(crate) async fn p12_three_servers_let_exactly_five_guesses_through(backend: Backend) {
    const ROUNDS_WITH_A_PASSWORD: usize = 2;
    let rounds = if env::var_os("FAROE_TEST_THOROUGH").is_some() {
        50
    } else {
        10
    };
    let servers = start_three(&backend.settings()).await;
    for round in 0..rounds {
        let user = address();
        let [first, second, _] = &servers;
        if round >= ROUNDS_WITH_A_PASSWORD {
            let token = first.start_signup(&user).await;
            let guessed =
                json!({ "signup_token": token, "email_address_verification_code": "AAAAAAAA" });
            let action = "verify_signup_email_address_verification_code";
            let wrong = "incorrect_email_address_verification_code";
            guess(&servers, action, &guessed, wrong).await;
            continue;
        }
        first.sign_up(&user).await;
        let token = second.start_signin(&user).await;
        let guessed = json!({ "signin_token": token, "password": WRONG_PASSWORD });
        let action = "verify_signin_user_password";
        guess(&servers, action, &guessed, "incorrect_password").await;
        for server in &servers {
            assert_eq!(server.try_password(&user, PASSWORD).await, "rate_limited");
        }
    }
    let name = backend.kind.name();
    promise::report(
        "P12",
        format!("{name}: {rounds} rounds of 64 guesses on 3 servers, 5 looked at in each"),
    );
}

/// Races every step on three servers, and returns the number of steps.
struct Steps<'a> {
    servers: &'a [Binary],
    count: usize,
}

impl Steps<'_> {
    /// Asserts that of 32 equal requests at once one takes effect, and returns its answer.
    async fn once(&mut self, action: &str, arguments: Value) -> Value {
        self.count += 1;
        let answers = invoke_at_once(self.servers, 32, action, &arguments).await;
        let mut winner = None;
        for answer in answers {
            match answer {
                Ok(values) => assert!(winner.replace(values).is_none(), "{action} worked twice"),
                Err(code) => assert!(
                    code == "internal_conflict"
                        || code.starts_with("invalid_")
                        || code.ends_with("_already_verified")
                        || code.ends_with("password_already_set"),
                    "{action} answered {code}"
                ),
            }
        }
        winner.unwrap_or_else(|| panic!("{action} never worked"))
    }
}

pub(crate) async fn what_one_server_has_acknowledged_every_other_knows(backend: Backend) {
    const ROUNDS: usize = 20;
    let mut settings = backend.settings();
    settings.configuration = "[hashing]\nmemory_kib = 1024\niterations = 1\n\
        [rate_limits]\nverify_user_password = { capacity = 1000, interval = \"1 hour\" }\n"
        .to_owned();
    let servers = start_three(&settings).await;
    let user = address();
    servers[0].sign_up(&user).await;
    for round in 0..ROUNDS {
        let server = &servers[round % servers.len()];
        let session = server.sign_in(&user, PASSWORD).await;
        let other = server.sign_in(&user, PASSWORD).await;
        // Each reads twice, so that the user is cached where that is possible.
        for server in servers.iter().chain(&servers) {
            assert_eq!(server.session_state(&session).await, "ok");
        }
        let of = json!({ "session_token": other.token });
        server.values("delete_all_sessions", of).await;
        for server in &servers {
            assert_eq!(
                server.session_state(&session).await,
                "invalid_session_token"
            );
        }
    }
}

fn with(arguments: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut arguments = arguments.clone();
    arguments[name] = value.into();
    arguments
}

pub(crate) async fn p19_every_step_takes_effect_once(backend: Backend) {
    let mut settings = backend.settings();
    // With these limits all racers pass.
    settings.configuration = "[hashing]\nmemory_kib = 1024\niterations = 1\nqueue = 100\n\
        [rate_limits]\nverify_user_password = { capacity = 1000, interval = \"1 hour\" }\n\
        verify_email_address_verification_code = { capacity = 1000, interval = \"1 hour\" }\n\
        verify_temporary_password = { capacity = 1000, interval = \"1 hour\" }\n"
        .to_owned();
    let servers = start_three(&settings).await;
    let (first, user, new) = (&servers[0], address(), address());
    let mut steps = Steps {
        servers: &servers,
        count: 0,
    };
    let code = "email_address_verification_code";

    let token = json!({ "signup_token": first.start_signup(&address()).await });
    steps.once("delete_signup", token).await;
    let token = json!({ "signup_token": first.start_signup(&user).await });
    let sent = first.inbox.last_code(&user).await;
    let action = "verify_signup_email_address_verification_code";
    steps.once(action, with(&token, code, sent)).await;
    let set = with(&token, "password", PASSWORD);
    steps.once("set_signup_password", set).await;
    let session = Session::from(&steps.once("complete_signup", token).await);

    let token = json!({ "signin_token": first.start_signin(&user).await });
    steps.once("delete_signin", token).await;
    let token = json!({ "signin_token": first.start_signin(&user).await });
    let action = "verify_signin_user_password";
    steps.once(action, with(&token, "password", PASSWORD)).await;
    let second = Session::from(&steps.once("complete_signin", token).await);
    let of = json!({ "session_token": second.token });
    steps.once("delete_session", of).await;

    let of = json!({ "session_token": session.token });
    let name = "user_email_address_update_token";
    let token = first.start_user_email_address_update(&session, &new).await;
    let action = "delete_user_email_address_update";
    steps.once(action, with(&of, name, token)).await;
    let token = first.start_user_email_address_update(&session, &new).await;
    let token = with(&of, name, token);
    let sent = first.inbox.last_code(&new).await;
    let action = "verify_user_email_address_update_email_address_verification_code";
    steps.once(action, with(&token, code, sent)).await;
    let action = "verify_user_email_address_update_user_password";
    steps.once(action, with(&token, "password", PASSWORD)).await;
    steps
        .once("complete_user_email_address_update", token)
        .await;

    let name = "user_password_update_token";
    let token = first.start_user_password_update(&session).await;
    let action = "delete_user_password_update";
    steps.once(action, with(&of, name, token)).await;
    let token = with(&of, name, first.start_user_password_update(&session).await);
    let action = "verify_user_password_update_user_password";
    steps.once(action, with(&token, "password", PASSWORD)).await;
    let action = "set_user_password_update_new_password";
    let set = with(&token, "password", NEW_PASSWORD);
    steps.once(action, set).await;
    steps.once("complete_user_password_update", token).await;

    let token = first.start_user_password_reset(&new).await;
    let token = json!({ "user_password_reset_token": token });
    steps.once("delete_user_password_reset", token).await;
    let token = first.start_user_password_reset(&new).await;
    let token = json!({ "user_password_reset_token": token });
    let sent = first.inbox.last_temporary_password(&new).await;
    let action = "verify_user_password_reset_temporary_password";
    steps
        .once(action, with(&token, "temporary_password", sent))
        .await;
    let action = "set_user_password_reset_new_password";
    steps.once(action, with(&token, "password", PASSWORD)).await;
    let reset = steps.once("complete_user_password_reset", token).await;

    let session = Session::from(&reset);
    let of = json!({ "session_token": session.token });
    let name = "user_deletion_token";
    let token = first.start_user_deletion(&session).await;
    steps
        .once("delete_user_deletion", with(&of, name, token))
        .await;
    let token = with(&of, name, first.start_user_deletion(&session).await);
    let action = "verify_user_deletion_user_password";
    steps.once(action, with(&token, "password", PASSWORD)).await;
    steps.once("complete_user_deletion", token).await;
    assert_eq!(first.session_state(&session).await, "invalid_session_token");

    let of = json!({ "session_token": first.sign_up(&address()).await.token });
    steps.once("delete_all_sessions", of).await;

    let (name, count) = (backend.kind.name(), steps.count);
    promise::report(
        "P19",
        format!("{name}: {count} steps with 32 racers on 3 servers, 1 success each"),
    );
}
