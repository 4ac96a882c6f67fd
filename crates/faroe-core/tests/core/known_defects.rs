//! The defects of an earlier implementation, by their numbers in `tests/defects`: none may come back. `cargo xtask test-all` puts
//! each into a copy of the code and requires its tests to fail.
//!
//! Other modules test some of them: 3, 13 and the buckets of 21 `rate_limits`, 4, 8, 20 and 23 `one_completion`, 7 and 15
//! `password_changes`, 14 and 16 `sessions`, 22 `storages`, 12 and 25 `hashing`, bodies (12, 19) also faroe-protocol's own tests.
//! 11 and 17 are about breached passwords: faroe-pwned-passwords tests the look-up, this module the timeout.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    Server, ServerOptions, ServerParts,
    endpoint::EndpointResponse,
    error::AdapterError,
    password::PasswordStrengthChecker,
    protocol::{
        envelope::InvalidRequest,
        secret::{Password, SessionToken, UserPasswordResetToken},
        session::{DeleteSession, GetSession},
        signin::GetSignin,
        signup::{CreateSignup, DeleteSignup, GetSignup, SetSignupPassword},
        user_password_reset::{
            CompleteUserPasswordReset, CreateUserPasswordReset, DeleteUserPasswordReset,
            GetUserPasswordReset, SetUserPasswordResetNewPassword,
            VerifyUserPasswordResetTemporaryPassword,
        },
        user_password_update::{CreateUserPasswordUpdate, SetUserPasswordUpdateNewPassword},
    },
    user_store::User,
};

use faroe_testkit::fault::Fault;

use crate::harness::{EMAIL, Harness, NEW_PASSWORD, PASSWORD, minutes, outcome};

#[tokio::test]
async fn defect_1_the_storage_holds_no_secret_nor_a_part_of_one() {
    let harness = Harness::new();
    let signup_token = harness.verified_signup().await;
    let code = harness.mailbox.last_code(EMAIL).unwrap();
    let dump_of_signup = dump(&harness);
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let update_token = harness.completable_password_update(&session_token).await;
    let reset_token = harness.completable_reset().await;
    let temporary_password = harness.mailbox.last_temporary_password(EMAIL).unwrap();

    assert!(!dump_of_signup.contains(code.expose()));
    let dump = dump_of_signup + &dump(&harness);
    let tokens = [
        signup_token.expose(),
        session_token.expose(),
        signin_token.expose(),
        update_token.expose(),
        reset_token.expose(),
    ];
    for token in tokens {
        let (id, secret) = token.split_once('.').unwrap();
        assert!(dump.contains(id), "the dump is of the right storage");
        assert!(!dump.contains(&secret[..6]), "a part of a secret is stored");
        assert!(
            !dump.contains(&hex(&secret.as_bytes()[..6])),
            "a part of a secret is stored in hexadecimal"
        );
    }
    for secret in [temporary_password.expose(), PASSWORD, NEW_PASSWORD] {
        assert!(!dump.contains(secret));
        assert!(!dump.contains(&hex(secret.as_bytes())));
    }
    assert!(
        !dump
            .to_ascii_lowercase()
            .replace("\"email_address\":\"ada@example.com\"", "")
            .contains("ada@")
    );
}

/// Everything in the storage, as text and in hexadecimal, and what stands there in base64 decoded.
fn dump(harness: &Harness) -> String {
    let mut dump = String::new();
    for (key, entry) in harness.storage.entries() {
        let text = String::from_utf8_lossy(&entry.value);
        let decoded: String = text
            .split('"')
            .filter_map(|part| {
                serde_json::from_value::<faroe_core::protocol::types::Bytes>(part.into()).ok()
            })
            .map(|bytes| format!("{} {}", String::from_utf8_lossy(&bytes), hex(&bytes)))
            .collect();
        dump += &format!("{key} {text} {} {decoded}\n", hex(&entry.value));
    }
    dump
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn defect_2_a_new_password_cannot_be_set_before_the_identity_is_verified() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let create = CreateUserPasswordUpdate {
        session_token: session_token.clone(),
    };
    let user_password_update_token = harness
        .server
        .invoke(create)
        .await
        .unwrap()
        .user_password_update_token;
    let password = NEW_PASSWORD.into();
    let set = SetUserPasswordUpdateNewPassword {
        session_token,
        user_password_update_token,
        password,
    };
    assert_eq!(
        outcome(&harness.server, set).await,
        "user_identity_not_verified"
    );
}

