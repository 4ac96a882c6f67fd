use faroe_tests::{client::PASSWORD, form::is_token, server::TestServer, wire::text};
use serde_json::json;

use crate::{USER, now};

#[tokio::test]
async fn a_deletion_goes_from_a_session_to_no_user() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let other_session = server.sign_in(USER, PASSWORD).await;
    let other_user = server.sign_up("grace@example.com").await;
    let sent = server.mailbox.messages().len();

    let created_at = now(&server);
    let values = server
        .values(
            "create_user_deletion",
            json!({ "session_token": session.token }),
        )
        .await;
    let token = text(&values["user_deletion_token"]);
    assert!(is_token(&token));
    let mut expected = json!({
        "id": token[..24],
        "user_id": session.user_id,
        "session_id": session.id,
        "user_identity_verified": false,
        "created_at": created_at,
        "expires_at": created_at + 10 * 60,
    });
    assert_eq!(values["user_deletion"], expected);

    let of = json!({ "session_token": session.token, "user_deletion_token": token });
    let mut arguments = of.clone();
    arguments["password"] = PASSWORD.into();
    assert_eq!(
        server
            .values("verify_user_deletion_user_password", arguments)
            .await,
        json!({})
    );
    expected["user_identity_verified"] = true.into();
    let values = server.values("get_user_deletion", of.clone()).await;
    assert_eq!(values["user_deletion"], expected);

    assert_eq!(
        server.values("complete_user_deletion", of.clone()).await,
        json!({})
    );
    let left: Vec<_> = server
        .users
        .users()
        .into_iter()
        .map(|user| user.email_address)
        .collect();
    assert_eq!(left, ["grace@example.com"]);
    for ended in [&session, &other_session] {
        assert_eq!(server.session_state(ended).await, "invalid_session_token");
    }
    assert_eq!(server.session_state(&other_user).await, "ok");
    assert_eq!(
        server.refusal("get_user_deletion", of).await,
        "invalid_session_token"
    );
    assert_eq!(server.try_password(USER, PASSWORD).await, "user_not_found");
    assert_eq!(
        server.mailbox.messages().len(),
        sent,
        "a deletion sends no email"
    );
    let again = server.sign_up(USER).await;
    assert_ne!(again.user_id, session.user_id);
}

#[tokio::test]
async fn the_user_s_other_flows_end_with_the_user() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let signin = json!({ "signin_token": server.ready_signin(USER, PASSWORD).await });
    let reset =
        json!({ "user_password_reset_token": server.ready_user_password_reset(USER).await });
    let deletion = server.ready_user_deletion(&session).await;
    let of = json!({ "session_token": session.token, "user_deletion_token": deletion });
    server.values("complete_user_deletion", of).await;
    // Another user may take the address now.
    server.sign_up(USER).await;
    assert_eq!(
        server.refusal("complete_signin", signin).await,
        "invalid_signin_token"
    );
    let refusal = server.refusal("complete_user_password_reset", reset).await;
    assert_eq!(refusal, "invalid_user_password_reset_token");
}

#[tokio::test]
async fn a_deletion_that_is_deleted_deletes_nobody() {
    let server = TestServer::start().await;
    let session = server.sign_up(USER).await;
    let token = server.ready_user_deletion(&session).await;
    let of = json!({ "session_token": session.token, "user_deletion_token": token });
    assert_eq!(
        server.values("delete_user_deletion", of.clone()).await,
        json!({})
    );
    assert_eq!(
        server.refusal("complete_user_deletion", of).await,
        "invalid_user_deletion_token"
    );
    assert_eq!(server.users.users().len(), 1);
}
