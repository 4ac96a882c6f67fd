//! P41: a call returns an error in time, whatever the server does wrong.

use std::time::{Duration, Instant};

use faroe_core::{
    email::{EmailFate, EmailSender},
    error::ErrorChain,
};
use faroe_email_smtp::{SmtpCredentials, SmtpOptions, SmtpSecurity};
use futures::stream::{StreamExt, iter};

use crate::{
    CODE, code_to, impatient, options, options_with_tls, sender,
    server::{Behaviour, Misbehaviour, Server, Stage},
};

const STAGES: [Stage; 8] = [
    Stage::Banner,
    Stage::Ehlo,
    Stage::StartTls,
    Stage::Auth,
    Stage::Mail,
    Stage::Recipient,
    Stage::Data,
    Stage::Message,
];

const MISBEHAVIOURS: [Misbehaviour; 10] = [
    Misbehaviour::Silent,
    Misbehaviour::Says("421 4.3.2 canary@example.com later"),
    Misbehaviour::Says("554 5.7.1 <canary@example.com> never"),
    Misbehaviour::Says("garbage canary"),
    Misbehaviour::Says("\u{feff}2x0 \0"),
    Misbehaviour::Resets,
    Misbehaviour::Closes,
    Misbehaviour::ManyLines,
    Misbehaviour::LongLine,
    Misbehaviour::Drips,
];

/// Starts a server with STARTTLS and AUTH that misbehaves at one stage.
pub(crate) async fn misbehaving(stage: Stage, misbehaviour: Misbehaviour) -> (Server, SmtpOptions) {
    let server = Server::start(Behaviour {
        certificate_for: Some("localhost"),
        offers_starttls: true,
        wants_auth: true,
        misbehaves: Some((stage, misbehaviour)),
        ..Behaviour::default()
    })
    .await;
    let options = SmtpOptions {
        credentials: Some(SmtpCredentials {
            username: "user".to_owned(),
            password: "password".to_owned(),
        }),
        ..options_with_tls(&server, SmtpSecurity::StartTls)
    };
    (server, options)
}

/// Runs a test with every misbehaviour at every stage, eight at once, and counts them.
#[expect(clippy::future_not_send, reason = "tests await it where they are")]
pub(crate) async fn with_each(test: impl AsyncFn(Stage, Misbehaviour)) -> usize {
    let cells = STAGES
        .iter()
        .flat_map(|stage| MISBEHAVIOURS.map(|what| (*stage, what)));
    let test = &test;
    let tests = cells.map(|(stage, misbehaviour)| test(stage, misbehaviour));
    iter(tests).buffer_unordered(8).count().await
}

/// Returns what is known about a message after a misbehaviour.
fn fate(stage: Stage, misbehaviour: Misbehaviour) -> EmailFate {
    let Misbehaviour::Says(line) = misbehaviour else {
        return match stage {
            // Only the message itself may have been accepted.
            Stage::Message => EmailFate::Unknown,
            _ => EmailFate::NotAccepted,
        };
    };
    match (stage, line.as_bytes()[0]) {
        (Stage::Recipient | Stage::Data | Stage::Message, b'5') => EmailFate::RecipientRefused,
        (Stage::Message, b'4') => EmailFate::NotAccepted,
        (Stage::Message, _) => EmailFate::Unknown,
        _ => EmailFate::NotAccepted,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p41_every_misbehaviour_at_every_stage_ends_in_time_with_an_error() {
    let count = with_each(async |stage, misbehaviour| {
        let (server, options) = misbehaving(stage, misbehaviour).await;
        let (sender, start) = (impatient(options), Instant::now());
        let result = sender.send(code_to("canary@example.com")).await;
        let cell = format!("{misbehaviour:?} at {stage:?}");
        let Err(error) = result else {
            panic!("{cell}: the call succeeded");
        };
        assert!(start.elapsed() < Duration::from_secs(10), "{cell}");
        assert!(server.messages().is_empty(), "{cell}");
        let text = ErrorChain(&error).to_string();
        for secret in ["canary", CODE, "password"] {
            assert!(!text.contains(secret), "{cell}: {text}");
        }
        assert!(text.contains("SMTP server"), "{cell}: {text}");
        assert_eq!(EmailFate::of(&error), fate(stage, misbehaviour), "{cell}");
    })
    .await;
    faroe_testkit::promise::report(
        "P41",
        format!("{count} misbehaviours of an SMTP server, each ended in time"),
    );
}

#[tokio::test]
async fn a_message_that_is_accepted_late_is_sent() {
    let late = Misbehaviour::Hesitates(Duration::from_secs(3));
    let server = Server::start(Behaviour {
        misbehaves: Some((Stage::Message, late)),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(SmtpOptions {
        // This time has passed when the answer comes.
        timeout: Duration::from_secs(2),
        ..options(&server)
    });
    sender.send(code_to("a@example.com")).await.unwrap();
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn p41_an_unreachable_and_a_silent_server_are_errors_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = SmtpOptions {
        port,
        security: SmtpSecurity::Plain,
        ..SmtpOptions::new("localhost", "a@example.com")
    };
    // The server listens and never accepts.
    let error = impatient(options.clone())
        .send(code_to("a@example.com"))
        .await;
    assert!(
        ErrorChain(&error.unwrap_err())
            .to_string()
            .contains("after 1s")
    );
    drop(listener);
    let error = impatient(options).send(code_to("a@example.com")).await;
    assert!(
        ErrorChain(&error.unwrap_err())
            .to_string()
            .contains("connect to the SMTP server")
    );
}

#[tokio::test]
async fn an_error_contains_the_status_codes_of_the_answer() {
    let (_server, options) = misbehaving(Stage::Auth, Misbehaviour::Says("535 5.7.8 wrong")).await;
    let error = impatient(options)
        .send(code_to("a@example.com"))
        .await
        .unwrap_err();
    let text = ErrorChain(&error).to_string();
    assert!(
        text.ends_with("sign in to the SMTP server: the server answered 535 5.7.8"),
        "{text}"
    );
}
