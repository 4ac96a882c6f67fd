//! The parts that the core itself brings: default adapters, and what its values say about themselves.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    Server, ServerOptions, ServerParts,
    email::EmailContent,
    error::AdapterError,
    password::{PasswordStrengthChecker, PasswordStrengthCheckers},
    protocol::{secret::Password, session::GetSession},
    storage::{Cache, EmptyCache, MAX_KEY_SIZE, MainStorage, namespace},
    time::UnixTime,
};
use faroe_testkit::{clock::ManualClock, hasher::CountingHasher, storage::ReferenceStorage};

use crate::harness::{Harness, PASSWORD, minutes};

/// A checker with one answer for every password, or with a failure.
#[derive(Debug)]
struct Always(Option<bool>);

#[async_trait]
impl PasswordStrengthChecker for Always {
    async fn is_strong_enough(&self, _password: &Password) -> Result<bool, AdapterError> {
        let answer = self.0;
        answer.ok_or_else(|| AdapterError::message("check a password: no dictionary"))
    }
}

/// Returns the answer of several checkers in sequence, or `None` for a failure.
async fn checked(answers: &[Option<bool>]) -> Option<bool> {
    let checkers = answers.iter().map(|answer| Arc::new(Always(*answer)) as _);
    let checkers = PasswordStrengthCheckers(checkers.collect());
    checkers.is_strong_enough(&PASSWORD.into()).await.ok()
}

#[tokio::test]
async fn of_several_strength_checkers_the_first_that_rejects_or_fails_decides() {
    let (allows, rejects, fails) = (Some(true), Some(false), None);
    assert_eq!(checked(&[]).await, Some(true));
    assert_eq!(checked(&[allows, allows]).await, Some(true));
    assert_eq!(checked(&[allows, rejects]).await, Some(false));
    assert_eq!(checked(&[rejects, fails]).await, Some(false));
    assert_eq!(checked(&[fails, rejects]).await, None);
}

#[tokio::test]
async fn the_empty_cache_stores_nothing() {
    EmptyCache.set("key", b"value", minutes(1)).await.unwrap();
    assert_eq!(EmptyCache.get("key").await.unwrap(), None);
}

#[tokio::test]
async fn a_storage_that_serves_as_a_cache_returns_a_value_until_its_time_has_passed() {
    let clock = Arc::<ManualClock>::default();
    let storage = Arc::new(ReferenceStorage::keeping_expired());
    let cache = namespace::cache(storage, Arc::clone(&clock) as _);
    cache.set("key", b"value", minutes(1)).await.unwrap();
    let millisecond = Duration::from_millis(1);
    clock.advance(minutes(1) - millisecond);
    assert_eq!(cache.get("key").await.unwrap().unwrap(), b"value");
    clock.advance(millisecond);
    assert_eq!(cache.get("key").await.unwrap(), None);
}

#[test]
fn messages_that_an_action_needs_are_no_notifications() {
    let (name, timestamp) = (|| "Ada".to_owned(), UnixTime::from_milliseconds(0));
    let needed = [
        EmailContent::SignupEmailAddressVerificationCode {
            code: "ABCDEFGH".into(),
        },
        EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
            display_name: name(),
            code: "ABCDEFGH".into(),
        },
        EmailContent::UserPasswordResetTemporaryPassword {
            display_name: name(),
            temporary_password: "ABCDEFGH".into(),
        },
    ];
    let notifications = [
        EmailContent::UserSignedInNotification {
            display_name: name(),
            timestamp,
        },
        EmailContent::UserPasswordUpdatedNotification {
            display_name: name(),
            timestamp,
        },
        EmailContent::UserEmailAddressUpdatedNotification {
            display_name: name(),
            new_email_address: "ada@example.org".to_owned(),
            timestamp,
        },
    ];
    assert!(!needed.iter().any(EmailContent::is_notification));
    assert!(notifications.iter().all(EmailContent::is_notification));
}

#[test]
fn a_password_hash_algorithm_that_is_configured_twice_is_refused() {
    let mut parts: Option<ServerParts> = None;
    Harness::with(|given, _| parts = Some(given.clone()));
    let mut parts = parts.unwrap();
    let previous = &mut parts.user_password_hash_algorithms.previous;
    previous.push(Arc::new(CountingHasher::new("second")));
    Server::new(parts.clone(), ServerOptions::default()).unwrap();
    let previous = &mut parts.user_password_hash_algorithms.previous;
    previous.push(Arc::new(CountingHasher::new("first")));
    let refused = Server::new(parts, ServerOptions::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the password hash algorithm `first` is configured twice"
    );
}

#[tokio::test]
async fn errors_name_the_code_and_the_unknown_action() {
    let harness = Harness::new();
    let session_token = "no token".into();
    let error = harness.server.invoke(GetSession { session_token }).await;
    let error = error.unwrap_err();
    let id = error.action_invocation_id.as_str();
    assert_eq!(
        error.to_string(),
        format!("invalid_session_token (action invocation {id})")
    );
    let unknown = harness.server.endpoint_with_blocklist(["get_everything"]);
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "unknown action `get_everything`"
    );
}

#[tokio::test]
async fn no_key_of_a_namespace_is_too_long_for_a_storage() {
    let storage = Arc::new(ReferenceStorage::keeping_expired());
    let main = namespace::main(Arc::clone(&storage) as _);
    let expires_at = UnixTime::from_milliseconds(i64::MAX);
    for size in 1..=MAX_KEY_SIZE {
        main.set(&"k".repeat(size), b"", expires_at).await.unwrap();
    }
    let entries = storage.entries();
    assert_eq!(entries.len(), MAX_KEY_SIZE);
    assert!(entries.keys().all(|key| key.len() <= MAX_KEY_SIZE));
}
