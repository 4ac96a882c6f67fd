//! P72: users tables with rules of their own, and the letter case of addresses.

use std::sync::Arc;

use faroe_core::{
    EmailAddressCase,
    error::AdapterError,
    protocol::{
        signin::{CompleteSignin, CreateSignin, VerifySigninUserPassword},
        signup::{CompleteSignup, CreateSignup},
        user_deletion::{CompleteUserDeletion, CreateUserDeletion, VerifyUserDeletionUserPassword},
        user_email_address_update::CreateUserEmailAddressUpdate,
        user_password_reset::CreateUserPasswordReset,
    },
    user_store::User,
};
use faroe_testkit::{promise, user_store::ReferenceUserStore};

use crate::harness::{EMAIL, Harness, PASSWORD, outcome};

const OTHER_CASE: &str = "Ada@Example.com";

fn refusal() -> AdapterError {
    AdapterError::refusal("create a user", "the constraint users_check refuses it")
}

fn lower_case(user: &mut User) {
    user.email_address.make_ascii_lowercase();
}

fn with_users(users: ReferenceUserStore, case: EmailAddressCase) -> Harness {
    Harness::with(|parts, options| {
        parts.user_store = Arc::new(users);
        options.email_address_case = case;
    })
}

async fn create_signup(harness: &Harness, email_address: &str) -> &'static str {
    let email_address = email_address.to_owned();
    outcome(&harness.server, CreateSignup { email_address }).await
}

async fn create_signin(harness: &Harness, email_address: &str) -> &'static str {
    let user_email_address = email_address.to_owned();
    outcome(&harness.server, CreateSignin { user_email_address }).await
}

#[tokio::test]
async fn p72_a_table_that_ignores_letter_case_is_told_of_at_the_first_step() {
    for case in [EmailAddressCase::Exact, EmailAddressCase::Ignore] {
        let harness = with_users(ReferenceUserStore::ignoring_email_address_case(), case);
        let session_token = harness.sign_up_as(EMAIL).await;
        assert_eq!(
            create_signup(&harness, OTHER_CASE).await,
            "email_address_already_used"
        );
        harness.sign_up_as("grace@example.com").await;
        let update = |address: &str| CreateUserEmailAddressUpdate {
            session_token: session_token.clone(),
            new_email_address: address.into(),
        };
        let taken = outcome(&harness.server, update("Grace@example.com")).await;
        assert_eq!(taken, "email_address_already_used");
        // Users may change the letter case of their own address.
        assert_eq!(outcome(&harness.server, update(OTHER_CASE)).await, "ok");
        let own = outcome(&harness.server, update(EMAIL)).await;
        assert_eq!(own, "email_address_already_used");

        let other = match case {
            EmailAddressCase::Exact => "user_not_found",
            EmailAddressCase::Ignore => "ok",
        };
        assert_eq!(create_signin(&harness, EMAIL).await, "ok");
        assert_eq!(create_signin(&harness, OTHER_CASE).await, other);
        let reset = CreateUserPasswordReset {
            user_email_address: OTHER_CASE.into(),
        };
        assert_eq!(outcome(&harness.server, reset).await, other);
        assert_eq!(harness.log.errors(), []);
    }
    promise::report(
        "P72",
        "a table that ignores letter case, told of by 2 actions in both modes",
    );
}

#[tokio::test]
async fn p72_addresses_are_exact_by_default() {
    let harness = Harness::new();
    harness.sign_up_as(EMAIL).await;
    assert_eq!(create_signin(&harness, OTHER_CASE).await, "user_not_found");
    harness.sign_up_as(OTHER_CASE).await;
    assert_eq!(harness.users.users().len(), 2);
}

#[tokio::test]
async fn p72_a_trigger_that_lower_cases_addresses_ends_no_sign_up() {
    for (case, warnings) in [(EmailAddressCase::Exact, 1), (EmailAddressCase::Ignore, 0)] {
        let harness = with_users(ReferenceUserStore::with_trigger(lower_case), case);
        let session_token = harness.sign_up_as(OTHER_CASE).await;
        assert!(harness.is_signed_in(&session_token).await);
        assert_eq!(create_signin(&harness, EMAIL).await, "ok");
        let logged = harness.log.errors();
        assert_eq!(logged.len(), warnings);
        for line in logged {
            assert!(!line.failed);
            assert!(line.error.contains("letter case"), "{}", line.error);
            assert!(line.error.contains("email_address_case"), "{}", line.error);
        }
    }
}

