//! Before the secret is right there is one answer, whatever is wrong, and nothing happens but one read.

use std::sync::Arc;

use faroe_core::protocol::schema::{ActionSchema, server_actions};
use faroe_testkit::{
    promise,
    storage::{
        ReferenceStorage,
        StorageCall::{self, Delete, Get},
    },
    user_store::UserStoreCall::{self, GetUser},
};

use crate::{
    harness::{Harness, minutes},
    world::{NOBODY, World, answer, invalid, token_arguments},
};

/// Everything that an invocation does to what is behind the server.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    answer: String,
    storage: Vec<StorageCall>,
    users: Vec<UserStoreCall>,
    evaluations: usize,
    messages: usize,
}

async fn trace(world: &World, action: &ActionSchema, name: &str, token: &str) -> Trace {
    let harness = &world.harness;
    let mut arguments = world.arguments(action);
    arguments[name] = token.into();
    harness.storage.take_calls();
    harness.users.take_calls();
    let before = (
        harness.hasher.evaluations(),
        harness.mailbox.messages().len(),
    );
    Trace {
        answer: answer(&harness.server, action.name, arguments).await,
        storage: harness.storage.take_calls(),
        users: harness.users.take_calls(),
        evaluations: harness.hasher.evaluations() - before.0,
        messages: harness.mailbox.messages().len() - before.1,
    }
}

/// Makes every flow dead, or, if it is the session's turn, everything.
async fn expire(world: &World, name: &str) {
    if name == "session_token" {
        world.harness.advance(minutes(30 * 24 * 60));
    } else {
        world.harness.advance(minutes(20));
        // So that a use of the session has not to be recorded during what is traced.
        let session_token = world.tokens["session_token"].as_str().into();
        assert!(world.harness.is_signed_in(&session_token).await);
    }
}

#[tokio::test]
async fn p10_before_the_secret_is_right_there_is_one_answer_and_no_user_is_looked_up() {
    let (mut tokens_tried, mut arguments_tried) = (0, 0);
    for action in server_actions() {
        for (place, name) in token_arguments(&action).into_iter().enumerate() {
            arguments_tried += 1;
            // Over a storage that drops expired entries there would be nothing to remove.
            let storage = Arc::new(ReferenceStorage::keeping_expired());
            let world = World::new(Harness::on(storage, Arc::default(), |_, _| {})).await;
            // A flow's token is looked at after its session and the session's user.
            let (storage, users) = match place {
                0 => (vec![], vec![]),
                _ => (vec![Get], vec![GetUser]),
            };
            let expected = |read: &[StorageCall]| Trace {
                answer: invalid(name),
                storage: [&storage[..], read].concat(),
                users: users.clone(),
                evaluations: 0,
                messages: 0,
            };
            let token = world.tokens[name].clone();
            let (id, secret) = token.split_once('.').unwrap();
            let no_token = trace(&world, &action, name, &format!("{id}.")).await;
            assert_eq!(no_token, expected(&[]), "{}: no token", action.name);

            let wrong_secret = format!("{id}.{NOBODY}");
            let mut wrong = vec![format!("{NOBODY}.{secret}"), wrong_secret.clone()];
            let others = world.tokens.iter().filter(|&(other, _)| *other != name);
            wrong.extend(others.map(|(_, token)| token.clone()));
            let before = world.harness.storage.entries();
            for token in wrong {
                tokens_tried += 1;
                let wrong = trace(&world, &action, name, &token).await;
                assert_eq!(wrong, expected(&[Get]), "{}: {name} {token}", action.name);
            }
            assert_eq!(world.harness.storage.entries(), before);

            expire(&world, name).await;
            let dead = trace(&world, &action, name, &wrong_secret).await;
            assert_eq!(
                dead,
                expected(&[Get]),
                "{}: dead, wrong secret",
                action.name
            );
            // Its holder causes the removal too, and no more.
            let dead = trace(&world, &action, name, &token).await;
            assert_eq!(dead, expected(&[Get, Delete]), "{}: dead", action.name);
            tokens_tried += 2;
        }
    }
    assert_eq!(
        arguments_tried, 51,
        "36 actions take a token, 15 of them take two"
    );
    promise::report(
        "P10",
        format_args!(
            "{tokens_tried} wrong tokens at {arguments_tried} arguments, all traces equal"
        ),
    );
}
