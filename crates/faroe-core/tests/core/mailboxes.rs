//! The number of emails to one mailbox that can be triggered without a password.

use std::{sync::Arc, time::Duration};

use faroe_core::{Server, email::EmailFate};
use faroe_testkit::{fault::Fault, promise};
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

/// Requests sign-up codes until no more are sent, and returns how many there were.
async fn codes_until_limited(server: &Server, email_address: &str) -> usize {
    let mut sent = 0;
    loop {
        let create = json!({ "email_address": email_address });
        match send(server, "create_signup", create).await {
            Ok(_) => sent += 1,
            Err(code) => {
                assert_eq!(code, "rate_limited");
                return sent;
            }
        }
    }
}

#[tokio::test]
async fn p15_an_email_that_was_not_accepted_is_given_back() {
    let harness = Harness::new();
    let fates = [
        (EmailFate::NotAccepted, 5),
        (EmailFate::Unknown, 1),
        (EmailFate::RecipientRefused, 1),
    ];
    for (number, (fate, left)) in fates.into_iter().enumerate() {
        let address = format!("grace{number}@example.com");
        harness.mailbox.set_fate(Some(fate));
        for _ in 0..4 {
            let create = json!({ "email_address": &address });
            let answer = send(&harness.server, "create_signup", create).await;
            assert_eq!(answer.unwrap_err(), "internal_error");
        }
        harness.mailbox.set_fate(None);
        let sent = codes_until_limited(&harness.server, &address).await;
        assert_eq!(sent, left, "{fate:?}");
        harness.advance(INTERVAL);
        assert_eq!(
            codes_until_limited(&harness.server, &address).await,
            1,
            "{fate:?}"
        );
    }
    promise::report(
        "P15",
        format_args!("{} fates of an email that failed", fates.len()),
    );
}

#[tokio::test]
async fn an_outage_of_the_mail_server_uses_up_no_emails() {
    let harness = Harness::new();
    let session_token = harness.sign_up().await;
    harness.advance(5 * INTERVAL);
    harness.mailbox.set_fate(Some(EmailFate::NotAccepted));
    let session = json!({ "session_token": session_token.expose() });
    let mut update = session.clone();
    update["new_email_address"] = "new@example.com".into();
    let reset = json!({ "user_email_address": EMAIL });
    for _ in 0..20 {
        for (action, arguments) in [
            ("create_user_email_address_update", &update),
            ("create_user_password_reset", &reset),
        ] {
            let answer = send(&harness.server, action, arguments.clone()).await;
            assert_eq!(answer.unwrap_err(), "internal_error", "{action}");
        }
    }
    harness.mailbox.set_fate(None);
    for (action, arguments) in [
        ("create_user_email_address_update", &update),
        ("create_user_password_reset", &reset),
    ] {
        for _ in 0..5 {
            send(&harness.server, action, arguments.clone())
                .await
                .unwrap();
        }
        let answer = send(&harness.server, action, arguments.clone()).await;
        assert_eq!(answer.unwrap_err(), "rate_limited", "{action}");
    }
}

#[tokio::test]
async fn p28_an_email_that_cannot_be_given_back_is_lost_and_the_action_answers() {
    for call in [
        "Storage::get rate_limit.send_email",
        "Storage::update rate_limit.send_email",
    ] {
        for fault in [
            Fault::FailBeforeActing,
            Fault::Conflict,
            Fault::LoseTheAnswer,
        ] {
            let harness = Harness::new();
            harness.mailbox.set_fate(Some(EmailFate::NotAccepted));
            let (server, faults) = harness.beside(|_, _| {});
            let planning = Arc::clone(&faults);
            faults.before("Storage::add main.signup", async move || {
                planning.at_next(call, fault);
                Ok(())
            });
            let create = json!({ "email_address": "grace@example.com" });
            let answer = send(&server, "create_signup", create).await;
            assert_eq!(answer.unwrap_err(), "internal_error");
            assert!(faults.is_done(), "{call} {fault:?}");
            assert_eq!(harness.records("signup"), [""; 0]);
            harness.mailbox.set_fate(None);
            let sent = codes_until_limited(&harness.server, "grace@example.com").await;
            // An update whose answer was lost has taken effect.
            let is_read = call.starts_with("Storage::get");
            let left = match fault {
                Fault::LoseTheAnswer if !is_read => 5,
                _ => 4,
            };
            assert_eq!(sent, left, "{call} {fault:?}");
        }
    }
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
