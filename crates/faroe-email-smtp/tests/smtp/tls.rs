//! P55: TLS cannot be disabled, and an invalid certificate is rejected before any credentials are sent.

use faroe_core::{email::EmailSender, error::ErrorChain};
use faroe_email_smtp::{SmtpCredentials, SmtpOptions, SmtpSecurity};
use rcgen::generate_simple_self_signed;

use crate::{
    code_to, options, options_with_tls, sender,
    server::{Behaviour, Server},
};

fn credentials() -> Option<SmtpCredentials> {
    Some(SmtpCredentials {
        username: "user".to_owned(),
        password: "password".to_owned(),
    })
}

async fn server(security: SmtpSecurity, change: impl FnOnce(&mut Behaviour)) -> Server {
    let mut behaviour = Behaviour {
        certificate_for: Some("localhost"),
        implicit_tls: security == SmtpSecurity::Tls,
        offers_starttls: security == SmtpSecurity::StartTls,
        wants_auth: true,
        ..Behaviour::default()
    };
    change(&mut behaviour);
    Server::start(behaviour).await
}

const BOTH: [SmtpSecurity; 2] = [SmtpSecurity::Tls, SmtpSecurity::StartTls];

#[tokio::test]
async fn messages_are_sent_over_implicit_tls_and_over_starttls() {
    for security in BOTH {
        let server = server(security, |_| {}).await;
        let sender = sender(SmtpOptions {
            credentials: credentials(),
            ..options_with_tls(&server, security)
        });
        for _ in 0..3 {
            sender.send(code_to("a@example.com")).await.unwrap();
        }
        assert_eq!((server.messages().len(), server.connections()), (3, 1));
        let in_clear = server.seen.in_clear.lock().unwrap().clone();
        let expected: &[&str] = match security {
            SmtpSecurity::StartTls => &["EHLO example.com", "STARTTLS"],
            _ => &[],
        };
        assert_eq!(in_clear, expected);
    }
}

#[tokio::test]
async fn p55_a_server_with_an_invalid_certificate_gets_no_credentials() {
    let other = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut refused = 0;
    for security in BOTH {
        let cases: [(&str, Option<String>, &'static str); 3] = [
            ("a self-signed certificate", None, "localhost"),
            (
                "a certificate of another authority",
                Some(other.cert.pem()),
                "localhost",
            ),
            ("a certificate for another name", None, "mail.example.com"),
        ];
        for (case, roots, name) in cases {
            let server = server(security, |behaviour| behaviour.certificate_for = Some(name)).await;
            let is_trusted = name != "localhost";
            let sender = sender(SmtpOptions {
                credentials: credentials(),
                root_certificates: if is_trusted {
                    server.certificate.clone()
                } else {
                    roots
                },
                ..options_with_tls(&server, security)
            });
            let error = sender.send(code_to("a@example.com")).await.unwrap_err();
            let text = ErrorChain(&error).to_string();
            assert!(
                text.contains("TLS") && text.contains("certificate"),
                "{case}: {text}"
            );
            assert!(!server.has_seen_credentials(), "{case}");
            assert!(server.messages().is_empty(), "{case}");
            refused += 1;
        }
    }
    faroe_testkit::promise::report(
        "P55",
        format!("SMTP: {refused} invalid certificates rejected"),
    );
}

#[tokio::test]
async fn p55_a_server_that_does_not_offer_starttls_is_rejected() {
    let server = server(SmtpSecurity::StartTls, |behaviour| {
        behaviour.offers_starttls = false
    })
    .await;
    let sender = sender(SmtpOptions {
        credentials: credentials(),
        ..options_with_tls(&server, SmtpSecurity::StartTls)
    });
    let error = sender.send(code_to("a@example.com")).await.unwrap_err();
    assert!(
        ErrorChain(&error)
            .to_string()
            .contains("STARTTLS is not supported")
    );
    assert!(!server.has_seen_credentials() && server.messages().is_empty());
    faroe_testkit::promise::report("P55", "SMTP: a stripped STARTTLS rejected");
}

#[tokio::test]
async fn p55_answers_injected_before_tls_are_rejected() {
    let injected = "250-localhost\r\n250 AUTH PLAIN LOGIN\r\n235 2.7.0 welcome\r\n";
    let server = server(SmtpSecurity::StartTls, |behaviour| {
        behaviour.injects = injected
    })
    .await;
    let sender = sender(SmtpOptions {
        credentials: credentials(),
        ..options_with_tls(&server, SmtpSecurity::StartTls)
    });
    let error = sender.send(code_to("a@example.com")).await.unwrap_err();
    assert!(ErrorChain(&error).to_string().contains("TLS"));
    assert!(!server.has_seen_credentials() && server.messages().is_empty());
    faroe_testkit::promise::report("P55", "SMTP: answers injected before TLS rejected");
}

#[tokio::test]
async fn p55_without_tls_no_connection_leaves_the_machine() {
    let server = Server::start(Behaviour::default()).await;
    for host in ["192.0.2.1", "2001:db8::1"] {
        let sender = sender(SmtpOptions {
            host: host.to_owned(),
            ..options(&server)
        });
        let error = sender.send(code_to("a@example.com")).await.unwrap_err();
        let text = ErrorChain(&error).to_string();
        assert!(text.contains("is not on this machine"), "{text}");
    }
    for host in ["localhost", "127.0.0.1", "127.1.2.3", "::ffff:127.0.0.1"] {
        let sender = sender(SmtpOptions {
            host: host.to_owned(),
            ..options(&server)
        });
        // The server listens on only one of these addresses. The others must be tried, not rejected.
        if let Err(error) = sender.check().await {
            let text = ErrorChain(&error).to_string();
            assert!(!text.contains("is not on this machine"), "{host}: {text}");
        }
    }
    faroe_testkit::promise::report(
        "P55",
        "SMTP: without TLS, only this machine is connected to",
    );
}