#[tokio::test]
async fn defect_5_nothing_happens_before_the_secret_is_right() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let reset_token = harness.completable_reset().await;
    // All of them are dead: a caller who may not open them must not make the server notice.
    harness.users.disable_user(&harness.user().id);
    harness.advance(minutes(60 * 24 * 60));
    let before = harness.storage.entries();
    harness.users.take_calls();

    let guess = |token: &str| format!("{}.{}", token.split_once('.').unwrap().0, "a".repeat(24));
    let get = GetSession {
        session_token: guess(session_token.expose()).into(),
    };
    assert_eq!(outcome(&harness.server, get).await, "invalid_session_token");
    let get = GetSignin {
        signin_token: guess(signin_token.expose()).into(),
    };
    assert_eq!(outcome(&harness.server, get).await, "invalid_signin_token");
    let get = GetUserPasswordReset {
        user_password_reset_token: guess(reset_token.expose()).into(),
    };
    assert_eq!(
        outcome(&harness.server, get).await,
        "invalid_user_password_reset_token"
    );

    assert_eq!(harness.users.take_calls(), []);
    assert_eq!(harness.storage.entries(), before);
}

#[tokio::test]
async fn defect_6_an_invalid_reset_token_is_no_internal_error() {
    let harness = Harness::new();
    for token in [
        "",
        "x.y",
        "abcdefghijkmnpqrstuvwxyz.abcdefghijkmnpqrstuvwxyz",
    ] {
        let user_password_reset_token = || UserPasswordResetToken::from(token);
        let server = &harness.server;
        let verify = VerifyUserPasswordResetTemporaryPassword {
            user_password_reset_token: user_password_reset_token(),
            temporary_password: "ABCDEFGHJKLM".into(),
        };
        let set = SetUserPasswordResetNewPassword {
            user_password_reset_token: user_password_reset_token(),
            password: NEW_PASSWORD.into(),
        };
        let outcomes = [
            outcome(
                server,
                GetUserPasswordReset {
                    user_password_reset_token: user_password_reset_token(),
                },
            )
            .await,
            outcome(
                server,
                DeleteUserPasswordReset {
                    user_password_reset_token: user_password_reset_token(),
                },
            )
            .await,
            outcome(server, verify).await,
            outcome(server, set).await,
            outcome(
                server,
                CompleteUserPasswordReset {
                    user_password_reset_token: user_password_reset_token(),
                },
            )
            .await,
        ];
        assert_eq!(
            outcomes, ["invalid_user_password_reset_token"; 5],
            "{token}"
        );
    }
}

#[tokio::test]
async fn defect_9_a_failed_deletion_is_not_an_invalid_token() {
    let harness = Harness::new();
    harness.sign_up().await;
    let user_password_reset_token = harness.completable_reset().await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.at_next(
        "Storage::delete main.user_password_reset",
        Fault::FailBeforeActing,
    );
    let delete = || DeleteUserPasswordReset {
        user_password_reset_token: user_password_reset_token.clone(),
    };
    assert_eq!(outcome(&server, delete()).await, "internal_error");
    assert_eq!(outcome(&server, delete()).await, "ok");
    assert_eq!(
        outcome(&server, delete()).await,
        "invalid_user_password_reset_token"
    );
}

#[tokio::test]
async fn defect_10_a_failed_email_is_told_and_leaves_no_record() {
    let harness = Harness::new();
    harness.sign_up().await;
    harness.mailbox.set_failing(true);
    let create = CreateSignup {
        email_address: "new@example.com".into(),
    };
    assert_eq!(outcome(&harness.server, create).await, "internal_error");
    let create = CreateUserPasswordReset {
        user_email_address: EMAIL.into(),
    };
    assert_eq!(outcome(&harness.server, create).await, "internal_error");
    assert_eq!(harness.records("signup"), [""; 0]);
    assert_eq!(harness.records("user_password_reset"), [""; 0]);
    let logged = harness.log.errors();
    assert_eq!(
        logged.iter().map(|error| error.action).collect::<Vec<_>>(),
        ["create_signup", "create_user_password_reset"]
    );
    assert!(logged.iter().all(|error| error.failed));
}

/// A checker that never answers.
#[derive(Debug)]
struct SilentChecker;

#[async_trait]
impl PasswordStrengthChecker for SilentChecker {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn defect_11_a_checker_that_never_answers_is_given_up() {
    let harness =
        Harness::with(|_, options| options.password_strength_checker = Arc::new(SilentChecker));
    let signup_token = harness.verified_signup().await;
    let started = tokio::time::Instant::now();
    let set = SetSignupPassword {
        signup_token,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, set).await, "internal_error");
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    assert!(
        harness.log.errors()[0].error.contains("timed out after"),
        "{:?}",
        harness.log.errors()
    );
}

