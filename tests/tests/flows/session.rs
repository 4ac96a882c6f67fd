use std::time::Duration;

use faroe_tests::{client::PASSWORD, server::TestServer};
use serde_json::json;

use crate::{USER, now};

#[tokio::test]
async fn a_session_that_is_deleted_ends_alone() {
    let server = TestServer::start().await;
    let first = server.sign_up(USER).await;
    let second = server.sign_in(USER, PASSWORD).await;
    assert_ne!(first.id, second.id);
    let values = server
        .values("delete_session", json!({ "session_token": first.token }))
        .await;
    assert_eq!(values, json!({}));
    assert_eq!(server.session_state(&first).await, "invalid_session_token");
    assert_eq!(server.session_state(&second).await, "ok");
}

#[tokio::test]
async fn all_sessions_of_one_user_end_at_once() {
    let server = TestServer::start().await;
    let first = server.sign_up(USER).await;
    let second = server.sign_in(USER, PASSWORD).await;
    let other_user = server.sign_up("grace@example.com").await;
    let values = server
        .values(
            "delete_all_sessions",
            json!({ "session_token": second.token }),
        )
        .await;
    assert_eq!(values, json!({}));
    for ended in [&first, &second] {
        assert_eq!(server.session_state(ended).await, "invalid_session_token");
    }
    assert_eq!(server.session_state(&other_user).await, "ok");
    let later = server.sign_in(USER, PASSWORD).await;
    assert_eq!(server.session_state(&later).await, "ok");
}

#[tokio::test]
async fn a_session_ends_when_the_user_is_disabled_and_stays_dead() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let user_id = session.user_id.as_str().into();
    server.users.disable_user(&user_id);
    server.users.enable_user(&user_id);
    assert_eq!(
        server.session_state(&session).await,
        "invalid_session_token"
    );
}

#[tokio::test]
async fn an_absolute_expiration_is_shown_and_kept() {
    let day = Duration::from_secs(24 * 60 * 60);
    let server = TestServer::start_with(|options| {
        options.session.absolute_expiration = Some(90 * day);
    })
    .await;
    let created_at = now(&server);
    let session = server.sign_up(USER).await;
    let of = json!({ "session_token": session.token });
    for _ in 0..4 {
        server.clock.advance(20 * day);
        let values = server.values("get_session", of.clone()).await;
        assert_eq!(values["session"]["created_at"], created_at);
        assert_eq!(
            values["session"]["expires_at"],
            created_at + 90 * 24 * 60 * 60
        );
    }
    server.clock.advance(10 * day);
    assert_eq!(
        server.session_state(&session).await,
        "invalid_session_token"
    );
}

#[tokio::test]
async fn losing_the_whole_storage_costs_a_new_signin_and_nothing_else() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    server.storage.clear();
    assert_eq!(
        server.session_state(&session).await,
        "invalid_session_token"
    );
    let session = server.sign_in(USER, PASSWORD).await;
    assert_eq!(server.session_state(&session).await, "ok");
}
