//! Lifetimes to the millisecond, and what a storage that cannot be written to does to reads: nothing.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    ServerOptions, Storages,
    error::AdapterError,
    protocol::{
        schema::{ActionSchema, server_actions},
        session::GetSession,
    },
    time::UnixTime,
};
use faroe_testkit::{
    clock::ManualClock,
    intercept::{Answer, Call, Intercepted, Interceptor, Next},
    promise,
    storage::ReferenceStorage,
};
use serde_json::Value;

use crate::{
    harness::{Harness, minutes, outcome},
    world::{World, answer, invalid, send, token_arguments},
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Milliseconds within a second at which a record is created.
const OFFSETS: [i64; 5] = [0, 1, 499, 500, 999];

fn getters() -> impl Iterator<Item = ActionSchema> {
    let actions = server_actions().into_iter();
    actions.filter(|action| action.name.starts_with("get_"))
}

/// Returns the lifetime of an unused record.
fn lifetime(getter: &str, options: &ServerOptions) -> Duration {
    match getter {
        "get_session" => {
            let unused = options.session.inactivity_timeout;
            options
                .session
                .absolute_expiration
                .map_or(unused, |absolute| absolute.min(unused))
        }
        "get_signin" | "get_user_password_update" | "get_user_deletion" => minutes(10),
        _ => minutes(20),
    }
}

/// Returns the one model that a getter shows.
async fn shown(world: &World, getter: &ActionSchema) -> Value {
    let values = send(&world.harness.server, getter.name, world.arguments(getter)).await;
    values.unwrap_or_else(|code| panic!("{}: {code}", getter.name))[getter.values[0].0].take()
}

async fn lives_to_the_last_millisecond(
    getter: &ActionSchema,
    offset: i64,
    dropping: bool,
    change: fn(&mut ServerOptions),
) {
    let created_at = 1_780_000_000_000 + offset;
    let clock = Arc::new(ManualClock::new(UnixTime::from_milliseconds(created_at)));
    let storage = if dropping {
        ReferenceStorage::dropping_expired(Arc::clone(&clock) as _)
    } else {
        ReferenceStorage::keeping_expired()
    };
    let mut lifetime_of = None;
    let harness = Harness::on(Arc::new(storage), clock, |_, options| {
        change(options);
        lifetime_of = Some(lifetime(getter.name, options));
    });
    let (world, lifetime) = (World::new(harness).await, lifetime_of.unwrap());
    let first = shown(&world, getter).await;
    assert_eq!(
        first["created_at"],
        created_at.div_euclid(1000),
        "{}",
        getter.name
    );
    let expires_at = created_at + i64::try_from(lifetime.as_millis()).unwrap();
    if let Some(shown) = first["expires_at"].as_i64() {
        assert_eq!(shown, expires_at.div_euclid(1000), "{}", getter.name);
    }
    world
        .harness
        .clock
        .set(UnixTime::from_milliseconds(expires_at - 1));
    if getter.name == "get_session" {
        // A look at it would be a use.
        let entries = world.harness.storage.entries();
        assert!(entries.keys().any(|key| key.starts_with("main.session.")));
    } else {
        assert_eq!(shown(&world, getter).await, first, "{}", getter.name);
    }
    world.harness.advance(MILLISECOND);
    let name = token_arguments(getter).pop().unwrap();
    let dead = answer(&world.harness.server, getter.name, world.arguments(getter)).await;
    assert_eq!(dead, invalid(name), "{}", getter.name);
    world
        .harness
        .clock
        .set(UnixTime::from_milliseconds(created_at));
    let dead = answer(&world.harness.server, getter.name, world.arguments(getter)).await;
    assert_eq!(
        dead,
        invalid(name),
        "{}: a clock that steps back revives nothing",
        getter.name
    );
}

#[tokio::test]
async fn p26_a_record_lives_to_its_last_millisecond() {
    let changes: [fn(&mut ServerOptions); 3] = [
        |_| {},
        |options| options.session.inactivity_timeout = Duration::from_millis(90_001),
        |options| options.session.absolute_expiration = Some(Duration::from_millis(1_234_567)),
    ];
    let mut lives = 0;
    for getter in getters() {
        // A flow does not outlive its session.
        let changes = &changes[..if getter.name == "get_session" { 3 } else { 1 }];
        for change in changes {
            for offset in OFFSETS {
                for dropping in [false, true] {
                    lives_to_the_last_millisecond(&getter, offset, dropping, *change).await;
                    lives += 1;
                }
            }
        }
    }
    promise::report(
        "P26",
        format_args!("{lives} lives, each exact to the millisecond"),
    );
}

/// Refuses every call that changes something.
#[derive(Debug)]
struct ReadsOnly;

#[async_trait]
impl Interceptor for ReadsOnly {
    async fn intercept(&self, call: Call, next: Next) -> Answer {
        if call.is_read() {
            return next.run().await;
        }
        Err(AdapterError::message(
            "write to a storage that is read-only",
        ))
    }
}

#[tokio::test]
async fn p26_reads_succeed_on_a_storage_that_cannot_be_written_to() {
    let world = World::new(Harness::new()).await;
    let storage = Arc::clone(&world.harness.storage);
    let storage = Intercepted::new(storage, Arc::new(ReadsOnly));
    let (server, _) = world
        .harness
        .beside(|parts, _| parts.storages = Storages::single(storage));
    let mut reads = 0;
    // Each of these times the use of the session would be recorded.
    for _ in 0..9 {
        world.harness.advance(minutes(1));
        for getter in getters() {
            let answer = answer(&server, getter.name, world.arguments(&getter)).await;
            assert_eq!(answer, "ok", "{}", getter.name);
            reads += 1;
        }
    }
    let logged = world.harness.log.errors();
    assert!(
        !logged.is_empty() && logged.iter().all(|error| !error.failed),
        "{logged:?}"
    );
    // What is dead is dead, although it cannot be removed.
    world.harness.advance(minutes(20));
    for getter in getters().filter(|getter| getter.name != "get_session") {
        let name = token_arguments(&getter).pop().unwrap();
        let dead = answer(&server, getter.name, world.arguments(&getter)).await;
        assert_eq!(dead, invalid(name), "{}", getter.name);
        reads += 1;
    }
    world.harness.advance(minutes(30 * 24 * 60));
    let session_token = world.tokens["session_token"].as_str().into();
    assert_eq!(
        outcome(&server, GetSession { session_token }).await,
        "invalid_session_token"
    );
    promise::report(
        "P26",
        format_args!("{} reads over a read-only storage", reads + 1),
    );
}
