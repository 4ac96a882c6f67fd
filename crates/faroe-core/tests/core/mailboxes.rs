//! The number of emails to one mailbox that can be triggered without a password.

use std::time::Duration;

use faroe_core::Server;
use faroe_testkit::promise;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{EMAIL, Harness},
    world::send,
};

/// Spellings that nearly every mail server treats as one mailbox. The first is the user's.
const SPELLINGS: [&str; 5] = [
    EMAIL,
    "Ada@example.com",
    "ADA@EXAMPLE.COM",
    "ada@Example.Com",
    "aDa@eXample.coM",
];

const INTERVAL: Duration = Duration::from_secs(30 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A way to trigger a code or a temporary password: the action that starts a flow, and the one that sends the code again.
#[derive(Clone)]
struct Way {
    create: (&'static str, Value),
    again: Option<(&'static str, &'static str, Value)>,
}

/// Returns all ways for all spellings.
fn ways(session_token: &str) -> Vec<Way> {
    let mut ways = vec![Way {
        create: (
            "create_user_password_reset",
            json!({ "user_email_address": EMAIL }),
        ),
        again: None,
    }];
    for spelling in &SPELLINGS[1..] {
        let again = "send_signup_email_address_verification_code";
        ways.push(Way {
            create: ("create_signup", json!({ "email_address": spelling })),
            again: Some((again, "signup_token", json!({}))),
        });
        let session = json!({ "session_token": session_token });
        let mut create = session.clone();
        create["new_email_address"] = (*spelling).into();
        let again = "send_user_email_address_update_email_address_verification_code";
        ways.push(Way {
            create: ("create_user_email_address_update", create),
            again: Some((again, "user_email_address_update_token", session)),
        });
    }
    ways
}

/// Starts a flow and requests its code repeatedly. Returns the number of successful answers.
async fn insist(server: Server, way: Way) -> usize {
    let (action, arguments) = way.create;
    let Ok(values) = send(&server, action, arguments).await else {
        return 0;
    };
    let mut sent = 1;
    if let Some((action, token, mut arguments)) = way.again {
        arguments[token] = values[token].clone();
        while send(&server, action, arguments.clone()).await.is_ok() {
            sent += 1;
        }
    }
    sent
}

fn sent_to_the_mailbox(harness: &Harness) -> usize {
    let messages = harness.mailbox.messages();
    let to = messages
        .iter()
        .filter(|message| message.to.eq_ignore_ascii_case(EMAIL));
    to.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p15_emails_to_a_mailbox_are_limited_across_all_flows() {
    let harness = Harness::new();
    harness.sign_up().await;
    let stranger = harness.sign_up_as("mallory@example.com").await;
    let servers = [(); 3].map(|()| harness.beside(|_, _| {}).0);
    let ways = ways(stranger.expose());
    // The length of a pause, and the number of emails that can be sent after it.
    let rounds = [
        (5 * INTERVAL, 5),
        (INTERVAL - MILLISECOND, 0),
        (MILLISECOND, 1),
        (INTERVAL, 1),
        (INTERVAL / 2, 0),
        (INTERVAL, 1),
        (INTERVAL / 2, 1),
        (3 * INTERVAL, 3),
        (5 * INTERVAL, 5),
        (1000 * INTERVAL, 5),
        (Duration::ZERO, 0),
    ];
    let mut requests = 0;
    for (round, (pause, expected)) in rounds.into_iter().enumerate() {
        harness.advance(pause);
        let before = sent_to_the_mailbox(&harness);
        let mut racers = vec![];
        for (number, way) in ways.iter().cycle().take(36).enumerate() {
            requests += 1;
            racers.push(tokio::spawn(insist(
                servers[number % 3].clone(),
                way.clone(),
            )));
        }
        let told: usize = join_all(racers).await.into_iter().map(Result::unwrap).sum();
        let sent = sent_to_the_mailbox(&harness) - before;
        assert_eq!((sent, told), (expected, expected), "round {round}");
    }
    promise::report(
        "P15",
        format_args!(
            "{} windows, {requests} flows in {} spellings on 3 servers, never a message too many",
            rounds.len(),
            SPELLINGS.len()
        ),
    );
}
