use std::time::Duration;

use faroe_core::email::EmailContent;
use faroe_testkit::promise;
use faroe_tests::{
    client::{PASSWORD, Session},
    form::{is_code, is_token},
    server::TestServer,
    wire::text,
};
use serde_json::json;

use crate::{USER, now};

const VERIFY: &str = "verify_signup_email_address_verification_code";
const SEND: &str = "send_signup_email_address_verification_code";

#[tokio::test]
async fn a_signup_goes_from_an_address_to_a_session() {
    let server = TestServer::start().await;
    let created_at = now(&server);
    let mut values = server
        .values("create_signup", json!({ "email_address": USER }))
        .await;
    let token = text(&values["signup_token"]);
    let signup = values["signup"].take();
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "email_address": USER,
        "email_address_verified": false,
        "password_set": false,
        "created_at": created_at,
        "expires_at": created_at + 20 * 60,
    });
    assert_eq!(signup, expected);

    let messages = server.mailbox.messages();
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let EmailContent::SignupEmailAddressVerificationCode { code } = &message.content else {
        panic!("{message:?}")
    };
    assert_eq!(message.to, USER);
    assert!(is_code(code.expose(), 8));

    // Time passes, but the values of the signup stay the same.
    server.clock.advance(Duration::from_millis(61_700));
    let of = json!({ "signup_token": token });
    let get = async || server.values("get_signup", of.clone()).await["signup"].take();
    assert_eq!(get().await, expected);

    let arguments =
        json!({ "signup_token": token, "email_address_verification_code": code.expose() });
    assert_eq!(server.values(VERIFY, arguments).await, json!({}));
    expected["email_address_verified"] = true.into();
    assert_eq!(get().await, expected);

    let arguments = json!({ "signup_token": token, "password": PASSWORD });
    assert_eq!(
        server.values("set_signup_password", arguments).await,
        json!({})
    );
    expected["password_set"] = true.into();
    assert_eq!(get().await, expected);

    let completed_at = now(&server);
    let values = server.values("complete_signup", of.clone()).await;
    let users = server.users.users();
    let [user] = users.as_slice() else {
        panic!("{users:?}")
    };
    assert_eq!(user.email_address, USER);
    let session_token = text(&values["session_token"]);
    assert!(is_token(&session_token));
    let session = json!({
        "id": session_token[..24],
        "user_id": user.id.as_str(),
        "created_at": completed_at,
        "expires_at": null,
    });
    assert_eq!(values["session"], session);
    let values = server
        .values("get_session", json!({ "session_token": session_token }))
        .await;
    assert_eq!(values["session"], session);

    assert_eq!(
        server.mailbox.messages().len(),
        1,
        "a completed signup sends no email"
    );
    assert_eq!(
        server.refusal("get_signup", of).await,
        "invalid_signup_token"
    );
    server.sign_in(USER, PASSWORD).await;
}

#[tokio::test]
async fn a_code_that_is_sent_again_is_the_same_code() {
    let server = TestServer::start().await;
    let token = server.start_signup(USER).await;
    let code = server.inbox.last_code(USER).await;
    for _ in 0..3 {
        assert_eq!(
            server.values(SEND, json!({ "signup_token": token })).await,
            json!({})
        );
        assert_eq!(server.inbox.last_code(USER).await, code);
    }
    assert_eq!(server.mailbox.messages_to(USER).len(), 4);
}

#[tokio::test]
async fn signups_side_by_side_keep_their_own_codes() {
    let server = TestServer::start().await;
    let first = server.start_signup(USER).await;
    let first_code = server.inbox.last_code(USER).await;
    let second = server.start_signup(USER).await;
    let second_code = server.inbox.last_code(USER).await;
    assert_ne!(first_code, second_code);
    let enter = async |token: &str, code: &str| {
        let arguments = json!({ "signup_token": token, "email_address_verification_code": code });
        server.invoke(VERIFY, arguments).await.code().to_owned()
    };
    let incorrect = "incorrect_email_address_verification_code";
    assert_eq!(enter(&first, &second_code).await, incorrect);
    assert_eq!(enter(&second, &first_code).await, incorrect);
    assert_eq!(enter(&first, &first_code).await, "ok");
    assert_eq!(enter(&second, &second_code).await, "ok");
}

