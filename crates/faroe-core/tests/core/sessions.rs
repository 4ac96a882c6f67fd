//! Sessions: how long they live, what they cost, and what a cache may and may not do.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    ServerOptions, ServerParts,
    protocol::{
        session::{DeleteAllSessions, DeleteSession, GetSession},
        user_deletion::{CompleteUserDeletion, CreateUserDeletion, VerifyUserDeletionUserPassword},
        user_email_address_update::CreateUserEmailAddressUpdate,
    },
    storage::namespace,
};
use faroe_testkit::{
    clock::ManualClock,
    fault::{Fault, Faults},
    storage::{ReferenceCache, StorageCall},
    user_store::UserStoreCall,
};

use crate::harness::{Harness, PASSWORD, minutes, outcome, storage};

const DAY: Duration = minutes(24 * 60);

#[tokio::test]
async fn a_session_that_is_used_lives_on_and_one_that_is_not_dies() {
    let harness = Harness::new();
    let (used, unused) = (harness.sign_up().await, harness.sign_in().await);
    harness.advance(29 * DAY);
    assert!(harness.is_signed_in(&used).await);
    harness.advance(DAY - Duration::from_millis(1));
    assert!(
        harness.is_signed_in(&unused).await,
        "to the last millisecond"
    );
    harness.advance(30 * DAY - Duration::from_millis(1));
    assert!(harness.is_signed_in(&unused).await);
    assert!(!harness.is_signed_in(&used).await);
}

#[tokio::test]
async fn the_configuration_applies_to_the_sessions_that_there_are() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (strict, _) =
        harness.beside(|_, options| options.session.absolute_expiration = Some(minutes(10)));
    let get = || GetSession {
        session_token: session_token.clone(),
    };
    let session = strict.invoke(get()).await.unwrap().session;
    assert_eq!(
        session.expires_at.unwrap().as_seconds() - session.created_at.as_seconds(),
        600
    );
    assert_eq!(
        harness
            .server
            .invoke(get())
            .await
            .unwrap()
            .session
            .expires_at,
        None
    );
    harness.advance(minutes(10) - Duration::from_millis(1));
    assert_eq!(outcome(&strict, get()).await, "ok");
    harness.advance(Duration::from_millis(1));
    assert_eq!(outcome(&strict, get()).await, "invalid_session_token");
}

#[tokio::test]
async fn a_check_costs_one_read_and_writes_once_a_minute() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    harness.storage.take_calls();
    harness.users.take_calls();
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.storage.take_calls(), [StorageCall::Get]);
    assert_eq!(harness.users.take_calls(), [UserStoreCall::GetUser]);
    harness.advance(minutes(1) - Duration::from_millis(1));
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.storage.take_calls(), [StorageCall::Get]);
    harness.advance(Duration::from_millis(1));
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(
        harness.storage.take_calls(),
        [StorageCall::Get, StorageCall::Update]
    );
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.storage.take_calls(), [StorageCall::Get]);
}

#[tokio::test]
async fn defect_16_a_failing_write_of_the_last_use_fails_nothing() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|_, _| {});
    harness.advance(minutes(2));
    faults.at_next("Storage::update main.session", Fault::FailBeforeActing);
    assert_eq!(
        outcome(
            &server,
            GetSession {
                session_token: session_token.clone()
            }
        )
        .await,
        "ok"
    );
    assert!(faults.is_done());
    let logged = harness.log.errors();
    assert_eq!(
        (logged.len(), logged[0].action, logged[0].failed),
        (1, "get_session", false)
    );

    // A lost race is no fault at all.
    let (storage, token) = (Arc::clone(&harness.storage), session_token.clone());
    faults.before("Storage::update main.session", async move || {
        let (id, _) = token.expose().split_once('.').unwrap();
        let key = format!("main.session.{id}");
        let entry = storage.entries()[&key].clone();
        let _ = faroe_core::storage::Storage::update(
            &storage,
            &key,
            &entry.value,
            entry.expires_at,
            entry.counter,
        )
        .await?;
        Ok(())
    });
    let get = || GetSession {
        session_token: session_token.clone(),
    };
    assert_eq!(outcome(&server, get()).await, "ok");
    assert!(faults.is_done());
    harness.advance(minutes(2));
    faults.at_next("Storage::update main.session", Fault::Conflict);
    assert_eq!(outcome(&server, get()).await, "ok");
    assert!(faults.is_done());
    assert_eq!(harness.log.errors().len(), 1);
}