#[tokio::test]
async fn defect_18_an_answer_about_another_user_is_not_believed() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let user: User = harness.user();
    // The user store now answers this user's ID with a user of another ID.
    harness
        .users
        .change_user(&user.id, |user| user.id = "someone else".into());
    let get = GetSession { session_token };
    assert_eq!(outcome(&harness.server, get).await, "internal_error");
    let logged = harness.log.errors().remove(0).error;
    assert_eq!(
        logged,
        "read an answer of the user store: it is about another user"
    );
}

#[tokio::test]
async fn defect_19_a_body_of_brackets_is_an_invalid_request() {
    let endpoint = Harness::new().server.endpoint();
    let mut brackets = br#"{"action":"get_session","arguments":"#.to_vec();
    brackets.extend(b"[".repeat(60_000));
    for (body, reason) in [
        (&b"[1]"[..], InvalidRequest::NotAnObject),
        (
            br#"{"action":"get_session","arguments":["x"]}"#,
            InvalidRequest::Arguments,
        ),
        (&brackets, InvalidRequest::TooDeep),
        (&b"[".repeat(100_000), InvalidRequest::TooLarge),
    ] {
        assert_eq!(
            endpoint.invoke(body).await,
            EndpointResponse::InvalidRequest(reason)
        );
    }
}

#[tokio::test]
async fn defect_21_a_record_lives_to_its_last_millisecond() {
    let harness = Harness::new();
    assert_ne!(
        faroe_core::time::Clock::now(&*harness.clock).as_milliseconds() % 1000,
        0,
        "within a second"
    );
    let signup_token = harness.create_signup().await;
    let get = || GetSignup {
        signup_token: signup_token.clone(),
    };
    let first = harness.server.invoke(get()).await.unwrap().signup;
    harness.advance(minutes(20) - Duration::from_millis(1));
    let last = harness.server.invoke(get()).await.unwrap().signup;
    assert_eq!(last, first);
    assert_eq!(
        first.expires_at.as_seconds() - first.created_at.as_seconds(),
        20 * 60
    );
    harness.advance(Duration::from_millis(1));
    assert_eq!(
        outcome(&harness.server, get()).await,
        "invalid_signup_token"
    );
    assert_eq!(harness.records("signup"), [""; 0]);
}

#[tokio::test]
async fn defect_24_what_would_hang_or_lock_out_is_refused() {
    let refused = |change: fn(&mut ServerOptions)| {
        let mut parts: Option<ServerParts> = None;
        Harness::with(|given, _| parts = Some(given.clone()));
        let mut options = ServerOptions::default();
        change(&mut options);
        Server::new(parts.unwrap(), options)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(|options| options.hashing.permits = 0),
        "hashing permits must be at least 1"
    );
    let message = refused(|options| options.session.inactivity_timeout = Duration::ZERO);
    assert_eq!(
        message,
        "the session inactivity timeout must be longer than zero"
    );
    assert!(
        refused(|options| options.session.inactivity_timeout = minutes(1))
            .contains("activity check interval")
    );
    assert!(
        refused(|options| options.session.absolute_expiration = Some(Duration::ZERO))
            .contains("absolute")
    );
    assert!(
        refused(|options| options.session.cache_expiration = Some(minutes(1)))
            .contains("needs a cache")
    );
    assert!(refused(|options| options.rate_limits.send_email.capacity = 0).contains("send email"));
    let no_interval = |options: &mut ServerOptions| {
        options.rate_limits.verify_user_password.interval = Duration::from_micros(999);
    };
    assert!(refused(no_interval).contains("verify user password"));
    assert!(refused(|options| options.timeouts.storage = Duration::ZERO).contains("timeout"));
}

#[tokio::test]
async fn defect_26_a_text_that_cannot_be_a_token_never_reaches_the_storage() {
    let harness = Harness::new();
    let secret = "a".repeat(24);
    for token in [
        String::new(),
        "x".repeat(60_000),
        format!("{}.{secret}", "a".repeat(60_000)),
        format!("*.{secret}"),
    ] {
        harness.storage.take_calls();
        let get = GetSession {
            session_token: SessionToken::from(token.as_str()),
        };
        assert_eq!(outcome(&harness.server, get).await, "invalid_session_token");
        let delete = DeleteSession {
            session_token: SessionToken::from(token.as_str()),
        };
        assert_eq!(
            outcome(&harness.server, delete).await,
            "invalid_session_token"
        );
        let delete = DeleteSignup {
            signup_token: token.into(),
        };
        assert_eq!(
            outcome(&harness.server, delete).await,
            "invalid_signup_token"
        );
        assert_eq!(harness.storage.take_calls(), []);
    }
}
