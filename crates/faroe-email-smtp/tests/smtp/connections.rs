//! Connections are reused, limited in number, and replaced when the server has closed them.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use faroe_core::{
    email::{EmailFate, EmailSender},
    error::{AdapterError, ErrorChain},
};
use faroe_email_smtp::SmtpOptions;
use futures::future::join_all;

use crate::{
    code_to, impatient, options, sender,
    server::{Behaviour, Misbehaviour, Server, Stage},
};

#[tokio::test]
async fn a_connection_is_reused() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(options(&server));
    for _ in 0..10 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    assert_eq!((server.messages().len(), server.connections()), (10, 1));
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_loses_no_message() {
    let server = Server::start(Behaviour {
        closes_after: Some(1),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    for _ in 0..5 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    assert_eq!((server.messages().len(), server.connections()), (5, 5));
}

#[tokio::test]
async fn a_connection_that_the_server_ends_with_421_is_not_reused() {
    let server = Server::start(Behaviour {
        misbehaves: Some((
            Stage::Noop,
            Misbehaviour::Says("421 4.4.2 idle for too long"),
        )),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    for _ in 0..3 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    assert_eq!((server.messages().len(), server.connections()), (3, 3));
}

#[tokio::test]
async fn a_connection_that_was_idle_for_too_long_is_not_probed() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Noop, Misbehaviour::Silent)),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(SmtpOptions {
        idle_timeout: Duration::ZERO,
        ..options(&server)
    });
    for _ in 0..3 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    assert_eq!((server.messages().len(), server.connections()), (3, 3));
}

#[tokio::test]
async fn a_connection_that_went_silent_costs_a_second_and_loses_no_message() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Noop, Misbehaviour::Silent)),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    let both = || async {
        let (a, b) = (code_to("a@example.com"), code_to("b@example.com"));
        tokio::join!(sender.send(a), sender.send(b))
    };
    both().await.0.unwrap();
    let start = Instant::now();
    let (a, b) = both().await;
    a.unwrap();
    b.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((server.messages().len(), server.connections()), (4, 4));
}

#[tokio::test]
async fn a_connection_carries_a_hundred_messages_at_most() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(options(&server));
    for _ in 0..201 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    let messages = server.messages();
    let on = |connection| {
        messages
            .iter()
            .filter(|m| m.connection == connection)
            .count()
    };
    assert_eq!([on(0), on(1), on(2)], [100, 100, 1]);
}

#[tokio::test]
async fn the_number_of_messages_on_a_connection_can_be_set() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(SmtpOptions {
        messages_per_connection: 2,
        ..options(&server)
    });
    for _ in 0..5 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    let connections: Vec<_> = server.messages().iter().map(|m| m.connection).collect();
    assert_eq!(connections, [0, 0, 1, 1, 2]);
}

/// Ways in which servers end a connection that has carried its share of messages.
const LIMITS: [(Stage, Misbehaviour); 9] = [
    (Stage::Noop, Misbehaviour::Closes),
    (
        Stage::Mail,
        Misbehaviour::Leaves("421 4.7.0 too many messages"),
    ),
    (
        Stage::Mail,
        Misbehaviour::Says("452 4.5.3 too many messages"),
    ),
    (
        Stage::Mail,
        Misbehaviour::Says("503 5.5.1 too many messages"),
    ),
    (Stage::Mail, Misbehaviour::Resets),
    (
        Stage::Recipient,
        Misbehaviour::Leaves("421 4.7.0 too many messages"),
    ),
    (
        Stage::Data,
        Misbehaviour::Says("452 4.4.5 too many messages"),
    ),
    (Stage::Data, Misbehaviour::Closes),
    (
        Stage::Message,
        Misbehaviour::Says("452 4.4.5 too many messages"),
    ),
];

#[tokio::test]
async fn p69_a_limit_of_messages_for_each_connection_loses_no_message() {
    for limit in LIMITS {
        let server = Server::start(Behaviour {
            misbehaves: Some(limit),
            behaves_for: 3,
            ..Behaviour::default()
        })
        .await;
        let sender = sender(options(&server));
        for _ in 0..10 {
            let sent = sender.send(code_to("a@example.com")).await;
            sent.unwrap_or_else(|error| panic!("{limit:?}: {}", ErrorChain(&error)));
        }
        assert_eq!(
            (server.messages().len(), server.connections()),
            (10, 4),
            "{limit:?}"
        );
    }
    faroe_testkit::promise::report(
        "P69",
        format!(
            "SMTP: {} ways to end a connection after three messages",
            LIMITS.len()
        ),
    );
}

#[tokio::test]
async fn a_message_without_an_answer_is_not_repeated() {
    for misbehaviour in [Misbehaviour::Closes, Misbehaviour::Resets] {
        let server = Server::start(Behaviour {
            misbehaves: Some((Stage::Message, misbehaviour)),
            behaves_for: 1,
            ..Behaviour::default()
        })
        .await;
        let sender = sender(options(&server));
        sender.send(code_to("a@example.com")).await.unwrap();
        let error = sender.send(code_to("a@example.com")).await.unwrap_err();
        assert_eq!(EmailFate::of(&error), EmailFate::Unknown);
        assert_eq!(server.connections(), 1, "it may have been accepted");
    }
}

#[tokio::test]
async fn a_refusal_on_a_new_connection_is_final() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Recipient, Misbehaviour::Says("550 5.1.1 unknown"))),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    let error = sender.send(code_to("a@example.com")).await.unwrap_err();
    assert_eq!(EmailFate::of(&error), EmailFate::RecipientRefused);
    assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_connections_is_limited() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(SmtpOptions {
        connections: 3,
        ..options(&server)
    });
    let messages = (0..50).map(|number| code_to(&format!("a{number}@example.com")));
    let sent: Result<Vec<()>, AdapterError> =
        join_all(messages.map(|message| sender.send(message)))
            .await
            .into_iter()
            .collect();
    sent.unwrap();
    assert_eq!(server.messages().len(), 50);
    assert!(server.seen.most_open.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn the_wait_for_a_connection_counts_towards_the_timeout() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Banner, Misbehaviour::Silent)),
        ..Behaviour::default()
    })
    .await;
    let sender = impatient(SmtpOptions {
        connections: 1,
        ..options(&server)
    });
    let start = Instant::now();
    let messages = (0..20).map(|_| sender.send(code_to("a@example.com")));
    let results = join_all(messages).await;
    assert!(results.iter().all(Result::is_err));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "without a shared deadline, 20 calls would take 20 seconds"
    );
}

#[tokio::test]
async fn a_cancelled_call_leaves_no_connection_to_reuse() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Message, Misbehaviour::Drips)),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    for round in 1..=3 {
        let patience = Duration::from_millis(250);
        let message = sender.send(code_to("a@example.com"));
        assert!(tokio::time::timeout(patience, message).await.is_err());
        assert_eq!(
            server.connections(),
            round,
            "each call opens a new connection"
        );
    }
}

#[tokio::test]
async fn check_connects_without_sending_a_message() {
    let server = Server::start(Behaviour::default()).await;
    sender(options(&server)).check().await.unwrap();
    assert_eq!((server.messages().len(), server.connections()), (0, 1));
    let wrong = SmtpOptions {
        port: 1,
        ..options(&server)
    };
    let error = sender(wrong).check().await.unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("connect to the SMTP server")
    );
}
