//! Events end exactly the records that they must, with the first request after the event was acknowledged.

use std::sync::Arc;

use faroe_core::{
    protocol::{
        schema::{ActionSchema, server_actions},
        secret::SessionToken,
        session::{DeleteAllSessions, DeleteSession},
        signin::VerifySigninUserPassword,
        user_deletion::{CompleteUserDeletion, CreateUserDeletion, VerifyUserDeletionUserPassword},
        user_email_address_update::{
            CompleteUserEmailAddressUpdate, CreateUserEmailAddressUpdate,
            VerifyUserEmailAddressUpdateEmailAddressVerificationCode,
            VerifyUserEmailAddressUpdateUserPassword,
        },
        user_password_reset::CompleteUserPasswordReset,
    },
    user_store::{UpdateUserOutcome, UserStore},
};
use faroe_testkit::{hasher::CountingHasher, promise};

use crate::{
    harness::{Harness, PASSWORD, outcome},
    world::{World, answer, invalid, token_arguments},
};

/// The records, in the order of the table's columns, by the names of their tokens.
const RECORDS: [&str; 7] = [
    "signup_token",
    "signin_token",
    "session_token",
    "user_email_address_update_token",
    "user_password_update_token",
    "user_deletion_token",
    "user_password_reset_token",
];

/// The state of each record after each event: still valid, `dead`, or with its `session` ended. The session in the table is not
/// the acting one, except for sign-outs.
const TABLE: &str = "
                              signup signin session address password deletion reset
signed out                  | lives  lives  session session session  session  lives
signed out everywhere       | lives  lives  session session session  session  lives
email address updated       | lives  lives  lives   dead    lives    lives    dead
password updated            | lives  dead   session session session  session  dead
password updated, keeping   | lives  dead   lives   dead    dead     dead     dead
password reset              | lives  dead   session session session  session  dead
password reset, keeping     | lives  dead   lives   dead    dead     dead     dead
password hashed again       | lives  dead   lives   dead    dead     dead     dead
deleted by the user         | lives  dead   session session session  session  dead
deleted by the application  | lives  dead   session session session  session  dead
disabled                    | lives  dead   session session session  session  dead
disabled and enabled        | lives  dead   session session session  session  dead
storage lost                | dead   dead   session session session  session  dead
";

/// Creates a world with completable flows and applies an event to it.
async fn after(event: &str) -> World {
    let keeping = event.ends_with(", keeping");
    let harness = Harness::with(|_, options| {
        options.session.end_other_sessions_on_password_change = !keeping;
    });
    let world = World::completable(harness).await;
    let Harness { server, users, .. } = &world.harness;
    let (harness, user) = (&world.harness, world.harness.user());
    let acting = harness.sign_in().await;
    match event {
        "signed out" => {
            let session_token = world.tokens["session_token"].as_str().into();
            assert_eq!(outcome(server, DeleteSession { session_token }).await, "ok");
        }
        "signed out everywhere" => {
            let delete = DeleteAllSessions {
                session_token: acting,
            };
            assert_eq!(outcome(server, delete).await, "ok");
        }
        "email address updated" => update_email_address(harness, acting).await,
        "password updated" | "password updated, keeping" => harness.update_password(&acting).await,
        "password reset" | "password reset, keeping" => {
            let user_password_reset_token = harness.completable_reset().await;
            let complete = CompleteUserPasswordReset {
                user_password_reset_token,
            };
            assert_eq!(outcome(server, complete).await, "ok");
        }
        "password hashed again" => {
            let (upgraded, _) = harness.beside(|parts, _| {
                let algorithms = &mut parts.user_password_hash_algorithms;
                let second = Arc::new(CountingHasher::new("second"));
                let first = std::mem::replace(&mut algorithms.current, second);
                algorithms.previous.push(first);
            });
            let signin_token = harness.create_signin().await;
            let password = PASSWORD.into();
            let verify = VerifySigninUserPassword {
                signin_token,
                password,
            };
            assert_eq!(outcome(&upgraded, verify).await, "ok");
        }
        "deleted by the user" => delete_user(harness, acting).await,
        "deleted by the application" => {
            let deleted = users.delete_user(&user.id).await.unwrap();
            assert_eq!(deleted, UpdateUserOutcome::Updated);
        }
        "disabled" => users.disable_user(&user.id),
        "disabled and enabled" => {
            users.disable_user(&user.id);
            users.enable_user(&user.id);
        }
        "storage lost" => harness.storage.clear(),
        other => panic!("nobody knows how `{other}` happens"),
    }
    world
}

