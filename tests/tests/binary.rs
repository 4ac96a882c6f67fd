//! The same wire, but the real program behind it: SQLite, Argon2id and the clock on the wall.

use faroe_tests::{
    binary::Binary,
    client::{NEW_PASSWORD, PASSWORD, Session},
};
use serde_json::json;

#[tokio::test]
async fn a_user_s_whole_life() {
    let server = Binary::start().await;
    let session = server.sign_up("ada+test@example.com").await;

    let token = server
        .ready_user_email_address_update(&session, "lovelace@example.com")
        .await;
    let of = json!({ "session_token": session.token, "user_email_address_update_token": token });
    server
        .values("complete_user_email_address_update", of)
        .await;
    assert_eq!(
        server.try_password("ada+test@example.com", PASSWORD).await,
        "user_not_found"
    );

    let token = server
        .ready_user_password_reset("lovelace@example.com")
        .await;
    let of = json!({ "user_password_reset_token": token });
    let after_reset = Session::from(&server.values("complete_user_password_reset", of).await);
    assert_eq!(after_reset.user_id, session.user_id);
    assert_eq!(
        server.try_password("lovelace@example.com", PASSWORD).await,
        "incorrect_password"
    );
    let signed_in = server.sign_in("lovelace@example.com", NEW_PASSWORD).await;

    server
        .values(
            "delete_session",
            json!({ "session_token": after_reset.token }),
        )
        .await;
    assert_eq!(
        server.session_state(&after_reset).await,
        "invalid_session_token"
    );
    assert_eq!(server.session_state(&session).await, "ok");
    server
        .values(
            "delete_all_sessions",
            json!({ "session_token": signed_in.token }),
        )
        .await;
    assert_eq!(
        server.session_state(&session).await,
        "invalid_session_token"
    );
}

#[tokio::test]
async fn a_password_update_and_a_deletion() {
    let server = Binary::start().await;
    let session = server.sign_up("grace@example.com").await;
    let deletion = server.ready_user_deletion(&session).await;
    let token = server.ready_user_password_update(&session).await;
    let of = json!({ "session_token": session.token, "user_password_update_token": token });
    server.values("complete_user_password_update", of).await;
    let of = json!({ "session_token": session.token, "user_deletion_token": deletion });
    assert_eq!(
        server.refusal("complete_user_deletion", of).await,
        "invalid_user_deletion_token"
    );

    let deletion = server.start_user_deletion(&session).await;
    let mut of = json!({ "session_token": session.token, "user_deletion_token": deletion });
    of["password"] = NEW_PASSWORD.into();
    server
        .values("verify_user_deletion_user_password", of.clone())
        .await;
    server.values("complete_user_deletion", of).await;
    assert_eq!(
        server.session_state(&session).await,
        "invalid_session_token"
    );
    assert_eq!(
        server.try_password("grace@example.com", NEW_PASSWORD).await,
        "user_not_found"
    );
}
