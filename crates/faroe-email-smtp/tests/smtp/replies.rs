//! Replies in the forms in which real servers send them.

use faroe_core::email::EmailSender;
use faroe_email_smtp::{SmtpCredentials, SmtpOptions, SmtpSecurity};

use crate::{
    code_to, options, options_with_tls, sender,
    server::{Behaviour, Misbehaviour, Server, Stage},
};

#[tokio::test]
async fn p69_a_server_may_answer_with_codes_alone() {
    for (security, starts_encrypted) in [
        (SmtpSecurity::Plain, false),
        (SmtpSecurity::StartTls, false),
        (SmtpSecurity::Tls, true),
    ] {
        let server = Server::start(Behaviour {
            certificate_for: Some("localhost"),
            implicit_tls: starts_encrypted,
            offers_starttls: security == SmtpSecurity::StartTls,
            wants_auth: true,
            is_terse: true,
            ..Behaviour::default()
        })
        .await;
        let sender = sender(SmtpOptions {
            credentials: Some(SmtpCredentials {
                username: "user".to_owned(),
                password: "password".to_owned(),
            }),
            ..options_with_tls(&server, security)
        });
        for _ in 0..2 {
            sender.send(code_to("a@example.com")).await.unwrap();
        }
        assert_eq!(
            (server.messages().len(), server.connections()),
            (2, 1),
            "{security:?}"
        );
    }
    faroe_testkit::promise::report(
        "P69",
        "SMTP: replies without text at every step, with and without TLS",
    );
}

#[tokio::test]
async fn a_reply_may_have_empty_lines_other_letters_or_bare_line_feeds() {
    for accepted in [
        "250",
        "250 ",
        "250-\r\n250",
        "250-2.0.0 \u{fc}bernommen\r\n250 2.0.0 danke",
        "250-taken\n250 thanks",
    ] {
        for stage in [Stage::Mail, Stage::Recipient] {
            let server = Server::start(Behaviour {
                misbehaves: Some((stage, Misbehaviour::Says(accepted))),
                ..Behaviour::default()
            })
            .await;
            let sent = sender(options(&server))
                .send(code_to("a@example.com"))
                .await;
            sent.unwrap();
            assert_eq!(server.messages().len(), 1, "{accepted:?} at {stage:?}");
        }
    }
}

#[tokio::test]
async fn extensions_may_be_offered_in_small_letters() {
    let server = Server::start(Behaviour {
        certificate_for: Some("localhost"),
        offers_starttls: true,
        misbehaves: Some((
            Stage::Ehlo,
            Misbehaviour::Says("250-localhost\r\n250 starttls"),
        )),
        ..Behaviour::default()
    })
    .await;
    let sender = sender(options_with_tls(&server, SmtpSecurity::StartTls));
    sender.send(code_to("a@example.com")).await.unwrap();
    assert_eq!(server.messages().len(), 1);
}
