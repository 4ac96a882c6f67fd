//! New passwords, and passwords as they are typed: their forms, their length and their strength.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use faroe_core::{
    Server, ServerOptions,
    error::AdapterError,
    password::{PasswordContext, PasswordHashAlgorithm, PasswordStrengthChecker},
    protocol::{
        secret::Password,
        signup::SetSignupPassword,
        user_password_reset::{CompleteUserPasswordReset, SetUserPasswordResetNewPassword},
        user_password_update::{
            CreateUserPasswordUpdate, SetUserPasswordUpdateNewPassword,
            VerifyUserPasswordUpdateUserPassword,
        },
    },
};
use faroe_testkit::promise;

use crate::harness::{EMAIL, Harness, NEW_PASSWORD, PASSWORD, minutes, outcome};

/// One password, as most systems type it and as others do.
const COMPOSED: &str = "gr\u{fc}\u{df}e aus k\u{f6}ln 77";
const DECOMPOSED: &str = "gru\u{308}\u{df}e aus ko\u{308}ln 77";

/// Signs a user up with this password.
async fn signed_up_with(password: &str) -> Harness {
    let harness = Harness::new();
    harness.sign_up().await;
    give(&harness, password);
    harness
}

/// Gives the user a password past all rules, as an older version or the application could have.
fn give(harness: &Harness, password: &str) {
    let user = harness.user();
    let hash = harness
        .hasher
        .hash(password.as_bytes(), &user.password_salt);
    let hash = hash.unwrap();
    harness
        .users
        .change_user(&user.id, |user| user.password_hash = hash.into());
}

async fn set_password(harness: &Harness, server: &Server, password: &str) -> &'static str {
    let set = SetSignupPassword {
        signup_token: harness.verified_signup_of("bob@example.com").await,
        password: password.into(),
    };
    let outcome = outcome(server, set).await;
    harness.advance(minutes(30));
    outcome
}

#[tokio::test]
async fn p75_a_password_is_the_same_in_whatever_form_it_is_typed() {
    let forms = [COMPOSED, DECOMPOSED];
    for set in forms {
        for typed in forms {
            let harness = Harness::new();
            harness.sign_up().await;
            let user_password_reset_token = harness.verified_reset().await;
            let new = SetUserPasswordResetNewPassword {
                user_password_reset_token: user_password_reset_token.clone(),
                password: set.into(),
            };
            assert_eq!(outcome(&harness.server, new).await, "ok");
            let complete = CompleteUserPasswordReset {
                user_password_reset_token,
            };
            assert_eq!(outcome(&harness.server, complete).await, "ok");
            assert_eq!(harness.try_password(typed).await, "ok", "{set:?} {typed:?}");
        }
    }
    promise::report("P75", "2 forms of a password, each typed for each");
}

#[tokio::test]
async fn p75_an_old_hash_stays_valid_for_the_form_that_it_was_made_of() {
    let harness = signed_up_with(DECOMPOSED).await;
    assert_eq!(harness.try_password(DECOMPOSED).await, "ok");
    assert_eq!(harness.try_password(COMPOSED).await, "incorrect_password");
    promise::report("P75", "a decomposed password hashed without normalization");
}

#[tokio::test]
async fn both_forms_are_one_attempt_and_only_a_form_that_differs_is_hashed() {
    let harness = signed_up_with(COMPOSED).await;
    let mut evaluations = harness.hasher.evaluations();
    for (typed, hashes) in [
        ("not the password", 1),
        (COMPOSED, 1),
        ("nicht das pa\u{df}wort u\u{308}", 2),
        (DECOMPOSED, 2),
    ] {
        harness.try_password(typed).await;
        let hashed = harness.hasher.evaluations() - evaluations;
        assert_eq!(hashed, hashes, "{typed:?}");
        evaluations = harness.hasher.evaluations();
    }
    assert_eq!(harness.try_password(DECOMPOSED).await, "ok");
    assert_eq!(harness.try_password(DECOMPOSED).await, "rate_limited");
}

