//! P71: sign-ups whose user was created although the answer was late or lost.

use std::sync::Arc;

use faroe_core::{
    password::PasswordHash,
    protocol::signup::CompleteSignup,
    user_store::{CreateUserOutcome, NewUser, UserStore},
};
use faroe_testkit::{fault::Fault, promise};

use crate::harness::{EMAIL, Harness, outcome};

/// The ways in which the answer about a new user fails to arrive, all of which take effect at some time.
const LATE: [Fault; 4] = [
    Fault::LoseTheAnswer,
    Fault::ActLate,
    Fault::Hang,
    Fault::ActAfter(std::time::Duration::from_secs(60)),
];

async fn create(harness: &Harness, hash: PasswordHash) {
    let created = harness.users.create_user(NewUser::new(EMAIL, hash)).await;
    assert!(matches!(created.unwrap(), CreateUserOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn p71_a_user_who_was_created_late_is_found_at_the_retry_however_often() {
    let mut attempts = 0;
    for late in LATE {
        for times in 1..=4 {
            let harness = Harness::new();
            let signup_token = harness.completable_signup().await;
            let complete = || CompleteSignup::new(signup_token.clone());
            let (server, faults) = harness.beside(|_, _| {});
            for _ in 0..times {
                faults.at_next("UserStore::create_user", late);
                // The look for the user fails too, so that nothing is known.
                faults.at_next(
                    "UserStore::get_user_by_email_address",
                    Fault::FailBeforeActing,
                );
                attempts += 1;
                assert_eq!(outcome(&server, complete()).await, "internal_error");
            }
            faults.deliver_late_calls().await;
            assert_eq!(outcome(&server, complete()).await, "ok", "{late:?}");
            assert!(faults.is_done());
            assert_eq!(outcome(&server, complete()).await, "invalid_signup_token");
            assert_eq!(harness.users.users().len(), 1);
            assert_eq!(harness.records("session").len(), 1);
        }
    }
    promise::report(
        "P71",
        format_args!(
            "{attempts} attempts whose answers were late or lost, each sign-up completed once"
        ),
    );
}

#[tokio::test(start_paused = true)]
async fn p71_a_user_store_that_is_always_late_completes_a_sign_up_all_the_same() {
    let harness = Harness::new();
    let signup_token = harness.completable_signup().await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.at_next("UserStore::create_user", Fault::LoseTheAnswer);
    let complete = CompleteSignup::new(signup_token);
    assert_eq!(outcome(&server, complete).await, "ok");
    let logged = harness.log.errors();
    assert_eq!(logged.len(), 1);
    assert!(!logged[0].failed, "{logged:?}");
    promise::report(
        "P71",
        "an answer that was lost within the action, completed by it",
    );
}

#[tokio::test]
async fn p71_a_user_of_anybody_else_is_never_taken_over() {
    let mut others = 0;
    for change in [
        (|hash| hash.salt = b"another".to_vec().into()) as fn(&mut PasswordHash),
        |hash| hash.hash = b"another".to_vec().into(),
        |hash| hash.algorithm_id = "another".into(),
        |hash| {
            *hash = PasswordHash {
                algorithm_id: String::new(),
                salt: Vec::new().into(),
                hash: Vec::new().into(),
            }
        },
    ] {
        for is_lost in [false, true] {
            let harness = Arc::new(Harness::new());
            let signup_token = harness.completable_signup().await;
            let (server, faults) = harness.beside(|_, _| {});
            if is_lost {
                faults.at_next("UserStore::create_user", Fault::ActLate);
            }
            let mut hash = harness.hash_of_signup(&signup_token).await;
            change(&mut hash);
            create(&harness, hash).await;
            let before = harness.users.users();
            let expected = if is_lost {
                "internal_error"
            } else {
                "invalid_signup_token"
            };
            let complete = || CompleteSignup::new(signup_token.clone());
            assert_eq!(outcome(&server, complete()).await, expected);
            faults.deliver_late_calls().await;
            assert_eq!(outcome(&server, complete()).await, "invalid_signup_token");
            assert_eq!(harness.users.users(), before);
            assert_eq!(harness.records("session"), [""; 0]);
            assert_eq!(harness.records("signup"), [""; 0]);
            others += 1;
        }
    }
    promise::report(
        "P71",
        format_args!("{others} users of others, none taken over"),
    );
}

#[tokio::test]
async fn p71_a_completion_that_found_the_user_and_the_one_that_created_it_give_one_session() {
    let harness = Arc::new(Harness::new());
    let signup_token = harness.completable_signup().await;
    let complete = || CompleteSignup::new(signup_token.clone());
    let (server, faults) = harness.beside(|_, _| {});
    let (other, found) = (Arc::clone(&harness), complete());
    // The user is created, and before the creator continues, a retry finds it.
    faults.before("Storage::update main.signup", async move || {
        assert_eq!(outcome(&other.server, found).await, "ok");
        Ok(())
    });
    assert_eq!(outcome(&server, complete()).await, "invalid_signup_token");
    assert!(faults.is_done());
    assert_eq!(harness.records("session").len(), 1);
    assert_eq!(harness.users.users().len(), 1);
}
