//! Users who are restored from a backup, and IDs that are given to somebody else.

use std::sync::Arc;

use faroe_core::{
    protocol::schema::server_actions,
    user_store::{NewUser, User, UserId},
};
use faroe_testkit::{clock::ManualClock, promise, storage::ReferenceCache};
use serde_json::Value;

use crate::{
    harness::{EMAIL, Harness, minutes, storage},
    world::{World, answer, invalid, token_arguments},
};

/// Somebody else with this ID, who has just signed up.
fn somebody_else(id: &UserId, password: &User) -> User {
    let hash = password.into();
    NewUser::new("eve@example.com", hash).into_user(id.clone())
}

/// Returns the actions that only read, with what they answer in this world.
async fn answers(world: &World) -> Vec<(&'static str, bool)> {
    let mut answers = vec![];
    for action in server_actions() {
        let token = token_arguments(&action).pop();
        let Some(token) = token.filter(|_| action.name.starts_with("get_")) else {
            continue;
        };
        let answer = answer(&world.harness.server, action.name, world.arguments(&action)).await;
        let is_invalid = [invalid(token), invalid("session_token")].contains(&answer);
        assert!(is_invalid || answer == "ok", "{}: {answer}", action.name);
        answers.push((action.name, !is_invalid));
    }
    assert_eq!(answers.len(), 7);
    answers
}

#[tokio::test]
async fn p74_an_id_that_is_given_to_somebody_else_ends_sessions_and_flows() {
    let world = World::completable(Harness::new()).await;
    let user = world.harness.user();
    let other = somebody_else(&user.id, &user);
    world.harness.users.set_users(vec![other]);
    for (action, is_valid) in answers(&world).await {
        assert_eq!(is_valid, action == "get_signup", "{action}");
    }
    promise::report("P74", "an ID with another address ended 6 kinds of records");
}

#[tokio::test]
async fn p74_a_counter_that_went_back_ends_sessions_and_flows() {
    for went_back in ["email_address", "password_hash", "sessions"] {
        let harness = Harness::new();
        harness.sign_up().await;
        let before = harness.users.users();
        harness.users.change_user(&harness.user().id, |user| {
            let counter = match went_back {
                "email_address" => &mut user.email_address_counter,
                "password_hash" => &mut user.password_hash_counter,
                _ => &mut user.sessions_counter,
            };
            *counter = counter.next().unwrap();
        });
        let session = harness.sign_in().await;
        let signin_token = harness.completable_signin().await;
        assert!(harness.is_signed_in(&session).await);
        harness.users.set_users(before);
        assert!(!harness.is_signed_in(&session).await, "{went_back}");
        let arguments = serde_json::json!({ "signin_token": signin_token.expose() });
        let answer = answer(&harness.server, "complete_signin", arguments).await;
        assert_eq!(answer, "invalid_signin_token", "{went_back}");
    }
    promise::report(
        "P74",
        "3 counters that went back ended a session and a signin",
    );
}

#[tokio::test]
async fn p74_a_session_follows_its_user_and_notices_when_they_are_set_back() {
    let harness = Harness::new();
    let session = harness.sign_up().await;
    let before = harness.users.users();
    harness.users.change_user(&harness.user().id, |user| {
        user.email_address = "ada@example.org".into();
        user.email_address_counter = user.email_address_counter.next().unwrap();
    });
    assert!(
        harness.is_signed_in(&session).await,
        "the address has changed"
    );
    harness.users.set_users(before);
    assert!(
        !harness.is_signed_in(&session).await,
        "and was changed back"
    );
    promise::report("P74", "a change of address that was lost ended the session");
}

#[tokio::test]
async fn users_who_are_restored_as_they_were_stay_signed_in() {
    let world = World::completable(Harness::new()).await;
    let users = world.harness.users.users();
    world.harness.users.set_users(vec![]);
    world.harness.users.set_users(users);
    world
        .harness
        .users
        .change_user(&world.harness.user().id, |user| {
            user.email_address = EMAIL.to_uppercase();
        });
    assert!(answers(&world).await.iter().all(|(_, is_valid)| *is_valid));
}

#[tokio::test]
async fn p74_a_cache_delays_the_end_of_a_session_by_its_expiration() {
    let clock = Arc::<ManualClock>::default();
    let cache = Arc::new(ReferenceCache::new(Arc::clone(&clock) as _));
    let cached = Harness::on(storage(&clock), clock, |parts, options| {
        parts.storages.cache = Some(cache);
        options.session.cache_expiration = Some(minutes(5));
    });
    let remembered = Harness::with(|_, options| {
        options.session.user_cache_expiration = Some(minutes(5));
    });
    for harness in [cached, remembered] {
        let session = harness.sign_up().await;
        assert!(harness.is_signed_in(&session).await);
        let user = harness.user();
        let other = somebody_else(&user.id, &user);
        harness.users.set_users(vec![other]);
        harness.advance(minutes(5));
        assert!(!harness.is_signed_in(&session).await);
    }
    promise::report("P74", "2 kinds of caches, ended after their expiration");
}

#[tokio::test]
async fn records_of_an_earlier_version_are_still_read() {
    fn forget(value: &mut Value) {
        if let Value::Object(members) = value {
            members.remove("seen");
            members.values_mut().for_each(forget);
        }
    }
    let world = World::completable(Harness::new()).await;
    let storage = &world.harness.storage;
    let mut entries = storage.entries();
    let mut forgotten = 0;
    for (key, entry) in &mut entries {
        if key.starts_with("main.") {
            let mut record: Value = serde_json::from_slice(&entry.value).unwrap();
            let before = record.clone();
            forget(&mut record);
            forgotten += usize::from(record != before);
            entry.value = serde_json::to_vec(&record).unwrap();
        }
    }
    assert_eq!(forgotten, 6);
    storage.set_entries(entries);
    assert!(answers(&world).await.iter().all(|(_, is_valid)| *is_valid));
    world.harness.advance(minutes(2));
    assert!(answers(&world).await.iter().all(|(_, is_valid)| *is_valid));
    let session = world.tokens["session_token"].as_str().into();
    let user = world.harness.user();
    let other = somebody_else(&user.id, &user);
    world.harness.users.set_users(vec![other]);
    assert!(
        !world.harness.is_signed_in(&session).await,
        "its use was recorded"
    );
}
