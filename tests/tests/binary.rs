//! The flows of users against the program, with SQLite, Argon2id and the system's clock.

use faroe_testkit::{canaries::Canaries, promise};
use faroe_tests::{
    binary::{Binary, Settings},
    client::{NEW_PASSWORD, PASSWORD, Session, WRONG_PASSWORD},
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
        server.session_state(&session).await,
        "invalid_session_token"
    );
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
    let also_signed_in = server.sign_in("lovelace@example.com", NEW_PASSWORD).await;
    assert_eq!(server.session_state(&also_signed_in).await, "ok");
    server
        .values(
            "delete_all_sessions",
            json!({ "session_token": signed_in.token }),
        )
        .await;
    assert_eq!(
        server.session_state(&also_signed_in).await,
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

#[tokio::test]
async fn p01_p02_the_program_leaves_no_secret_in_its_log_and_its_files() {
    let settings = Settings {
        log: "trace",
        ..Settings::default()
    };
    let server = Binary::start_with(&settings).await;
    let (email_address, new) = ("ada@example.com", "lovelace@example.com");
    let session = server.sign_up(email_address).await;
    let mut tokens = vec![session.token.clone(), server.start_signup(new).await];
    let mut sent = vec![server.inbox.last_code(new).await];
    tokens.push(server.ready_signin(email_address, PASSWORD).await);
    tokens.push(server.ready_user_email_address_update(&session, new).await);
    sent.push(server.inbox.last_code(new).await);
    tokens.push(server.ready_user_password_update(&session).await);
    tokens.push(server.ready_user_deletion(&session).await);
    tokens.push(server.ready_user_password_reset(email_address).await);
    sent.push(server.inbox.last_temporary_password(email_address).await);
    assert_eq!(
        server.try_password(email_address, WRONG_PASSWORD).await,
        "incorrect_password"
    );
    let refused =
        json!({ "action": "get_session", "arguments": { "session_token": [session.token] } });
    assert_eq!(
        server.wire.post(refused.to_string(), None).await.status,
        400
    );

    let mut secrets: Vec<_> = [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD]
        .map(str::to_owned)
        .into();
    secrets.extend(
        tokens
            .iter()
            .map(|token| token.split_once('.').unwrap().1.to_owned()),
    );
    let (log, files) = server.remains().await;
    // In development mode the log shows emails.
    assert_eq!(
        Canaries::new(secrets.clone()).found_in(log.as_bytes()),
        [""; 0],
        "{log}"
    );
    assert!(log.len() > 1_000, "only {} bytes were logged", log.len());
    secrets.extend(sent);
    let (canaries, mut size) = (Canaries::new(secrets), 0);
    for file in &files {
        assert_eq!(
            canaries.found_in(file),
            [""; 0],
            "in a file of {} bytes",
            file.len()
        );
        size += file.len();
    }
    assert!(size > 10_000, "{} files with {size} bytes", files.len());
    promise::report(
        "P01",
        format_args!("{} files of the program, 0 hits", files.len()),
    );
    promise::report("P02", "the log of the program at TRACE, 0 secrets");
}

#[tokio::test]
async fn p77_a_flood_at_one_address_leaves_the_program_to_all_others() {
    const AT_ONCE: usize = 500;
    let server = Binary::start().await;
    let owner = server.sign_up("ada@example.com").await;
    let other = server.sign_up("grace@example.com").await;
    let begun = server.start_signin("ada@example.com").await;
    let create = json!({
        "action": "create_signin",
        "arguments": { "user_email_address": "ada@example.com" },
    });
    let create = create.to_string();
    let mut answered = 1;
    let refused = loop {
        let answer = server.wire.post(create.clone(), None).await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
        assert!(answered < 100 * AT_ONCE, "no bound");
    };
    // One more every twenty seconds, however long these took.
    assert!(answered >= AT_ONCE, "{answered}");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.retry_after.is_some());

    assert_eq!(server.session_state(&owner).await, "ok");
    let password = json!({ "signin_token": begun, "password": PASSWORD });
    server.values("verify_signin_user_password", password).await;
    let of = json!({ "signin_token": begun });
    server.values("complete_signin", of).await;
    server.ready_user_password_reset("ada@example.com").await;
    server.ready_user_password_update(&owner).await;
    server.sign_up("lovelace@example.com").await;
    server.sign_in("grace@example.com", PASSWORD).await;
    assert_eq!(server.session_state(&other).await, "ok");
    assert_eq!(server.readiness().await.0, 200);
    promise::report(
        "P77",
        format_args!(
            "{answered} signins of one user begun in the program, then none, and every other step taken"
        ),
    );
}
