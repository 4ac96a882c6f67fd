//! Freedoms of a storage that no user notices: it keeps expired entries or drops them, serves all roles or one, and may
//! lose everything.

use std::{env, process::Command, sync::Arc};

use faroe_core::{
    ServerOptions, Storages,
    protocol::{
        session::GetSession,
        signin::{CompleteSignin, GetSignin, VerifySigninUserPassword},
        signup::{CreateSignup, GetSignup},
        user_password_reset::{GetUserPasswordReset, SetUserPasswordResetNewPassword},
    },
    storage::{MainStorage, namespace},
    time::UnixTime,
    user_store::Counter,
};
use faroe_testkit::{
    clock::ManualClock,
    explorer::{Actor, Explorer},
    fault::{Fault, Faults},
    promise,
    storage::ReferenceStorage,
};

use crate::{
    harness::{EMAIL, Harness, NEW_PASSWORD, PASSWORD, STORAGE, minutes, outcome},
    interleavings::assert_no_violation,
};

const NEVER: UnixTime = UnixTime::from_milliseconds(i64::MAX);

/// A story in which everything expires, told by what each action answered.
async fn story(harness: &Harness) -> Vec<&'static str> {
    let server = &harness.server;
    let mut told = vec![];
    let abandoned = harness.create_signup().await;
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let reset = harness.completable_reset().await;
    for _ in 0..6 {
        told.push(harness.try_password("not the password").await);
    }
    for step in [9, 1, 9, 1, 30, 60, 24 * 60, 29 * 24 * 60, 30 * 24 * 60] {
        harness.advance(minutes(step));
        told.push(
            outcome(
                server,
                GetSignup {
                    signup_token: abandoned.clone(),
                },
            )
            .await,
        );
        told.push(
            outcome(
                server,
                GetSignin {
                    signin_token: signin_token.clone(),
                },
            )
            .await,
        );
        told.push(
            outcome(
                server,
                GetUserPasswordReset {
                    user_password_reset_token: reset.clone(),
                },
            )
            .await,
        );
        told.push(
            outcome(
                server,
                GetSession {
                    session_token: session_token.clone(),
                },
            )
            .await,
        );
        told.push(
            outcome(
                server,
                CreateSignup {
                    email_address: "new@example.com".into(),
                },
            )
            .await,
        );
        told.push(harness.try_password("not the password").await);
    }
    told.push(
        outcome(
            server,
            CompleteSignin {
                signin_token: signin_token.clone(),
            },
        )
        .await,
    );
    told.push(
        outcome(
            server,
            VerifySigninUserPassword {
                signin_token,
                password: PASSWORD.into(),
            },
        )
        .await,
    );
    let password = NEW_PASSWORD.into();
    told.push(
        outcome(
            server,
            SetUserPasswordResetNewPassword {
                user_password_reset_token: reset,
                password,
            },
        )
        .await,
    );
    told
}

#[tokio::test]
async fn defect_22_a_storage_that_keeps_expired_entries_and_one_that_drops_them_tell_the_same_story()
 {
    let clock = Arc::<ManualClock>::default();
    let dropping = Arc::new(ReferenceStorage::dropping_expired(Arc::clone(&clock) as _));
    let dropping = story(&Harness::on(dropping, clock, |_, _| {})).await;
    let keeping = Arc::new(ReferenceStorage::keeping_expired());
    let keeping = story(&Harness::on(keeping, Arc::default(), |_, _| {})).await;
    assert_eq!(keeping, dropping);
    for expected in [
        "ok",
        "rate_limited",
        "invalid_signup_token",
        "invalid_session_token",
    ] {
        assert!(keeping.contains(&expected), "{expected} in {keeping:?}");
    }
}

#[tokio::test]
async fn each_role_can_have_a_storage_of_its_own() {
    let main = Arc::new(ReferenceStorage::keeping_expired());
    let rate_limit = Arc::new(ReferenceStorage::keeping_expired());
    let storages = Storages::new(Arc::clone(&main) as _, Arc::clone(&rate_limit) as _);
    let separate = Harness::with(|parts, _| parts.storages = storages);
    assert_eq!(story(&separate).await, story(&Harness::new()).await);
    assert!(separate.storage.entries().is_empty());
    assert!(
        main.entries().keys().all(|key| !key.contains("verify_")
            && !key.contains("send_")
            && !key.contains("create_"))
    );
    assert!(rate_limit.entries().keys().all(|key| {
        ["verify_", "send_email.", "create_"]
            .iter()
            .any(|limit| key.starts_with(limit))
    }));
}

#[tokio::test]
async fn losing_the_storage_costs_a_new_sign_in_and_nothing_else() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let before = harness.user();
    harness.storage.clear();
    assert!(!harness.is_signed_in(&session_token).await);
    assert_eq!(
        outcome(&harness.server, CompleteSignin { signin_token }).await,
        "invalid_signin_token"
    );
    let session_token = harness.sign_in().await;
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.user(), before);
    assert_eq!(harness.log.errors(), []);
}

