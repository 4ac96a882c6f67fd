//! Sessions and flows after a password change; hashes of an outdated algorithm.

use std::sync::Arc;

use faroe_core::{
    Server, ServerOptions, ServerParts, UserPasswordHashAlgorithms,
    error::AdapterError,
    protocol::{
        session::DeleteAllSessions,
        signin::{CompleteSignin, GetSignin, VerifySigninUserPassword},
        user_password_reset::{CompleteUserPasswordReset, GetUserPasswordReset},
        user_password_update::{
            CompleteUserPasswordUpdate, CreateUserPasswordUpdate, GetUserPasswordUpdate,
            SetUserPasswordUpdateNewPassword, VerifyUserPasswordUpdateUserPassword,
        },
    },
};
use faroe_testkit::{fault::Fault, hasher::CountingHasher, promise};

use crate::harness::{Harness, NEW_PASSWORD, PASSWORD, minutes, outcome};

#[tokio::test]
async fn defect_7_a_reset_dies_with_the_password_that_it_is_for() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let user_password_reset_token = harness.completable_reset().await;
    harness.update_password(&session_token).await;
    let get = GetUserPasswordReset {
        user_password_reset_token: user_password_reset_token.clone(),
    };
    assert_eq!(
        outcome(&harness.server, get).await,
        "invalid_user_password_reset_token"
    );
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    assert_eq!(
        outcome(&harness.server, complete).await,
        "invalid_user_password_reset_token"
    );
    assert_eq!(harness.records("user_password_reset"), [""; 0]);
}

#[tokio::test]
async fn defect_15_no_session_comes_of_a_password_that_was_changed_in_between() {
    // Wherever the change comes between the steps of the completion, the session must not outlive it.
    for call in [
        "Storage::get main.signin",
        "UserStore::get_user",
        "Storage::delete main.signin",
        "Storage::add main.session",
    ] {
        let harness = Arc::new(Harness::new());
        let session_token = harness.sign_up().await;
        let signin_token = harness.completable_signin().await;
        let sessions = harness.records("session");
        let (server, faults) = harness.beside(|_, _| {});
        let other = Arc::clone(&harness);
        faults.before(call, async move || {
            other.update_password(&session_token).await;
            Ok(())
        });
        assert_eq!(
            outcome(&server, CompleteSignin { signin_token }).await,
            "invalid_signin_token",
            "{call}"
        );
        assert!(faults.is_done(), "{call}");
        assert_eq!(harness.records("session"), sessions, "{call}");
    }
}

#[tokio::test]
async fn sessions_survive_a_password_change_if_so_configured() {
    let harness = Harness::with(|_, options| {
        options.session.end_other_sessions_on_password_change = false;
    });
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    harness.update_password(&acting).await;
    assert!(harness.is_signed_in(&acting).await && harness.is_signed_in(&other).await);
    let complete = CompleteUserPasswordReset {
        user_password_reset_token: harness.completable_reset().await,
    };
    assert_eq!(outcome(&harness.server, complete).await, "ok");
    assert!(harness.is_signed_in(&acting).await && harness.is_signed_in(&other).await);
}

#[tokio::test]
async fn p73_other_sessions_end_with_an_update_and_the_acting_one_goes_on() {
    let harness = Harness::new();
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    harness.update_password(&acting).await;
    assert!(!harness.is_signed_in(&other).await);
    assert!(harness.is_signed_in(&acting).await);
    harness.advance(minutes(2));
    assert!(
        harness.is_signed_in(&acting).await,
        "not only for the time of the change"
    );
    promise::report("P73", "an update of the password ended the other session");
}