#[tokio::test]
async fn p72_a_trigger_that_makes_another_address_is_another_user() {
    let users = ReferenceUserStore::with_trigger(|user| user.email_address = "eve@x".into());
    let harness = with_users(users, EmailAddressCase::Ignore);
    let signup_token = harness.completable_signup().await;
    let complete = CompleteSignup::new(signup_token);
    assert_eq!(outcome(&harness.server, complete).await, "internal_error");
}

#[tokio::test]
async fn p72_an_address_that_the_table_can_not_hold_is_not_allowed() {
    const LOOK_UP: &str = "UserStore::get_user_by_email_address";
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|_, _| {});
    for _ in 0..4 {
        faults.before(LOOK_UP, async || Err(refusal()));
    }
    let address = "new@example.com";
    let create = CreateSignup {
        email_address: address.into(),
    };
    assert_eq!(outcome(&server, create).await, "email_address_not_allowed");
    let update = CreateUserEmailAddressUpdate {
        session_token,
        new_email_address: address.into(),
    };
    assert_eq!(outcome(&server, update).await, "email_address_not_allowed");
    let signin = CreateSignin {
        user_email_address: address.into(),
    };
    assert_eq!(outcome(&server, signin).await, "user_not_found");
    let reset = CreateUserPasswordReset {
        user_email_address: address.into(),
    };
    assert_eq!(outcome(&server, reset).await, "user_not_found");
    assert!(faults.is_done());
    assert_eq!(harness.log.errors(), []);
    assert_eq!(harness.records("signup"), [""; 0]);
}

#[tokio::test]
async fn p72_a_user_who_is_refused_leaves_neither_an_account_nor_a_flow_and_is_logged() {
    let harness = Harness::new();
    let signup_token = harness.completable_signup().await;
    let (server, faults) = harness.beside(|_, _| {});
    faults.before("UserStore::create_user", async || Err(refusal()));
    let complete = CompleteSignup::new(signup_token);
    assert_eq!(outcome(&server, complete).await, "invalid_signup_token");
    assert_eq!(harness.users.users(), []);
    assert_eq!(harness.records("signup"), [""; 0]);
    let logged = harness.log.errors();
    assert_eq!(logged.len(), 1);
    assert!(logged[0].failed);
    assert!(logged[0].error.contains("users_check"), "{logged:?}");
}

#[tokio::test]
async fn p72_a_user_whom_other_tables_refer_to_stays_and_stays_signed_in() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|_, _| {});
    let create = CreateUserDeletion {
        session_token: session_token.clone(),
    };
    let user_deletion_token = server.invoke(create).await.unwrap().user_deletion_token;
    let verify = VerifyUserDeletionUserPassword {
        session_token: session_token.clone(),
        user_deletion_token: user_deletion_token.clone(),
        password: PASSWORD.into(),
    };
    server.invoke(verify).await.unwrap();
    faults.before("UserStore::delete_user", async || Err(refusal()));
    let complete = || CompleteUserDeletion {
        session_token: session_token.clone(),
        user_deletion_token: user_deletion_token.clone(),
    };
    let refused = outcome(&server, complete()).await;
    assert_eq!(refused, "invalid_user_deletion_token");
    assert_eq!(harness.users.users().len(), 1);
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.records("user_deletion"), [""; 0]);
    assert_eq!(harness.log.errors().len(), 1);
    let again = outcome(&server, complete()).await;
    assert_eq!(again, "invalid_user_deletion_token");
}

#[tokio::test]
async fn p72_with_letter_case_ignored_a_user_signs_in_with_any_spelling() {
    let users = ReferenceUserStore::ignoring_email_address_case();
    let harness = with_users(users, EmailAddressCase::Ignore);
    harness.sign_up_as(OTHER_CASE).await;
    let create = CreateSignin {
        user_email_address: EMAIL.into(),
    };
    let signin_token = harness.server.invoke(create).await.unwrap().signin_token;
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.clone(),
        password: PASSWORD.into(),
    };
    harness.server.invoke(verify).await.unwrap();
    let complete = CompleteSignin { signin_token };
    let session_token = harness.server.invoke(complete).await.unwrap().session_token;
    assert!(harness.is_signed_in(&session_token).await);
    // The notification goes to the address that is stored.
    let messages = harness.mailbox.messages();
    assert_eq!(messages.last().unwrap().to, OTHER_CASE);
}
