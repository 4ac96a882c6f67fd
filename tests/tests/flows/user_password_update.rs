use faroe_core::{email::EmailContent, time::Clock};
use faroe_tests::{
    client::{NEW_PASSWORD, PASSWORD, Session},
    form::is_token,
    server::TestServer,
    wire::text,
};
use serde_json::json;

use crate::{USER, name_user, now};

async fn change_password(server: &TestServer, session: &Session) {
    let token = server.ready_user_password_update(session).await;
    let of = json!({ "session_token": session.token, "user_password_update_token": token });
    server.values("complete_user_password_update", of).await;
}

#[tokio::test]
async fn an_update_goes_from_the_old_password_to_the_new() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    name_user(&server, &session.user_id, "Ada");
    let created_at = now(&server);
    let values = server
        .values(
            "create_user_password_update",
            json!({ "session_token": session.token }),
        )
        .await;
    let token = text(&values["user_password_update_token"]);
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "user_id": session.user_id,
        "session_id": session.id,
        "user_identity_verified": false,
        "new_password_set": false,
        "created_at": created_at,
        "expires_at": created_at + 10 * 60,
    });
    assert_eq!(values["user_password_update"], expected);

    let of = json!({ "session_token": session.token, "user_password_update_token": token });
    let with_password = |password: &str| {
        let mut arguments = of.clone();
        arguments["password"] = password.into();
        arguments
    };
    let get = async || {
        let mut values = server.values("get_user_password_update", of.clone()).await;
        values["user_password_update"].take()
    };
    let action = "verify_user_password_update_user_password";
    assert_eq!(
        server.values(action, with_password(PASSWORD)).await,
        json!({})
    );
    expected["user_identity_verified"] = true.into();
    assert_eq!(get().await, expected);
    let action = "set_user_password_update_new_password";
    assert_eq!(
        server.values(action, with_password(NEW_PASSWORD)).await,
        json!({})
    );
    expected["new_password_set"] = true.into();
    assert_eq!(get().await, expected);
    assert_eq!(
        server.try_password(USER, PASSWORD).await,
        "ok",
        "nothing has changed yet"
    );

    let sent = server.mailbox.messages().len();
    assert_eq!(
        server
            .values("complete_user_password_update", of.clone())
            .await,
        json!({})
    );
    let messages = server.mailbox.messages().split_off(sent);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::UserPasswordUpdatedNotification {
        display_name,
        timestamp,
    } = &message.content
    else {
        panic!("{message:?}")
    };
    assert_eq!((message.to.as_str(), display_name.as_str()), (USER, "Ada"));
    assert_eq!(*timestamp, server.clock.now());

    let refusal = server.refusal("get_user_password_update", of).await;
    assert_eq!(refusal, "invalid_password_update_token");
    assert_eq!(
        server.try_password(USER, PASSWORD).await,
        "incorrect_password"
    );
    assert_eq!(server.try_password(USER, NEW_PASSWORD).await, "ok");
}

#[tokio::test]
async fn sessions_survive_if_so_configured() {
    let server = TestServer::start_with(|options| {
        options.session.end_other_sessions_on_password_change = false;
    })
    .await;
    let acting = server.sign_up(USER).await;
    let other = server.sign_in(USER, PASSWORD).await;
    change_password(&server, &acting).await;
    for session in [acting, other] {
        assert_eq!(server.session_state(&session).await, "ok");
    }
}

#[tokio::test]
async fn only_the_acting_session_survives() {
    let server = TestServer::start().await;
    let acting = server.sign_up(USER).await;
    let other = server.sign_in(USER, PASSWORD).await;
    let other_user = server.sign_up("grace@example.com").await;
    change_password(&server, &acting).await;
    assert_eq!(server.session_state(&other).await, "invalid_session_token");
    for session in [acting, other_user] {
        assert_eq!(server.session_state(&session).await, "ok");
    }
}

#[tokio::test]
async fn signins_with_the_old_password_end() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let signin = json!({ "signin_token": server.ready_signin(USER, PASSWORD).await });
    change_password(&server, &session).await;
    assert_eq!(
        server.refusal("complete_signin", signin).await,
        "invalid_signin_token"
    );
}

#[tokio::test]
async fn a_deleted_update_is_gone() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.ready_user_password_update(&session).await;
    let of = json!({ "session_token": session.token, "user_password_update_token": token });
    assert_eq!(
        server
            .values("delete_user_password_update", of.clone())
            .await,
        json!({})
    );
    for action in ["get_user_password_update", "complete_user_password_update"] {
        assert_eq!(
            server.refusal(action, of.clone()).await,
            "invalid_password_update_token"
        );
    }
    assert_eq!(server.try_password(USER, PASSWORD).await, "ok");
}
