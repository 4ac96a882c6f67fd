//! One completion takes effect in any race, and each step once.

use std::sync::Arc;

use faroe_core::protocol::{
    session::{DeleteAllSessions, DeleteSession},
    signin::{CompleteSignin, DeleteSignin},
    signup::{
        CompleteSignup, DeleteSignup, SetSignupPassword, VerifySignupEmailAddressVerificationCode,
    },
    user_password_reset::{
        CompleteUserPasswordReset, DeleteUserPasswordReset, SetUserPasswordResetNewPassword,
    },
    user_password_update::{
        CompleteUserPasswordUpdate, DeleteUserPasswordUpdate, SetUserPasswordUpdateNewPassword,
    },
};

use crate::harness::{EMAIL, Harness, PASSWORD, outcome};

#[tokio::test]
async fn defect_4_two_simultaneous_completions_of_a_signin_give_one_session() {
    let harness = Arc::new(Harness::new());
    harness.sign_up().await;
    let signin_token = harness.completable_signin().await;
    let sessions = harness.records("session").len();
    let (server, faults) = harness.beside(|_, _| {});
    let (other, complete) = (
        Arc::clone(&harness),
        CompleteSignin {
            signin_token: signin_token.clone(),
        },
    );
    faults.before("Storage::delete main.signin", async move || {
        assert_eq!(outcome(&other.server, complete).await, "ok");
        Ok(())
    });
    assert_eq!(
        outcome(&server, CompleteSignin { signin_token }).await,
        "invalid_signin_token"
    );
    assert!(faults.is_done());
    assert_eq!(harness.records("session").len(), sessions + 1);
}