fn cached(
    clock: &Arc<ManualClock>,
) -> (
    Arc<ReferenceCache>,
    impl FnOnce(&mut ServerParts, &mut ServerOptions) + use<>,
) {
    let cache = Arc::new(ReferenceCache::new(Arc::clone(clock) as _));
    let given = Arc::clone(&cache);
    (
        cache,
        move |parts: &mut ServerParts, options: &mut ServerOptions| {
            parts.storages.cache = Some(given);
            options.session.cache_expiration = Some(minutes(5));
        },
    )
}

fn with_cache() -> Harness {
    let clock = Arc::<ManualClock>::default();
    let (_, change) = cached(&clock);
    Harness::on(storage(&clock), clock, change)
}

#[tokio::test]
async fn a_cached_session_asks_nobody_until_the_cache_expires() {
    let harness = with_cache();
    let session_token = harness.sign_up().await;
    assert!(harness.is_signed_in(&session_token).await);
    harness.storage.take_calls();
    harness.users.take_calls();
    harness.users.disable_user(&harness.user().id);
    harness.advance(minutes(5) - Duration::from_millis(1));
    assert!(
        harness.is_signed_in(&session_token).await,
        "believed for as long as configured"
    );
    assert_eq!(
        (harness.storage.take_calls(), harness.users.take_calls()),
        (vec![], vec![])
    );
    let guess = format!(
        "{}.{}",
        session_token.expose().split_once('.').unwrap().0,
        "a".repeat(24)
    );
    assert!(
        !harness.is_signed_in(&guess.as_str().into()).await,
        "not for another secret"
    );
    harness.advance(Duration::from_millis(1));
    assert!(
        !harness.is_signed_in(&session_token).await,
        "and not longer"
    );
}

#[tokio::test]
async fn a_cached_session_dies_of_its_own_expiry() {
    let clock = Arc::<ManualClock>::default();
    let (_, change) = cached(&clock);
    let harness = Harness::on(storage(&clock), clock, |parts, options| {
        change(parts, options);
        options.session.absolute_expiration = Some(minutes(7));
    });
    let session_token = harness.sign_up().await;
    harness.advance(minutes(3));
    assert!(harness.is_signed_in(&session_token).await);
    harness.advance(minutes(4));
    assert!(!harness.is_signed_in(&session_token).await);
}

#[tokio::test]
async fn a_sign_out_takes_effect_at_once_despite_the_cache() {
    let harness = with_cache();
    let session_token = harness.sign_up().await;
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(
        outcome(
            &harness.server,
            DeleteSession {
                session_token: session_token.clone()
            }
        )
        .await,
        "ok"
    );
    assert!(!harness.is_signed_in(&session_token).await);

    let session_token = harness.sign_in().await;
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(
        outcome(
            &harness.server,
            DeleteAllSessions {
                session_token: session_token.clone()
            }
        )
        .await,
        "ok"
    );
    assert!(!harness.is_signed_in(&session_token).await);
}

