//! Connections are used again, survive what servers do to idle ones, and are bounded.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use faroe_core::{
    email::EmailSender,
    error::{AdapterError, ErrorChain},
};
use faroe_email_smtp::SmtpOptions;
use futures::future::join_all;

use crate::{
    code_to, impatient, options, sender,
    server::{Behaviour, Misbehaviour, Server, Stage},
};

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(options(&server));
    for _ in 0..10 {
        sender.send(code_to("a@example.com")).await.unwrap();
    }
    assert_eq!((server.messages().len(), server.connections()), (10, 1));
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_meanwhile_costs_no_message() {
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
async fn a_connection_whose_server_says_goodbye_is_not_used_again() {
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
async fn an_old_connection_is_not_asked_whether_it_is_there() {
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
async fn a_connection_that_has_gone_silent_costs_a_second_and_no_message() {
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

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_connections_than_there_may_be() {
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
async fn waiting_for_a_connection_is_within_the_deadline() {
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
        "one after the other would take 10"
    );
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_connection_that_answers_for_another() {
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Message, Misbehaviour::Drips)),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options(&server));
    for round in 1..=3 {
        let given_up = Duration::from_millis(250);
        let message = sender.send(code_to("a@example.com"));
        assert!(tokio::time::timeout(given_up, message).await.is_err());
        assert_eq!(
            server.connections(),
            round,
            "each is a connection of its own"
        );
    }
}

#[tokio::test]
async fn a_configuration_is_checked_without_a_message() {
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
