use std::time::Duration;

use faroe_core::{email::EmailContent, time::Clock};
use faroe_tests::{client::PASSWORD, form::is_token, server::TestServer, wire::text};
use serde_json::json;

use crate::{USER, name_user, now};

#[tokio::test]
async fn a_signin_goes_from_an_address_to_a_session() {
    let server = TestServer::start().await;
    let user_id = server.sign_up(USER).await.user_id;
    name_user(&server, &user_id, "Ada <3");
    server.clock.advance(Duration::from_millis(5_600));

    let created_at = now(&server);
    let values = server
        .values("create_signin", json!({ "user_email_address": USER }))
        .await;
    let token = text(&values["signin_token"]);
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "user_id": user_id,
        "user_first_factor_verified": false,
        "created_at": created_at,
        "expires_at": created_at + 10 * 60,
    });
    assert_eq!(values["signin"], expected);

    server.clock.advance(Duration::from_millis(3_700));
    let of = json!({ "signin_token": token });
    let get = async || server.values("get_signin", of.clone()).await["signin"].take();
    assert_eq!(get().await, expected);
    let arguments = json!({ "signin_token": token, "password": PASSWORD });
    assert_eq!(
        server
            .values("verify_signin_user_password", arguments)
            .await,
        json!({})
    );
    expected["user_first_factor_verified"] = true.into();
    assert_eq!(get().await, expected);

    let sent = server.mailbox.messages().len();
    let values = server.values("complete_signin", of.clone()).await;
    let session_token = text(&values["session_token"]);
    let session = json!({
        "id": session_token[..24],
        "user_id": user_id,
        "created_at": now(&server),
        "expires_at": null,
    });
    assert_eq!(values["session"], session);
    assert_eq!(
        server.refusal("get_signin", of).await,
        "invalid_signin_token"
    );

    let messages = server.mailbox.messages().split_off(sent);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::UserSignedInNotification {
        display_name,
        timestamp,
    } = &message.content
    else {
        panic!("{message:?}")
    };
    assert_eq!(
        (message.to.as_str(), display_name.as_str()),
        (USER, "Ada <3")
    );
    assert_eq!(*timestamp, server.clock.now());
}

#[tokio::test]
async fn signins_side_by_side_do_not_help_each_other() {
    let server = TestServer::start().await;
    server.sign_up(USER).await;
    let unverified = server.start_signin(USER).await;
    let verified = server.ready_signin(USER, PASSWORD).await;
    let complete = async |token: &str| {
        server
            .invoke("complete_signin", json!({ "signin_token": token }))
            .await
            .code()
            .to_owned()
    };
    assert_eq!(
        complete(&unverified).await,
        "user_first_factor_not_verified"
    );
    assert_eq!(complete(&verified).await, "ok");
    assert_eq!(
        complete(&unverified).await,
        "user_first_factor_not_verified"
    );
}

#[tokio::test]
async fn a_signin_ends_when_the_user_is_disabled_and_stays_dead() {
    let server = TestServer::start().await;
    let user_id = server.sign_up(USER).await.user_id.as_str().into();
    let signin = json!({ "signin_token": server.ready_signin(USER, PASSWORD).await });
    server.users.disable_user(&user_id);
    server.users.enable_user(&user_id);
    assert_eq!(
        server.refusal("complete_signin", signin).await,
        "invalid_signin_token"
    );
    server.sign_in(USER, PASSWORD).await;
}

#[tokio::test]
async fn a_notification_that_cannot_be_sent_does_not_stop_a_signin() {
    let server = TestServer::start().await;
    server.sign_up(USER).await;
    server.mailbox.set_failing(true);
    let session = server.sign_in(USER, PASSWORD).await;
    assert_eq!(server.session_state(&session).await, "ok");
    let errors = server.errors.errors();
    let [error] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!((error.action, error.failed), ("complete_signin", false));
}