#[tokio::test]
async fn p73_the_acting_session_is_valid_before_and_after_every_step_of_an_update() {
    let steps = [
        ("Storage::update main.session", 0),
        ("UserStore::update_user_password_hash", 0),
        ("UserStore::increment_user_sessions_counter", 0),
        ("Storage::update main.session", 1),
        ("Storage::delete main.user_password_update", 0),
    ];
    for (call, earlier) in steps {
        let harness = Arc::new(Harness::new());
        let acting = harness.sign_up().await;
        let user_password_update_token = harness.completable_password_update(&acting).await;
        let (server, faults) = harness.beside(|_, _| {});
        let (other, session_token) = (Arc::clone(&harness), acting.clone());
        for _ in 0..earlier {
            faults.before(call, async || Ok(()));
        }
        faults.before(call, async move || {
            assert!(other.is_signed_in(&session_token).await);
            Ok(())
        });
        let complete = CompleteUserPasswordUpdate {
            session_token: acting.clone(),
            user_password_update_token,
        };
        assert_eq!(outcome(&server, complete).await, "ok", "{call}");
        assert!(faults.is_done(), "{call}");
        assert!(harness.is_signed_in(&acting).await, "{call}");
    }
    let steps = steps.len();
    promise::report(
        "P73",
        format!("the acting session was valid before each of {steps} steps"),
    );
}

#[tokio::test]
async fn p73_a_sign_out_everywhere_between_the_steps_ends_the_acting_session_at_once() {
    let steps = [
        "Storage::update main.session",
        "UserStore::update_user_password_hash",
        "UserStore::increment_user_sessions_counter",
    ];
    for call in steps {
        let harness = Arc::new(Harness::new());
        let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
        let user_password_update_token = harness.completable_password_update(&acting).await;
        let (server, faults) = harness.beside(|_, _| {});
        let (beside, session_token) = (Arc::clone(&harness), acting.clone());
        faults.before(call, async move || {
            let delete = DeleteAllSessions {
                session_token: other,
            };
            assert_eq!(outcome(&beside.server, delete).await, "ok");
            // The password change ends here, and what it has begun stays.
            Err(AdapterError::message("the server was killed"))
        });
        let complete = CompleteUserPasswordUpdate {
            session_token: acting.clone(),
            user_password_update_token,
        };
        outcome(&server, complete).await;
        assert!(faults.is_done(), "{call}");
        assert!(!harness.is_signed_in(&session_token).await, "{call}");
    }
    let steps = steps.len();
    promise::report(
        "P73",
        format!("a sign-out everywhere before each of {steps} steps ended all sessions"),
    );
}

#[tokio::test]
async fn p73_an_acting_session_that_could_not_be_written_back_is_kept_by_its_next_use() {
    let harness = Harness::new();
    let acting = harness.sign_up().await;
    let user_password_update_token = harness.completable_password_update(&acting).await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.before("Storage::update main.session", async || Ok(()));
    faults.at_next("Storage::update main.session", Fault::FailBeforeActing);
    let complete = CompleteUserPasswordUpdate {
        session_token: acting.clone(),
        user_password_update_token,
    };
    assert_eq!(outcome(&server, complete).await, "ok");
    assert!(faults.is_done());
    assert!(harness.is_signed_in(&acting).await);
    harness.advance(minutes(2));
    assert!(harness.is_signed_in(&acting).await);
    promise::report("P73", "a failed write did not end the acting session");
}

#[tokio::test]
async fn p73_an_update_with_an_unknown_outcome_ends_the_other_sessions_and_not_its_own() {
    for fault in [Fault::FailBeforeActing, Fault::LoseTheAnswer] {
        let harness = Harness::new();
        let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
        let user_password_update_token = harness.completable_password_update(&acting).await;
        let (server, faults) = harness.beside(|_, _| {});
        faults.at_next("UserStore::update_user_password_hash", fault);
        let complete = CompleteUserPasswordUpdate {
            session_token: acting.clone(),
            user_password_update_token,
        };
        assert_eq!(outcome(&server, complete).await, "internal_error");
        harness.advance(minutes(2));
        assert!(harness.is_signed_in(&acting).await, "{fault:?}");
        assert!(!harness.is_signed_in(&other).await, "{fault:?}");
    }
    promise::report(
        "P73",
        "2 unknown outcomes ended the other session and not their own",
    );
}