#[tokio::test]
async fn p75_the_minimum_length_holds_for_new_passwords_only() {
    let harness = Harness::with(|_, options| options.minimum_password_length = 20);
    for (length, expected) in [(19, "invalid_password_length"), (20, "ok")] {
        let outcome = set_password(&harness, &harness.server, &"x".repeat(length)).await;
        assert_eq!(outcome, expected, "{length}");
    }
    let harness = Harness::new();
    harness.sign_up().await;
    for password in ["x".to_owned(), "x".repeat(9), "x".repeat(1024)] {
        give(&harness, &password);
        assert_eq!(harness.try_password(&password).await, "ok");
        harness.advance(minutes(5));
    }
    promise::report("P75", "passwords of 1, 9 and 1,024 characters verified");
}

#[tokio::test]
async fn a_new_password_differs_from_the_one_that_an_update_has_verified() {
    for current in [PASSWORD, COMPOSED, DECOMPOSED] {
        let harness = Harness::new();
        let session_token = harness.sign_up().await;
        give(&harness, current);
        let create = CreateUserPasswordUpdate {
            session_token: session_token.clone(),
        };
        let created = harness.server.invoke(create).await.unwrap();
        let user_password_update_token = created.user_password_update_token;
        let verify = VerifyUserPasswordUpdateUserPassword {
            session_token: session_token.clone(),
            user_password_update_token: user_password_update_token.clone(),
            password: current.into(),
        };
        assert_eq!(outcome(&harness.server, verify).await, "ok");
        let set = |password: &str| SetUserPasswordUpdateNewPassword {
            session_token: session_token.clone(),
            user_password_update_token: user_password_update_token.clone(),
            password: password.into(),
        };
        for _ in 0..2 {
            let outcome = outcome(&harness.server, set(current)).await;
            assert_eq!(outcome, "weak_password", "{current:?}");
        }
        assert_eq!(outcome(&harness.server, set(NEW_PASSWORD)).await, "ok");
    }
}

#[tokio::test]
async fn a_reset_does_not_tell_whether_a_new_password_is_the_current_one() {
    let harness = Harness::new();
    harness.sign_up().await;
    let user_password_reset_token = harness.verified_reset().await;
    let set = SetUserPasswordResetNewPassword {
        user_password_reset_token,
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, set).await, "ok");
}

/// A checker that notes the context, and refuses everything.
#[derive(Debug, Default)]
struct Noted(Mutex<Vec<(String, PasswordContext)>>);

#[async_trait]
impl PasswordStrengthChecker for Noted {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        Err(AdapterError::message(
            "check a password: without its context",
        ))
    }

    async fn is_strong_enough_for(
        &self,
        password: &Password,
        context: &PasswordContext,
    ) -> Result<bool, AdapterError> {
        let noted = (password.expose().to_owned(), context.clone());
        self.0.lock().unwrap().push(noted);
        Ok(false)
    }
}

#[tokio::test]
async fn the_strength_check_is_given_the_address_the_name_and_the_product_and_a_password_in_nfc() {
    let noted = Arc::<Noted>::default();
    let harness = Harness::new();
    harness.sign_up().await;
    harness.users.change_user(&harness.user().id, |user| {
        user.display_name = "Ada Lovelace".into();
    });
    let (server, _) = harness.beside(|_, options| {
        options.password_strength_checker = Arc::clone(&noted) as _;
        options.product_name = "Example".into();
    });
    assert_eq!(
        set_password(&harness, &server, DECOMPOSED).await,
        "weak_password"
    );
    let set = SetUserPasswordResetNewPassword {
        user_password_reset_token: harness.verified_reset().await,
        password: COMPOSED.into(),
    };
    assert_eq!(outcome(&server, set).await, "weak_password");
    let context = |email_address: &str, display_name: &str| {
        let mut context = PasswordContext::default();
        context.email_address = email_address.into();
        context.display_name = display_name.into();
        context.product_name = "Example".into();
        (COMPOSED.to_owned(), context)
    };
    let expected = [
        context("bob@example.com", ""),
        context(EMAIL, "Ada Lovelace"),
    ];
    assert_eq!(*noted.0.lock().unwrap(), expected);
}

#[test]
fn a_minimum_length_below_8_or_above_64_is_refused() {
    for (minimum, is_valid) in [(7, false), (8, true), (64, true), (65, false)] {
        let mut given = None;
        Harness::with(|parts, _| given = Some(parts.clone()));
        let mut options = ServerOptions::default();
        options.minimum_password_length = minimum;
        let server = Server::new(given.unwrap(), options);
        assert_eq!(server.is_ok(), is_valid, "{minimum}");
    }
}