async fn update_email_address(harness: &Harness, session_token: SessionToken) {
    let server = &harness.server;
    let new_email_address = "ada@example.org";
    let create = CreateUserEmailAddressUpdate {
        session_token: session_token.clone(),
        new_email_address: new_email_address.into(),
    };
    let user_email_address_update_token = server
        .invoke(create)
        .await
        .unwrap()
        .user_email_address_update_token;
    let verify = VerifyUserEmailAddressUpdateEmailAddressVerificationCode {
        session_token: session_token.clone(),
        user_email_address_update_token: user_email_address_update_token.clone(),
        email_address_verification_code: harness.mailbox.last_code(new_email_address).unwrap(),
    };
    assert_eq!(outcome(server, verify).await, "ok");
    let verify = VerifyUserEmailAddressUpdateUserPassword {
        session_token: session_token.clone(),
        user_email_address_update_token: user_email_address_update_token.clone(),
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(server, verify).await, "ok");
    let complete = CompleteUserEmailAddressUpdate {
        session_token,
        user_email_address_update_token,
    };
    assert_eq!(outcome(server, complete).await, "ok");
}

async fn delete_user(harness: &Harness, session_token: SessionToken) {
    let server = &harness.server;
    let create = CreateUserDeletion {
        session_token: session_token.clone(),
    };
    let user_deletion_token = server.invoke(create).await.unwrap().user_deletion_token;
    let verify = VerifyUserDeletionUserPassword {
        session_token: session_token.clone(),
        user_deletion_token: user_deletion_token.clone(),
        password: PASSWORD.into(),
    };
    assert_eq!(outcome(server, verify).await, "ok");
    let complete = CompleteUserDeletion {
        session_token,
        user_deletion_token,
    };
    assert_eq!(outcome(server, complete).await, "ok");
}

/// Returns the actions that use the record with this token. For a flow of a session, only those that take both tokens.
fn actions_of(record: &str) -> Vec<ActionSchema> {
    let mut actions = server_actions();
    actions.retain(|action| token_arguments(action).last() == Some(&record));
    actions
}

#[tokio::test]
async fn p24_an_event_ends_exactly_the_records_that_it_must() {
    let (mut cells, mut requests) = (0, 0);
    for line in TABLE.lines().filter(|line| line.contains('|')) {
        let (event, fates) = line.split_once('|').unwrap();
        let (event, fates) = (event.trim(), fates.split_whitespace());
        let world = after(event).await;
        let snapshot = world.snapshot();
        for (record, fate) in RECORDS.into_iter().zip(fates) {
            cells += 1;
            for action in actions_of(record) {
                requests += 1;
                world.restore(&snapshot);
                let arguments = world.arguments(&action);
                let answer = answer(&world.harness.server, action.name, arguments).await;
                let found = if answer == invalid("session_token") {
                    "session"
                } else if answer == invalid(record) {
                    "dead"
                } else {
                    "lives"
                };
                assert_eq!(found, fate, "{event}: {} answered {answer}", action.name);
            }
        }
    }
    assert_eq!((cells, requests), (13 * 7, 13 * 36));
    promise::report(
        "P24",
        format_args!("{cells} cells, {requests} first requests, 0 violations"),
    );
}
