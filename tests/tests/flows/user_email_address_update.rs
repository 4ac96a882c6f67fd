use faroe_core::{email::EmailContent, time::Clock};
use faroe_tests::{
    client::PASSWORD,
    form::{is_code, is_token},
    server::TestServer,
    wire::text,
};
use serde_json::json;

use crate::{USER, name_user, now};

const NEW: &str = "lovelace@example.com";
const VERIFY: &str = "verify_user_email_address_update_email_address_verification_code";
const SEND: &str = "send_user_email_address_update_email_address_verification_code";

#[tokio::test]
async fn an_update_goes_from_the_old_address_to_the_new() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    name_user(&server, &session.user_id, "Ada");
    let sent = server.mailbox.messages().len();

    let created_at = now(&server);
    let arguments = json!({ "session_token": session.token, "new_email_address": NEW });
    let values = server
        .values("create_user_email_address_update", arguments)
        .await;
    let token = text(&values["user_email_address_update_token"]);
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "user_id": session.user_id,
        "session_id": session.id,
        "new_email_address": NEW,
        "new_email_address_verified": false,
        "user_identity_verified": false,
        "created_at": created_at,
        "expires_at": created_at + 20 * 60,
    });
    assert_eq!(values["user_email_address_update"], expected);

    let messages = server.mailbox.messages().split_off(sent);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode { display_name, code } =
        &message.content
    else {
        panic!("{message:?}")
    };
    assert_eq!((message.to.as_str(), display_name.as_str()), (NEW, "Ada"));
    assert!(is_code(code.expose(), 8));

    let of = json!({ "session_token": session.token, "user_email_address_update_token": token });
    let with = |name: &str, value: &str| {
        let mut arguments = of.clone();
        arguments[name] = value.into();
        arguments
    };
    let get = async || {
        let mut values = server
            .values("get_user_email_address_update", of.clone())
            .await;
        values["user_email_address_update"].take()
    };
    let verify_code = with("email_address_verification_code", code.expose());
    assert_eq!(server.values(VERIFY, verify_code).await, json!({}));
    expected["new_email_address_verified"] = true.into();
    assert_eq!(get().await, expected);
    let action = "verify_user_email_address_update_user_password";
    assert_eq!(
        server.values(action, with("password", PASSWORD)).await,
        json!({})
    );
    expected["user_identity_verified"] = true.into();
    assert_eq!(get().await, expected);
    assert_eq!(server.users.users()[0].email_address, USER);

    let sent = server.mailbox.messages().len();
    let values = server
        .values("complete_user_email_address_update", of.clone())
        .await;
    assert_eq!(values, json!({}));
    assert_eq!(server.users.users()[0].email_address, NEW);
    let messages = server.mailbox.messages().split_off(sent);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::UserEmailAddressUpdatedNotification {
        display_name,
        new_email_address,
        timestamp,
    } = &message.content
    else {
        panic!("{message:?}")
    };
    assert_eq!(
        (
            message.to.as_str(),
            display_name.as_str(),
            new_email_address.as_str()
        ),
        (USER, "Ada", NEW)
    );
    assert_eq!(*timestamp, server.clock.now());

    let refusal = server.refusal("get_user_email_address_update", of).await;
    assert_eq!(refusal, "invalid_user_email_address_update_token");
    assert_eq!(server.session_state(&session).await, "ok");
    assert_eq!(server.try_password(USER, PASSWORD).await, "user_not_found");
    assert_eq!(server.try_password(NEW, PASSWORD).await, "ok");
    server.sign_up(USER).await;
}

#[tokio::test]
async fn a_code_that_is_sent_again_is_the_same_code_and_goes_to_the_new_address() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.start_user_email_address_update(&session, NEW).await;
    let code = server.inbox.last_code(NEW).await;
    let of = json!({ "session_token": session.token, "user_email_address_update_token": token });
    assert_eq!(server.values(SEND, of).await, json!({}));
    assert_eq!(server.inbox.last_code(NEW).await, code);
    assert_eq!(server.mailbox.messages_to(NEW).len(), 2);
}

#[tokio::test]
async fn updates_side_by_side_keep_their_own_codes_and_one_ends_the_others() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let first = server.start_user_email_address_update(&session, NEW).await;
    let first_code = server.inbox.last_code(NEW).await;
    let second = server.ready_user_email_address_update(&session, NEW).await;
    assert_ne!(server.inbox.last_code(NEW).await, first_code);
    let of = |token: &str| json!({ "session_token": session.token, "user_email_address_update_token": token });
    let mut enter = of(&first);
    enter["email_address_verification_code"] = first_code.into();
    server.values(VERIFY, enter).await;
    server
        .values("complete_user_email_address_update", of(&second))
        .await;
    let refusal = server
        .refusal("get_user_email_address_update", of(&first))
        .await;
    assert_eq!(refusal, "invalid_user_email_address_update_token");
}

#[tokio::test]
async fn a_change_of_the_password_ends_an_update() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.ready_user_email_address_update(&session, NEW).await;
    let password_update = server.ready_user_password_update(&session).await;
    let arguments =
        json!({ "session_token": session.token, "user_password_update_token": password_update });
    server
        .values("complete_user_password_update", arguments)
        .await;
    let of = json!({ "session_token": session.token, "user_email_address_update_token": token });
    let refusal = server
        .refusal("complete_user_email_address_update", of)
        .await;
    assert_eq!(refusal, "invalid_user_email_address_update_token");
    assert_eq!(server.users.users()[0].email_address, USER);
}