#[tokio::test]
async fn two_simultaneous_completions_of_a_signup_give_one_user() {
    let harness = Arc::new(Harness::new());
    let signup_token = harness.completable_signup().await;
    let (server, faults) = harness.beside(|_, _| {});
    let (other, complete) = (
        Arc::clone(&harness),
        CompleteSignup::new(signup_token.clone()),
    );
    faults.before("UserStore::create_user", async move || {
        assert_eq!(outcome(&other.server, complete).await, "ok");
        Ok(())
    });
    assert_eq!(
        outcome(&server, CompleteSignup::new(signup_token)).await,
        "invalid_signup_token"
    );
    assert!(faults.is_done());
    assert_eq!(
        (
            harness.users.users().len(),
            harness.records("session").len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn two_simultaneous_completions_of_a_reset_give_one_session() {
    let harness = Arc::new(Harness::new());
    harness.sign_up().await;
    let user_password_reset_token = harness.completable_reset().await;
    let sessions = harness.records("session").len();
    let (server, faults) = harness.beside(|_, _| {});
    let other = Arc::clone(&harness);
    let complete = CompleteUserPasswordReset {
        user_password_reset_token: user_password_reset_token.clone(),
    };
    faults.before("UserStore::update_user_password_hash", async move || {
        assert_eq!(outcome(&other.server, complete).await, "ok");
        Ok(())
    });
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    assert_eq!(outcome(&server, complete).await, "internal_conflict");
    assert!(faults.is_done());
    assert_eq!(harness.records("session").len(), sessions + 1);
}

#[tokio::test]
async fn defect_8_a_lost_race_in_sign_up_is_an_internal_conflict() {
    let harness = Arc::new(Harness::new());
    let signup_token = harness.create_signup().await;
    let (server, faults) = harness.beside(|_, _| {});
    let email_address_verification_code = harness.mailbox.last_code(EMAIL).unwrap();
    let verify = || VerifySignupEmailAddressVerificationCode {
        signup_token: signup_token.clone(),
        email_address_verification_code: email_address_verification_code.clone(),
    };
    let (other, winner) = (Arc::clone(&harness), verify());
    faults.before("Storage::update main.signup", async move || {
        assert_eq!(outcome(&other.server, winner).await, "ok");
        Ok(())
    });
    assert_eq!(outcome(&server, verify()).await, "internal_conflict");

    let set = || SetSignupPassword {
        signup_token: signup_token.clone(),
        password: PASSWORD.into(),
    };
    let (other, winner) = (Arc::clone(&harness), set());
    faults.before("Storage::update main.signup", async move || {
        assert_eq!(outcome(&other.server, winner).await, "ok");
        Ok(())
    });
    assert_eq!(outcome(&server, set()).await, "internal_conflict");
    assert!(faults.is_done());
    assert_eq!(harness.log.errors(), []);
}

#[tokio::test]
async fn defect_8_a_lost_race_in_a_reset_is_an_internal_conflict() {
    let harness = Arc::new(Harness::new());
    let session_token = harness.sign_up().await;
    let user_password_reset_token = harness.completable_reset().await;
    let update_token = harness.completable_password_update(&session_token).await;
    let (server, faults) = harness.beside(|_, _| {});
    let other = Arc::clone(&harness);
    faults.before("UserStore::update_user_password_hash", async move || {
        let complete = CompleteUserPasswordUpdate {
            session_token,
            user_password_update_token: update_token,
        };
        assert_eq!(outcome(&other.server, complete).await, "ok");
        Ok(())
    });
    let complete = CompleteUserPasswordReset {
        user_password_reset_token,
    };
    assert_eq!(outcome(&server, complete).await, "internal_conflict");
    assert!(faults.is_done());
}

#[tokio::test]
async fn defect_20_a_new_password_is_set_once_and_says_so() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let user_password_update_token = harness.completable_password_update(&session_token).await;
    let password = PASSWORD.into();
    let set = SetUserPasswordUpdateNewPassword {
        session_token,
        user_password_update_token,
        password,
    };
    assert_eq!(
        outcome(&harness.server, set).await,
        "new_password_already_set"
    );
    let user_password_reset_token = harness.completable_reset().await;
    let set = SetUserPasswordResetNewPassword {
        user_password_reset_token,
        password: PASSWORD.into(),
    };
    assert_eq!(
        outcome(&harness.server, set).await,
        "new_password_already_set"
    );
}

#[tokio::test]
async fn defect_23_of_racing_deletions_of_a_session_one_succeeds() {
    let harness = Arc::new(Harness::new());
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|_, _| {});
    let (other, delete) = (
        Arc::clone(&harness),
        DeleteSession {
            session_token: session_token.clone(),
        },
    );
    faults.before("Storage::delete main.session", async move || {
        assert_eq!(outcome(&other.server, delete).await, "ok");
        Ok(())
    });
    assert_eq!(
        outcome(&server, DeleteSession { session_token }).await,
        "invalid_session_token"
    );
    assert!(faults.is_done());
}

#[tokio::test]
async fn of_racing_sign_outs_everywhere_one_succeeds() {
    let harness = Arc::new(Harness::new());
    let (first, second) = (harness.sign_up().await, harness.sign_in().await);
    let (server, faults) = harness.beside(|_, _| {});
    let (other, delete) = (
        Arc::clone(&harness),
        DeleteAllSessions {
            session_token: second.clone(),
        },
    );
    faults.before(
        "UserStore::increment_user_sessions_counter",
        async move || {
            assert_eq!(outcome(&other.server, delete).await, "ok");
            Ok(())
        },
    );
    assert_eq!(
        outcome(
            &server,
            DeleteAllSessions {
                session_token: first.clone()
            }
        )
        .await,
        "internal_conflict"
    );
    assert!(faults.is_done());
    assert!(!harness.is_signed_in(&first).await && !harness.is_signed_in(&second).await);
}

#[tokio::test]
async fn of_racing_deletions_of_a_flow_one_succeeds() {
    let harness = Arc::new(Harness::new());
    let signup_token = harness.create_signup().await;
    let session_token = harness.sign_up().await;
    let signin_token = harness.create_signin().await;
    let user_password_reset_token = harness.completable_reset().await;
    let user_password_update_token = harness.completable_password_update(&session_token).await;
    let (server, faults) = harness.beside(|_, _| {});
    macro_rules! race {
        ($call:literal, $invalid:literal, $delete:expr) => {{
            let (other, delete) = (Arc::clone(&harness), $delete);
            faults.before($call, async move || {
                assert_eq!(outcome(&other.server, delete).await, "ok");
                Ok(())
            });
            assert_eq!(outcome(&server, $delete).await, $invalid);
            assert!(faults.is_done());
        }};
    }
    race!(
        "Storage::delete main.signup",
        "invalid_signup_token",
        DeleteSignup {
            signup_token: signup_token.clone()
        }
    );
    race!(
        "Storage::delete main.signin",
        "invalid_signin_token",
        DeleteSignin {
            signin_token: signin_token.clone()
        }
    );
    race!(
        "Storage::delete main.user_password_reset",
        "invalid_user_password_reset_token",
        DeleteUserPasswordReset {
            user_password_reset_token: user_password_reset_token.clone()
        }
    );
    race!(
        "Storage::delete main.user_password_update",
        "invalid_password_update_token",
        DeleteUserPasswordUpdate {
            session_token: session_token.clone(),
            user_password_update_token: user_password_update_token.clone(),
        }
    );
}
