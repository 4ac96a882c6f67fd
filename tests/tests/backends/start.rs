//! The start of the program, and its messages when it does not start.

use std::time::{Duration, Instant};

use faroe_tests::{
    binary::{Binary, Settings},
    client::PASSWORD,
};
use serde_json::json;

use crate::{
    backend::{Backend, Kind, address, server, with},
    fake_redis::{FakeRedis, information, ordinary},
};

/// The most time until a program that cannot start says so.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn a_user_signs_up_and_in(backend: Backend) {
    let (program, user) = (backend.start().await, address());
    assert_eq!(program.readiness().await, (200, "ready\n".to_owned()));
    let session = program.sign_up(&user).await;
    let second = program.sign_in(&user, PASSWORD).await;
    assert_eq!(program.session_state(&session).await, "ok");
    program
        .values("delete_session", json!({ "session_token": second.token }))
        .await;
    assert_eq!(
        program.session_state(&second).await,
        "invalid_session_token"
    );
    drop(program);

    let restarted = backend.start().await;
    assert_eq!(restarted.session_state(&session).await, "ok");
}

pub(crate) async fn the_first_start_repeats_no_notice_of_the_database(backend: Backend) {
    let mut settings = backend.settings();
    settings.log = "info";
    let program = Binary::start_with(&settings).await;
    program.sign_up(&address()).await;
    let (log, _files) = program.remains().await;
    for noise in ["already exists", "sqlx", "NOTICE"] {
        assert!(!log.contains(noise), "{log}");
    }
}

pub(crate) async fn every_role_can_have_a_place_of_its_own(backend: Backend) {
    let (sqlite, place) = (backend.file("other"), backend.storage());
    for [main, rate_limit, cache] in [
        [&place, &sqlite, &sqlite],
        [&sqlite, &place, &place],
        [&sqlite, &sqlite, &place],
    ] {
        let mut settings = backend.settings();
        settings.configuration = format!(
            "session.cache_expiration = \"1 hour\"\n{}",
            settings.configuration
        );
        settings.environment = vec![
            ("MAIN_STORAGE", main.clone()),
            ("RATE_LIMIT_STORAGE", rate_limit.clone()),
            ("CACHE", cache.clone()),
            ("USER_STORE", backend.user_store()),
        ];
        let (program, user) = (Binary::start_with(&settings).await, address());
        assert_eq!(program.readiness().await.0, 200);
        let session = program.sign_up(&user).await;
        for _ in 0..2 {
            assert_eq!(program.session_state(&session).await, "ok");
        }
        // Another server uses the cache, although the users are elsewhere now.
        let users = ("USER_STORE", backend.file("nobody"));
        *settings.environment.last_mut().unwrap() = users;
        let other = Binary::start_with(&settings).await;
        assert_eq!(other.session_state(&session).await, "ok");
        program
            .values("delete_session", json!({ "session_token": session.token }))
            .await;
        assert_eq!(other.session_state(&session).await, "invalid_session_token");
    }
}

/// Returns the program's message about the value of a setting, and asserts that it is one line that names the setting.
async fn complaint(backend: &Backend, setting: &'static str, value: String) -> String {
    let mut settings = backend.settings();
    settings.environment.push((setting, value));
    settings
        .environment
        .push(("START_TIMEOUT", "1ns".to_owned()));
    let started = Instant::now();
    let text = settings.refusal().await;
    assert!(started.elapsed() < PATIENCE, "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let name = setting.to_lowercase();
    let names_it = [
        format!("faroe-server: {name}"),
        format!("faroe-server: FAROE_{setting}: {name}"),
    ];
    assert!(
        names_it.iter().any(|start| text.starts_with(start)),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
    text
}

/// Returns the settings that can name the backend.
fn settings(backend: &Backend) -> &'static [&'static str] {
    match backend.kind {
        Kind::Postgres | Kind::Mysql => &["STORAGE", "USER_STORE"],
        _ => &["STORAGE"],
    }
}

pub(crate) async fn wrong_credentials_are_refused_in_one_line(backend: Backend) {
    let (url, place) = (backend.storage(), server(&backend.storage()).to_owned());
    for setting in settings(&backend) {
        let wrong = with(&url, Some("stranger:canary"), &place);
        let text = complaint(&backend, setting, wrong).await;
        let expected = match backend.kind {
            Kind::Postgres => "stranger",
            Kind::Mysql => "Access denied for user 'stranger'",
            _ => "refused the user name or password",
        };
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(&format!("FAROE_{setting}")), "{text}");
    }
}

pub(crate) async fn a_server_that_is_down_is_told_in_one_line(backend: Backend) {
    for setting in settings(&backend) {
        let down = with(&backend.storage(), Some("me:canary"), "127.0.0.1:1");
        let text = complaint(&backend, setting, down).await;
        assert!(text.contains("at 127.0.0.1:1"), "{text}");
        assert!(text.contains(&format!("FAROE_{setting}")), "{text}");
    }
}

pub(crate) async fn a_wrong_url_is_refused_in_one_line(backend: Backend) {
    let scheme = backend.storage().split_once("://").unwrap().0.to_owned();
    for setting in settings(&backend) {
        for wrong in [
            format!("{scheme}://me:canary@localhost:port"),
            format!("{scheme}:me:canary@localhost"),
            format!("{scheme}s3://me:canary@localhost"),
        ] {
            complaint(&backend, setting, wrong).await;
        }
    }
}

pub(crate) async fn a_missing_table_is_told_in_one_line(backend: Backend) {
    let mut settings = backend.settings();
    settings
        .configuration
        .push_str("[users_table]\nname = \"accounts\"\n");
    let text = settings.refusal().await;
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("no table \"accounts\""), "{text}");
    assert!(text.contains("FAROE_USER_STORE"), "{text}");
}

pub(crate) async fn a_redis_that_drops_entries_is_warned_about(backend: Backend) {
    let redis = FakeRedis::start(|command| match command[0].as_str() {
        "INFO" => Some(information("allkeys-lru", false)),
        _ => ordinary(command),
    })
    .await;
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let environment = vec![("STORAGE", url), ("USER_STORE", backend.user_store())];
    let settings = Settings {
        environment,
        ..Settings::default()
    };
    let warning = Binary::start_with(&settings).await.next_log_line().await;
    let warning = warning.unwrap();
    assert!(
        warning.contains("maxmemory-policy is allkeys-lru"),
        "{warning}"
    );
}
