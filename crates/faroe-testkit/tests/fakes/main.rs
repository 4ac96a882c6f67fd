//! The fakes do what their documentation says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod explorer;
mod faults;

use std::sync::Arc;

use faroe_core::{
    email::{EmailContent, EmailMessage, EmailSender},
    error::AdapterError,
    log::{ActionError, ActionErrorLogger},
    password::{PasswordHash, PasswordHashAlgorithm},
    protocol::id::ActionInvocationId,
    user_store::{Counter, CreateUserOutcome, NewUser, UserStore},
};
use faroe_testkit::{
    hasher::{CountingHasher, HasherBehaviour},
    log::ErrorLog,
    mailbox::Mailbox,
    user_store::{ReferenceUserStore, UserStoreCall},
};

#[test]
fn hashes_depend_on_password_salt_and_id_and_are_counted() {
    let hasher = CountingHasher::new("fast");
    let hash = hasher.hash(b"password", b"salt").unwrap();
    assert_eq!(hash, hasher.hash(b"password", b"salt").unwrap());
    assert_ne!(hash, hasher.hash(b"passwor", b"dsalt").unwrap());
    let other = CountingHasher::new("other");
    assert_ne!(hash, other.hash(b"password", b"salt").unwrap());
    assert_eq!(hash.len(), 32);

    hasher.set_behaviour(HasherBehaviour::Fail);
    assert!(hasher.hash(b"password", b"salt").is_err());
    assert_eq!(hasher.evaluations(), 4);
}

#[tokio::test]
async fn hashes_wait_at_a_closed_gate() {
    let hasher = Arc::new(CountingHasher::new("gated"));
    let gate = hasher.close_gate();
    let hashes: Vec<_> = (0..3)
        .map(|_| {
            let hasher = Arc::clone(&hasher);
            tokio::task::spawn_blocking(move || hasher.hash(b"password", b"salt").is_ok())
        })
        .collect();
    gate.wait_for(3).await;
    assert!(hashes.iter().all(|hash| !hash.is_finished()));
    gate.let_through(1);
    while gate.waiting() > 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hasher.evaluations(), 3);
    drop(gate);
    for hash in hashes {
        assert!(hash.await.unwrap());
    }
}

#[tokio::test]
async fn a_mailbox_finds_the_last_code_of_an_address_and_fails_on_demand() {
    let mailbox = Mailbox::default();
    let message = |to: &str, code: &str| {
        EmailMessage::new(
            to,
            EmailContent::SignupEmailAddressVerificationCode { code: code.into() },
        )
    };
    for (to, code) in [("a@x", "FIRST"), ("a@x", "SECOND"), ("b@x", "OTHER")] {
        mailbox.send(message(to, code)).await.unwrap();
    }
    mailbox.set_failing(true);
    assert!(mailbox.send(message("a@x", "LOST")).await.is_err());
    assert_eq!(mailbox.last_code("a@x").unwrap().expose(), "SECOND");
    assert_eq!(mailbox.messages_to("a@x").len(), 2);
    assert_eq!(mailbox.messages().len(), 3);
    assert!(mailbox.last_temporary_password("a@x").is_none());
}

#[tokio::test]
async fn the_application_changes_its_users_behind_the_servers_back() {
    let users = ReferenceUserStore::default();
    let hash = PasswordHash {
        algorithm_id: "fast".into(),
        salt: vec![1].into(),
        hash: vec![2].into(),
    };
    let new_user = NewUser::new("ada@example.com", hash);
    let created = users.create_user(new_user).await.unwrap();
    let CreateUserOutcome::Created(user) = created else {
        panic!("the store was empty");
    };
    users.disable_user(&user.id);
    users.disable_user(&user.id);
    users.change_user(&user.id, |user| user.display_name = "Ada".into());
    let changed = users.get_user(&user.id).await.unwrap().unwrap();
    assert!(changed.disabled);
    assert_eq!(changed.display_name, "Ada");
    assert_eq!(changed.disabled_counter, Counter::new(1).unwrap());
    let calls = [UserStoreCall::CreateUser, UserStoreCall::GetUser];
    assert_eq!(users.take_calls(), calls);

    users.change_user(&user.id, |user| user.sessions_counter = Counter::MAX);
    let increment = users.increment_user_sessions_counter(&user.id, Counter::MAX);
    assert!(increment.await.is_err(), "a counter never wraps");
}

#[test]
fn a_log_keeps_the_whole_chain() {
    let log = ErrorLog::default();
    let error = AdapterError::new("read a row", std::io::Error::other("the disk is gone"));
    log.log(&ActionError {
        action: "get_session",
        action_invocation_id: &ActionInvocationId::from("id"),
        failed: true,
        error: &error,
    });
    let logged = log.errors().remove(0);
    assert_eq!(logged.error, "read a row: the disk is gone");
    assert_eq!((logged.action, logged.failed), ("get_session", true));
}
