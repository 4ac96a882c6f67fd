//! Three processes on one storage are one server.

use faroe_tests::{
    binary::Binary,
    client::{PASSWORD, Session, WRONG_PASSWORD},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::backend::{Backend, address};

async fn start_three(backend: &Backend) -> [Binary; 3] {
    let (first, second, third) = tokio::join!(backend.start(), backend.start(), backend.start());
    [first, second, third]
}

/// What so many invocations at once answer, each on the next server.
async fn invoke_at_once(
    servers: &[Binary],
    times: usize,
    action: &'static str,
    arguments: &Value,
) -> Vec<Result<Value, String>> {
    let mut invocations = JoinSet::new();
    for server in servers.iter().cycle().take(times) {
        let (wire, arguments) = (server.wire.clone(), arguments.clone());
        invocations.spawn(async move { wire.invoke(action, arguments).await.result });
    }
    invocations.join_all().await
}

pub(crate) async fn three_servers_let_exactly_five_attempts_through(backend: Backend) {
    let (servers, user) = (start_three(&backend).await, address());
    servers[0].sign_up(&user).await;
    let token = servers[1].start_signin(&user).await;
    let arguments = json!({ "signin_token": token, "password": WRONG_PASSWORD });
    let answers = invoke_at_once(&servers, 64, "verify_signin_user_password", &arguments).await;
    let count = |code: &str| {
        let is_code = |answer: &&Result<Value, String>| answer.as_ref().is_err_and(|it| it == code);
        answers.iter().filter(is_code).count()
    };
    let counts = (count("incorrect_password"), count("rate_limited"));
    assert_eq!(counts, (5, 59), "{answers:?}");
    for server in &servers {
        assert_eq!(server.try_password(&user, PASSWORD).await, "rate_limited");
    }
}

pub(crate) async fn three_servers_make_one_session_of_one_signin(backend: Backend) {
    let (servers, user) = (start_three(&backend).await, address());
    servers[0].sign_up(&user).await;
    let token = servers[1].ready_signin(&user, PASSWORD).await;
    let arguments = json!({ "signin_token": token });
    let answers = invoke_at_once(&servers, 32, "complete_signin", &arguments).await;
    let mut sessions = Vec::new();
    for answer in answers {
        match answer {
            Ok(values) => sessions.push(Session::from(&values)),
            Err(code) => assert!(
                ["invalid_signin_token", "internal_conflict"].contains(&code.as_str()),
                "{code}"
            ),
        }
    }
    assert_eq!(sessions.len(), 1);
    for server in &servers {
        assert_eq!(server.session_state(&sessions[0]).await, "ok");
    }
}