#[tokio::test]
async fn a_sign_out_is_not_undone_by_a_read_that_was_on_its_way() {
    let clock = Arc::<ManualClock>::default();
    let (cache, change) = cached(&clock);
    let harness = Arc::new(Harness::on(storage(&clock), clock, change));
    let session_token = harness.sign_up().await;
    let (server, faults) = harness.beside(|parts, options| {
        parts.storages.cache = Some(cache);
        options.session.cache_expiration = Some(minutes(5));
    });
    let (other, delete) = (
        Arc::clone(&harness),
        DeleteSession {
            session_token: session_token.clone(),
        },
    );
    faults.before("UserStore::get_user", async move || {
        assert_eq!(outcome(&other.server, delete).await, "ok");
        Ok(())
    });
    let get = || GetSession {
        session_token: session_token.clone(),
    };
    assert_eq!(outcome(&server, get()).await, "invalid_session_token");
    assert!(faults.is_done());
    assert_eq!(outcome(&server, get()).await, "invalid_session_token");
}

#[tokio::test]
async fn defect_14_a_session_that_was_ended_finishes_nothing_out_of_the_cache() {
    let harness = with_cache();
    let (acting, other) = (harness.sign_up().await, harness.sign_in().await);
    let create = CreateUserDeletion {
        session_token: acting.clone(),
    };
    let user_deletion_token = harness
        .server
        .invoke(create)
        .await
        .unwrap()
        .user_deletion_token;
    let verify = VerifyUserDeletionUserPassword {
        session_token: acting.clone(),
        user_deletion_token: user_deletion_token.clone(),
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(&harness.server, verify).await, "ok");
    assert!(harness.is_signed_in(&acting).await);
    assert_eq!(
        outcome(
            &harness.server,
            DeleteAllSessions {
                session_token: other
            }
        )
        .await,
        "ok"
    );
    assert!(
        harness.is_signed_in(&acting).await,
        "the cache still says so"
    );

    let complete = CompleteUserDeletion {
        session_token: acting.clone(),
        user_deletion_token,
    };
    assert_eq!(
        outcome(&harness.server, complete).await,
        "invalid_session_token"
    );
    let create = CreateUserEmailAddressUpdate {
        session_token: acting,
        new_email_address: "new@example.com".into(),
    };
    assert_eq!(
        outcome(&harness.server, create).await,
        "invalid_session_token"
    );
    assert_eq!(harness.users.users().len(), 1);
}

#[tokio::test]
async fn a_cache_that_fails_is_an_empty_one() {
    let harness = Harness::new();
    let faults = Arc::<Faults>::default();
    let cache = namespace::cache(
        Arc::new(faults.wrap(Arc::clone(&harness.storage))),
        Arc::clone(&harness.clock) as _,
    );
    let (server, _) = harness.beside(|parts, options| {
        parts.storages.cache = Some(Arc::new(cache));
        options.session.cache_expiration = Some(minutes(5));
    });
    let session_token = harness.sign_up().await;
    for call in ["Storage::get cache.session", "Storage::add cache.session"] {
        faults.at_next(call, Fault::FailBeforeActing);
        assert_eq!(
            outcome(
                &server,
                GetSession {
                    session_token: session_token.clone()
                }
            )
            .await,
            "ok",
            "{call}"
        );
        assert!(faults.is_done(), "{call}");
        harness.advance(minutes(5));
    }
    assert!(harness.log.errors().iter().all(|error| !error.failed));
}

#[tokio::test]
async fn without_a_cache_the_user_store_is_not_asked_again_before_its_time() {
    let harness =
        Harness::with(|_, options| options.session.user_cache_expiration = Some(minutes(5)));
    let session_token = harness.sign_up().await;
    harness.users.take_calls();
    harness.advance(minutes(5) - Duration::from_millis(1));
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.users.take_calls(), []);
    harness.advance(Duration::from_millis(1));
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.users.take_calls(), [UserStoreCall::GetUser]);
    harness.advance(minutes(4));
    assert!(harness.is_signed_in(&session_token).await);
    assert_eq!(harness.users.take_calls(), [], "the check was recorded");
    harness.users.disable_user(&harness.user().id);
    let create = CreateUserDeletion { session_token };
    assert_eq!(
        outcome(&harness.server, create).await,
        "invalid_session_token",
        "a flow always asks"
    );
}