#[tokio::test]
async fn a_record_of_another_version_or_none_at_all_is_absent() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (key, entry) = harness
        .storage
        .entries()
        .into_iter()
        .find(|(key, _)| key.contains("session"))
        .unwrap();
    let text = String::from_utf8(entry.value).unwrap();
    for value in [
        text.replace("\"version\":1", "\"version\":2"),
        "{}".to_owned(),
        String::new(),
        "\0".to_owned(),
    ] {
        assert_ne!(value, text);
        MainStorage::set(&*harness.storage, &key, value.as_bytes(), entry.expires_at)
            .await
            .unwrap();
        assert!(!harness.is_signed_in(&session_token).await, "{value:?}");
    }
    let newer = text.replace("\"record\":{", "\"record\":{\"of_a_newer_server\":[1],");
    assert_ne!(newer, text);
    MainStorage::set(&*harness.storage, &key, newer.as_bytes(), entry.expires_at)
        .await
        .unwrap();
    assert!(
        harness.is_signed_in(&session_token).await,
        "a field that was added does no harm"
    );
}

#[tokio::test]
async fn a_failing_storage_is_an_internal_error_that_is_logged_once_with_its_cause() {
    let harness = Harness::new();
    let (server, faults) = harness.beside(|_, _: &mut ServerOptions| {});
    faults.at_next("Storage::add main.signup", Fault::FailBeforeActing);
    let error = server
        .invoke(CreateSignup {
            email_address: EMAIL.into(),
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind.error_code(), Some("internal_error"));
    let logged = harness.log.errors();
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].action_invocation_id, error.action_invocation_id);
    assert_eq!(logged[0].error, "call Storage::add: told to fail");
    assert_eq!(harness.mailbox.messages().len(), 0);
}

#[tokio::test]
async fn setting_a_fresh_key_takes_one_call_of_the_storage() {
    let faults = Arc::<Faults>::default();
    let storage = faults.wrap(Arc::new(ReferenceStorage::keeping_expired()));
    let main = namespace::main(Arc::new(storage));
    for expected in [&["add"][..], &["add", "get", "update"]] {
        main.set("key", b"value", NEVER).await.unwrap();
        let calls = faults.take_calls();
        let calls: Vec<_> = calls.iter().map(|call| call.operation).collect();
        assert_eq!(calls, expected);
    }
}

/// An operation that runs beside a set, and its results if the entry was there before and after the set.
type Beside = (&'static str, fn(Arc<dyn MainStorage>) -> Actor<String>);

const BESIDE: [Beside; 4] = [
    ("old, new", |main| {
        Box::pin(async move {
            let entry = main.get("key").await.unwrap();
            entry.map_or_else(String::new, |entry| text(&entry.value))
        })
    }),
    ("Deleted", |main| {
        Box::pin(async move { format!("{:?}", main.delete("key").await.unwrap()) })
    }),
    ("Updated, Conflict", |main| {
        Box::pin(async move {
            let update = main.update("key", b"updated", NEVER, Counter::ZERO);
            format!("{:?}", update.await.unwrap())
        })
    }),
    ("set", |main| {
        Box::pin(async move {
            main.set("key", b"newer", NEVER).await.unwrap();
            "set".to_owned()
        })
    }),
];

#[test]
fn p33_setting_an_existing_entry_is_one_step_in_every_interleaving() {
    let mut schedules = 0;
    for (allowed, beside) in BESIDE {
        let explorer = Explorer::default();
        let storage = Arc::new(ReferenceStorage::keeping_expired());
        let wrapped = explorer.wrap(Arc::clone(&storage));
        let main: Arc<dyn MainStorage> = Arc::new(namespace::main(Arc::new(wrapped)));
        let start = || {
            storage.clear();
            explorer.block_on(main.set("key", b"old", NEVER)).unwrap();
            let set = Arc::clone(&main);
            let set = async move {
                set.set("key", b"new", NEVER).await.unwrap();
                "set".to_owned()
            };
            vec![Box::pin(set) as Actor<String>, beside(Arc::clone(&main))]
        };
        let explored = explorer.explore(start, |results| {
            let entries = storage.entries();
            let left = entries.get("main.key").map(|entry| text(&entry.value));
            let is_left = match results[1].as_str() {
                "Deleted" => left.is_none() || left.as_deref() == Some("new"),
                "set" => left.is_some_and(|left| ["new", "newer"].contains(&&*left)),
                _ => left.as_deref() == Some("new"),
            };
            let is_allowed = allowed.split(", ").any(|allowed| allowed == results[1]);
            (is_left && is_allowed)
                .then_some(())
                .ok_or_else(|| format!("{results:?} left {entries:?}"))
        });
        assert_no_violation(&explored);
        assert!(explored.schedules > 1);
        schedules += explored.schedules;
    }
    promise::report(
        "P33",
        format!("a set beside 4 operations, {schedules} schedules, one step each"),
    );
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn p34_every_test_passes_over_a_storage_that_drops_everything_at_its_expiry_too() {
    // This test program runs over a storage that keeps everything. Where time stands still, nothing expires.
    let standing_still = ["p11_", "p19_", "p20_", "p28_", "p29_", "p31_", "p34_"];
    let output = Command::new(env::current_exe().unwrap())
        .args(standing_still.iter().flat_map(|name| ["--skip", name]))
        .env(STORAGE, "dropping")
        .env_remove(promise::PROMISES_FILE)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    let (_, passed) = told.split_once("test result: ok. ").unwrap();
    let (passed, _) = passed.split_once(" passed").unwrap();
    assert!(passed.parse::<usize>().unwrap() > 50);
    promise::report(
        "P34",
        format!("{passed} tests pass over a storage that keeps and over one that drops"),
    );
}
