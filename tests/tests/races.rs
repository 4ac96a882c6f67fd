//! Every step takes effect once: of two equal requests, the first is stopped just before it takes effect, the second passes
//! it, and then the first continues. A new password is the exception: while the first is on its way, the second is refused.

use faroe_tests::{
    client::{NEW_PASSWORD, PASSWORD, Session},
    server::TestServer,
};
use serde_json::{Value, json};

const USER: &str = "ada@example.com";
const NEW: &str = "lovelace@example.com";

/// Asserts that the first request answers `loser`, and the second one succeeds.
async fn once(
    server: &TestServer,
    action: &str,
    arguments: Value,
    call: &'static str,
    loser: &str,
) {
    let overtaking = server.invoke(action, arguments.clone());
    let (first, second) = server.race(call, (action, arguments), overtaking).await;
    assert_eq!((first.code(), second.code()), (loser, "ok"), "{action}");
    assert!(server.errors.errors().is_empty(), "a lost race is no fault");
}

/// Asserts that a second password is refused while the first is on its way.
async fn one_at_a_time(server: &TestServer, action: &str, arguments: Value) {
    let overtaking = server.invoke(action, arguments.clone());
    let race = server.race("MainStorage::update", (action, arguments), overtaking);
    let (first, second) = race.await;
    assert_eq!(
        (first.code(), second.code()),
        ("ok", "internal_conflict"),
        "{action}"
    );
    assert!(server.errors.errors().is_empty(), "a lost race is no fault");
}

fn with(session: &Session, mut arguments: Value) -> Value {
    arguments["session_token"] = session.token.as_str().into();
    arguments
}