#[tokio::test]
async fn a_password_change_that_was_not_made_keeps_no_session() {
    let harness = Harness::new();
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    let user_password_update_token = harness.completable_password_update(&acting).await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.at_next("UserStore::update_user_password_hash", Fault::Conflict);
    let complete = CompleteUserPasswordUpdate {
        session_token: acting.clone(),
        user_password_update_token,
    };
    assert_eq!(outcome(&server, complete).await, "internal_conflict");
    assert!(harness.is_signed_in(&acting).await);
    let id = harness.user().id;
    harness.users.change_user(&id, |user| {
        user.sessions_counter = user.sessions_counter.next().unwrap();
    });
    assert!(!harness.is_signed_in(&acting).await);
    assert!(!harness.is_signed_in(&other).await);
}

fn ending_other_sessions(_: &mut ServerParts, options: &mut ServerOptions) {
    options.session.end_other_sessions_on_password_change = true;
}

#[tokio::test]
async fn p73_other_sessions_end_with_a_reset_and_the_new_one_is_valid() {
    let harness = Harness::new();
    let old = harness.sign_up().await;
    let user_password_reset_token = harness.completable_reset().await;
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    let new = harness.server.invoke(complete).await.unwrap().session_token;
    assert!(harness.is_signed_in(&new).await);
    assert!(!harness.is_signed_in(&old).await);
    promise::report("P73", "a reset of the password ended the old session");
}

#[tokio::test]
async fn other_sessions_end_also_when_someone_else_moves_the_counter_or_the_answer_is_lost() {
    let harness = Arc::new(Harness::with(ending_other_sessions));
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    let user_password_update_token = harness.completable_password_update(&acting).await;
    let (server, faults) = harness.beside(ending_other_sessions);
    let users = Arc::clone(&harness.users);
    let id = harness.user().id;
    faults.before(
        "UserStore::increment_user_sessions_counter",
        async move || {
            users.change_user(&id, |user| {
                user.sessions_counter = user.sessions_counter.next().unwrap()
            });
            Ok(())
        },
    );
    let complete = CompleteUserPasswordUpdate {
        session_token: acting.clone(),
        user_password_update_token,
    };
    assert_eq!(outcome(&server, complete).await, "ok");
    assert!(faults.is_done());
    assert!(
        !harness.is_signed_in(&acting).await && !harness.is_signed_in(&other).await,
        "whoever moves the counter signs out everywhere"
    );

    let reset = harness.completable_reset().await;
    let complete = CompleteUserPasswordReset {
        user_password_reset_token: reset,
    };
    let session = harness.server.invoke(complete).await.unwrap();
    let session_token = session.session_token;
    let user_password_reset_token = harness.completable_reset().await;
    faults.at_next(
        "UserStore::update_user_password_hash",
        Fault::FailBeforeActing,
    );
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    assert_eq!(outcome(&server, complete).await, "internal_error");
    assert!(
        !harness.is_signed_in(&session_token).await,
        "the change may have happened"
    );
}

/// A server for which the hashes that the harness made are of a previous algorithm.
fn upgraded(harness: &Harness) -> (Server, Arc<CountingHasher>) {
    let current = Arc::new(CountingHasher::new("second"));
    let mut algorithms = UserPasswordHashAlgorithms::new(Arc::clone(&current) as _);
    algorithms.previous.push(Arc::clone(&harness.hasher) as _);
    let (server, _) = harness.beside(|parts, _| parts.user_password_hash_algorithms = algorithms);
    (server, current)
}

#[tokio::test]
async fn a_password_is_rehashed_with_the_current_algorithm_when_it_is_verified() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, current) = upgraded(&harness);

    let signin_token = harness.create_signin().await;
    let verify = |password: &str| VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: password.into(),
    };
    assert_eq!(
        outcome(&server, verify("not the password")).await,
        "incorrect_password"
    );
    assert_eq!(harness.user().password_hash_algorithm_id, "first");
    assert_eq!(outcome(&server, verify(PASSWORD)).await, "ok");
    assert_eq!(harness.user().password_hash_algorithm_id, "second");
    assert_eq!(current.evaluations(), 1);
    assert_eq!(
        outcome(&server, CompleteSignin { signin_token }).await,
        "ok",
        "the flow goes on"
    );
    assert!(
        harness.is_signed_in(&session_token).await,
        "sessions are not touched"
    );

    let signin_token = harness.create_signin().await;
    let verify = VerifySigninUserPassword {
        signin_token,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&server, verify).await, "ok");
    assert_eq!(current.evaluations(), 2, "a current hash is not made again");
}

