use faroe_core::email::EmailContent;
use faroe_tests::{
    client::{NEW_PASSWORD, PASSWORD, Session},
    form::{is_code, is_token},
    server::TestServer,
    wire::text,
};
use serde_json::json;

use crate::{USER, name_user, now, sent_since};

async fn reset_password(server: &TestServer) -> Session {
    let token = server.ready_user_password_reset(USER).await;
    let of = json!({ "user_password_reset_token": token });
    Session::from(&server.values("complete_user_password_reset", of).await)
}

#[tokio::test]
async fn a_reset_goes_from_an_address_to_a_new_password_and_a_session() {
    let server = TestServer::start().await;
    let user_id = server.sign_up(USER).await.user_id;
    name_user(&server, &user_id, "Ada");
    let sent = server.mailbox.messages().len();

    let created_at = now(&server);
    let arguments = json!({ "user_email_address": USER });
    let values = server.values("create_user_password_reset", arguments).await;
    let token = text(&values["user_password_reset_token"]);
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "user_id": user_id,
        "user_first_factor_verified": false,
        "new_password_set": false,
        "created_at": created_at,
        "expires_at": created_at + 20 * 60,
    });
    assert_eq!(values["user_password_reset"], expected);

    let messages = server.mailbox.messages().split_off(sent);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::UserPasswordResetTemporaryPassword {
        display_name,
        temporary_password,
    } = &message.content
    else {
        panic!("{message:?}")
    };
    assert_eq!((message.to.as_str(), display_name.as_str()), (USER, "Ada"));
    assert!(is_code(temporary_password.expose(), 12));

    let of = json!({ "user_password_reset_token": token });
    let get = async || {
        let mut values = server.values("get_user_password_reset", of.clone()).await;
        values["user_password_reset"].take()
    };
    let arguments = json!({ "user_password_reset_token": token, "temporary_password": temporary_password.expose() });
    let action = "verify_user_password_reset_temporary_password";
    assert_eq!(server.values(action, arguments).await, json!({}));
    expected["user_first_factor_verified"] = true.into();
    assert_eq!(get().await, expected);
    let arguments = json!({ "user_password_reset_token": token, "password": NEW_PASSWORD });
    assert_eq!(
        server
            .values("set_user_password_reset_new_password", arguments)
            .await,
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
    let values = server
        .values("complete_user_password_reset", of.clone())
        .await;
    let session_token = text(&values["session_token"]);
    let session = json!({
        "id": session_token[..24],
        "user_id": user_id,
        "created_at": now(&server),
        "expires_at": null,
    });
    assert_eq!(values["session"], session);
    assert_eq!(server.session_state(&Session::from(&values)).await, "ok");
    let notifications = [
        "user_password_updated_notification",
        "user_signed_in_notification",
    ];
    assert_eq!(
        sent_since(&server, sent),
        notifications.map(|name| (USER.to_owned(), name))
    );
    for message in &server.mailbox.messages()[sent..] {
        let (EmailContent::UserPasswordUpdatedNotification { display_name, .. }
        | EmailContent::UserSignedInNotification { display_name, .. }) = &message.content
        else {
            panic!("{message:?}")
        };
        assert_eq!(display_name, "Ada");
    }

    let refusal = server.refusal("get_user_password_reset", of).await;
    assert_eq!(refusal, "invalid_user_password_reset_token");
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
    let old = server.sign_up(USER).await;
    let new = reset_password(&server).await;
    for session in [old, new] {
        assert_eq!(server.session_state(&session).await, "ok");
    }
}

#[tokio::test]
async fn only_the_new_session_is_alive() {
    let server = TestServer::start().await;
    let old = server.sign_up(USER).await;
    let new = reset_password(&server).await;
    assert_eq!(server.session_state(&old).await, "invalid_session_token");
    assert_eq!(server.session_state(&new).await, "ok");
}

#[tokio::test]
async fn resets_side_by_side_keep_their_own_temporary_passwords_and_one_ends_the_others() {
    let server = TestServer::start().await;
    server.sign_up(USER).await;
    let first = server.start_user_password_reset(USER).await;
    let first_password = server.inbox.last_temporary_password(USER).await;
    let second = server.start_user_password_reset(USER).await;
    let second_password = server.inbox.last_temporary_password(USER).await;
    assert_ne!(first_password, second_password);
    let enter = async |token: &str, password: &str| {
        let arguments =
            json!({ "user_password_reset_token": token, "temporary_password": password });
        let action = "verify_user_password_reset_temporary_password";
        server.invoke(action, arguments).await.code().to_owned()
    };
    assert_eq!(
        enter(&first, &second_password).await,
        "incorrect_temporary_password"
    );
    assert_eq!(
        enter(&second, &first_password).await,
        "incorrect_temporary_password"
    );
    assert_eq!(enter(&first, &first_password).await, "ok");
    assert_eq!(enter(&second, &second_password).await, "ok");
    reset_password(&server).await;
    let refusal = server
        .refusal(
            "get_user_password_reset",
            json!({ "user_password_reset_token": first }),
        )
        .await;
    assert_eq!(refusal, "invalid_user_password_reset_token");
}

#[tokio::test]
async fn a_change_of_the_address_ends_a_reset() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let reset =
        json!({ "user_password_reset_token": server.ready_user_password_reset(USER).await });
    let update = server
        .ready_user_email_address_update(&session, "lovelace@example.com")
        .await;
    let arguments =
        json!({ "session_token": session.token, "user_email_address_update_token": update });
    server
        .values("complete_user_email_address_update", arguments)
        .await;
    let refusal = server.refusal("complete_user_password_reset", reset).await;
    assert_eq!(refusal, "invalid_user_password_reset_token");
}