#[tokio::test]
async fn signup() {
    let server = TestServer::start().await;
    let token = server.start_signup(USER).await;
    let code = server.inbox.last_code(USER).await;
    let enter = json!({ "signup_token": token, "email_address_verification_code": code });
    let verify = "verify_signup_email_address_verification_code";
    once(
        &server,
        verify,
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let set = json!({ "signup_token": token, "password": PASSWORD });
    one_at_a_time(&server, "set_signup_password", set).await;
    let of = json!({ "signup_token": token });
    once(
        &server,
        "complete_signup",
        of,
        "UserStore::create_user",
        "invalid_signup_token",
    )
    .await;
    assert_eq!(server.users.users().len(), 1);

    let of = json!({ "signup_token": server.start_signup(NEW).await });
    once(
        &server,
        "delete_signup",
        of,
        "MainStorage::delete",
        "invalid_signup_token",
    )
    .await;
}

#[tokio::test]
async fn signin() {
    let server = TestServer::start().await;
    server.sign_up(USER).await;
    let token = server.start_signin(USER).await;
    let enter = json!({ "signin_token": token, "password": PASSWORD });
    once(
        &server,
        "verify_signin_user_password",
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let of = json!({ "signin_token": token });
    once(
        &server,
        "complete_signin",
        of,
        "MainStorage::delete",
        "invalid_signin_token",
    )
    .await;
    let of = json!({ "signin_token": server.start_signin(USER).await });
    once(
        &server,
        "delete_signin",
        of,
        "MainStorage::delete",
        "invalid_signin_token",
    )
    .await;
}

#[tokio::test]
async fn session() {
    let server = TestServer::start().await;
    let first = json!({ "session_token": server.sign_up(USER).await.token });
    let second = json!({ "session_token": server.sign_in(USER, PASSWORD).await.token });
    once(
        &server,
        "delete_session",
        first,
        "MainStorage::delete",
        "invalid_session_token",
    )
    .await;
    once(
        &server,
        "delete_all_sessions",
        second,
        "UserStore::increment_user_sessions_counter",
        "internal_conflict",
    )
    .await;
}

#[tokio::test]
async fn user_email_address_update() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.start_user_email_address_update(&session, NEW).await;
    let code = server.inbox.last_code(NEW).await;
    let of = with(
        &session,
        json!({ "user_email_address_update_token": token }),
    );
    let mut enter = of.clone();
    enter["email_address_verification_code"] = code.into();
    let verify = "verify_user_email_address_update_email_address_verification_code";
    once(
        &server,
        verify,
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let mut enter = of.clone();
    enter["password"] = PASSWORD.into();
    let verify = "verify_user_email_address_update_user_password";
    once(
        &server,
        verify,
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let complete = "complete_user_email_address_update";
    once(
        &server,
        complete,
        of,
        "UserStore::update_user_email_address",
        "internal_conflict",
    )
    .await;
    assert_eq!(
        server.mailbox.messages_to(USER).len(),
        2,
        "one code and one notification"
    );

    let token = server
        .start_user_email_address_update(&session, "countess@example.com")
        .await;
    let of = with(
        &session,
        json!({ "user_email_address_update_token": token }),
    );
    let invalid = "invalid_user_email_address_update_token";
    once(
        &server,
        "delete_user_email_address_update",
        of,
        "MainStorage::delete",
        invalid,
    )
    .await;
}

#[tokio::test]
async fn user_password_update() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.start_user_password_update(&session).await;
    let of = with(&session, json!({ "user_password_update_token": token }));
    let mut enter = of.clone();
    enter["password"] = PASSWORD.into();
    let verify = "verify_user_password_update_user_password";
    once(
        &server,
        verify,
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let mut set = of.clone();
    set["password"] = NEW_PASSWORD.into();
    one_at_a_time(&server, "set_user_password_update_new_password", set).await;
    let complete = "complete_user_password_update";
    once(
        &server,
        complete,
        of,
        "UserStore::update_user_password_hash",
        "internal_conflict",
    )
    .await;

    let token = server.start_user_password_update(&session).await;
    let of = with(&session, json!({ "user_password_update_token": token }));
    let invalid = "invalid_password_update_token";
    once(
        &server,
        "delete_user_password_update",
        of,
        "MainStorage::delete",
        invalid,
    )
    .await;
}

#[tokio::test]
async fn user_deletion() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.start_user_deletion(&session).await;
    let of = with(&session, json!({ "user_deletion_token": token }));
    let mut enter = of.clone();
    enter["password"] = PASSWORD.into();
    once(
        &server,
        "verify_user_deletion_user_password",
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;

    let deleted = server.start_user_deletion(&session).await;
    let deleted = with(&session, json!({ "user_deletion_token": deleted }));
    let invalid = "invalid_user_deletion_token";
    once(
        &server,
        "delete_user_deletion",
        deleted,
        "MainStorage::delete",
        invalid,
    )
    .await;
    once(
        &server,
        "complete_user_deletion",
        of,
        "UserStore::delete_user",
        invalid,
    )
    .await;
}

#[tokio::test]
async fn user_password_reset() {
    let server = TestServer::start().await;
    server.sign_up(USER).await;
    let token = server.start_user_password_reset(USER).await;
    let password = server.inbox.last_temporary_password(USER).await;
    let enter = json!({ "user_password_reset_token": token, "temporary_password": password });
    let verify = "verify_user_password_reset_temporary_password";
    once(
        &server,
        verify,
        enter,
        "MainStorage::update",
        "internal_conflict",
    )
    .await;
    let set = json!({ "user_password_reset_token": token, "password": NEW_PASSWORD });
    one_at_a_time(&server, "set_user_password_reset_new_password", set).await;
    let of = json!({ "user_password_reset_token": token });
    let complete = "complete_user_password_reset";
    once(
        &server,
        complete,
        of,
        "UserStore::update_user_password_hash",
        "internal_conflict",
    )
    .await;

    let of = json!({ "user_password_reset_token": server.start_user_password_reset(USER).await });
    let invalid = "invalid_user_password_reset_token";
    once(
        &server,
        "delete_user_password_reset",
        of,
        "MainStorage::delete",
        invalid,
    )
    .await;
}