#[tokio::test]
async fn a_password_update_goes_on_when_its_check_rehashes() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, _) = upgraded(&harness);
    let create = CreateUserPasswordUpdate {
        session_token: session_token.clone(),
    };
    let user_password_update_token = server
        .invoke(create)
        .await
        .unwrap()
        .user_password_update_token;
    let verify = VerifyUserPasswordUpdateUserPassword {
        session_token: session_token.clone(),
        user_password_update_token: user_password_update_token.clone(),
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&server, verify).await, "ok");
    let set = SetUserPasswordUpdateNewPassword {
        session_token: session_token.clone(),
        user_password_update_token: user_password_update_token.clone(),
        password: NEW_PASSWORD.into(),
    };
    assert_eq!(outcome(&server, set).await, "ok");
    let complete = CompleteUserPasswordUpdate {
        session_token,
        user_password_update_token,
    };
    assert_eq!(outcome(&server, complete).await, "ok");
}

#[tokio::test]
async fn a_hash_of_an_algorithm_that_is_not_configured_is_an_internal_error_and_takes_no_attempt() {
    let harness = Harness::new();
    harness.sign_up().await;
    harness.users.change_user(&harness.user().id, |user| {
        user.password_hash_algorithm_id = "unknown".into()
    });
    for _ in 0..10 {
        assert_eq!(harness.try_password(PASSWORD).await, "internal_error");
    }
    harness.users.change_user(&harness.user().id, |user| {
        user.password_hash_algorithm_id = "first".into()
    });
    assert_eq!(harness.try_password(PASSWORD).await, "ok");
}

#[tokio::test]
async fn a_change_of_password_ends_the_flows_on_their_way() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let user_password_update_token = harness.completable_password_update(&session_token).await;
    harness.update_password(&session_token).await;
    assert_eq!(
        outcome(&harness.server, GetSignin { signin_token }).await,
        "invalid_signin_token"
    );
    let get = GetUserPasswordUpdate {
        session_token,
        user_password_update_token,
    };
    assert_eq!(
        outcome(&harness.server, get).await,
        "invalid_password_update_token"
    );
}

#[tokio::test]
async fn a_user_who_was_disabled_and_enabled_has_no_flow_and_no_session_left() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let user_password_reset_token = harness.completable_reset().await;
    let id = harness.user().id;
    harness.users.disable_user(&id);
    harness.users.enable_user(&id);
    assert!(!harness.is_signed_in(&session_token).await);
    assert_eq!(
        outcome(&harness.server, GetSignin { signin_token }).await,
        "invalid_signin_token"
    );
    let get = GetUserPasswordReset {
        user_password_reset_token,
    };
    assert_eq!(
        outcome(&harness.server, get).await,
        "invalid_user_password_reset_token"
    );
    for record in ["session", "signin", "user_password_reset"] {
        assert_eq!(
            harness.records(record),
            [""; 0],
            "a dead {record} is removed"
        );
    }
}

#[tokio::test]
async fn a_conflict_is_answered_only_when_nothing_was_changed() {
    let harness = Harness::with(ending_other_sessions);
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    let user_password_update_token = harness.completable_password_update(&acting).await;
    let complete = || CompleteUserPasswordUpdate {
        session_token: acting.clone(),
        user_password_update_token: user_password_update_token.clone(),
    };
    let (server, faults) = harness.beside(ending_other_sessions);
    faults.at_next("UserStore::update_user_password_hash", Fault::Conflict);
    assert_eq!(outcome(&server, complete()).await, "internal_conflict");
    assert!(harness.is_signed_in(&other).await, "nothing was changed");
    faults.at_next(
        "UserStore::increment_user_sessions_counter",
        Fault::Conflict,
    );
    assert_eq!(
        outcome(&server, complete()).await,
        "internal_error",
        "the password was"
    );
    assert_eq!(harness.try_password(NEW_PASSWORD).await, "ok");

    let harness = Harness::new();
    harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.at_next("Storage::add main.session", Fault::Conflict);
    assert_eq!(
        outcome(&server, CompleteSignin { signin_token }).await,
        "internal_error",
        "the signin is used up"
    );
}