#[tokio::test]
async fn addresses_are_kept_as_they_are_given() {
    let server = TestServer::start().await;
    for email_address in ["Ada@Example.com", "ada@example.com"] {
        server.sign_up(email_address).await;
    }
    let addresses: Vec<_> = server
        .users
        .users()
        .into_iter()
        .map(|user| user.email_address)
        .collect();
    assert_eq!(addresses, ["Ada@Example.com", "ada@example.com"]);
}

#[tokio::test]
async fn a_deleted_signup_is_gone() {
    let server = TestServer::start().await;
    let token = json!({ "signup_token": server.ready_signup(USER).await });
    assert_eq!(
        server.values("delete_signup", token.clone()).await,
        json!({})
    );
    for action in ["get_signup", "delete_signup", SEND, "complete_signup"] {
        assert_eq!(
            server.refusal(action, token.clone()).await,
            "invalid_signup_token"
        );
    }
    assert!(server.users.users().is_empty());
}

#[tokio::test]
async fn passwords_are_counted_in_characters() {
    let server = TestServer::start().await;
    for (number, password) in ["0123456789".to_owned(), "ä".repeat(10), "🦀".repeat(100)]
        .into_iter()
        .enumerate()
    {
        let email_address = format!("user{number}@example.com");
        let token = server.verified_signup(&email_address).await;
        let arguments = json!({ "signup_token": token, "password": password });
        server.values("set_signup_password", arguments).await;
        server
            .values("complete_signup", json!({ "signup_token": token }))
            .await;
        server.sign_in(&email_address, &password).await;
    }
}

#[tokio::test]
async fn p79_nobody_prepares_an_account_at_an_address_that_they_cannot_read() {
    const STRANGERS: &str = "a stranger's umbrellas";
    let server = TestServer::start().await;
    // A stranger begins, and can do nothing further without the code.
    let of_stranger = json!({ "signup_token": server.start_signup(USER).await });
    let strangers_code = server.inbox.last_code(USER).await;
    let set = json!({ "signup_token": of_stranger["signup_token"], "password": STRANGERS });
    let unverified = "email_address_not_verified";
    assert_eq!(
        server.refusal("set_signup_password", set.clone()).await,
        unverified
    );
    assert_eq!(
        server.refusal("complete_signup", of_stranger.clone()).await,
        unverified
    );
    assert!(server.users.users().is_empty());

    // The owner has a code of their own, and the stranger's is none of it.
    let token = server.start_signup(USER).await;
    let enter =
        |code: &str| json!({ "signup_token": token, "email_address_verification_code": code });
    assert_eq!(
        server.refusal(VERIFY, enter(&strangers_code)).await,
        "incorrect_email_address_verification_code"
    );
    let code = server.inbox.last_code(USER).await;
    server.values(VERIFY, enter(&code)).await;

    // Even a stranger who talks the owner into telling the code has only their own flow, which the owner's sign-up ends.
    let told = json!({
        "signup_token": of_stranger["signup_token"],
        "email_address_verification_code": strangers_code,
    });
    server.values(VERIFY, told).await;
    server.values("set_signup_password", set).await;
    let set = json!({ "signup_token": token, "password": PASSWORD });
    server.values("set_signup_password", set).await;
    let of_owner = json!({ "signup_token": token });
    let session = Session::from(&server.values("complete_signup", of_owner).await);
    assert_eq!(
        server.refusal("complete_signup", of_stranger).await,
        "invalid_signup_token"
    );
    assert_eq!(server.users.users().len(), 1);
    assert_eq!(server.session_state(&session).await, "ok");
    assert_eq!(
        server.try_password(USER, STRANGERS).await,
        "incorrect_password"
    );
    promise::report(
        "P79",
        "1 sign-up of a stranger before the owner's, 0 accounts",
    );
}
