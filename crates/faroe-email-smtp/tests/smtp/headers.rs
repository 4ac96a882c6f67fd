//! P42: one recipient and fixed headers, whatever names and addresses contain.

use std::cell::Cell;

use faroe_core::{
    email::{EmailContent, EmailMessage, EmailSender},
    time::{Clock, SystemClock},
};
use faroe_email_smtp::SmtpOptions;
use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::{
    CODE, contents, options, sender,
    server::{Behaviour, Received, Server},
};

const HEADERS: [&str; 8] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

/// Returns the names of the headers in the raw message.
fn header_names(received: &Received) -> Vec<String> {
    let data = String::from_utf8(received.data.clone()).unwrap();
    let (head, _) = data.split_once("\r\n\r\n").unwrap();
    let begins = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    begins
        .map(|line| line.split_once(": ").unwrap().0.to_owned())
        .collect()
}

#[tokio::test]
async fn every_message_is_a_text_and_an_html_part_with_the_fixed_headers() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(options(&server));
    let now = SystemClock.now().as_milliseconds() / 1000;
    for content in contents("Ada Lovelace") {
        let to = "ada@example.com".to_owned();
        sender.send(EmailMessage::new(to, content)).await.unwrap();
    }
    let received = server.messages();
    assert_eq!(received.len(), 6);
    let mut message_ids = Vec::new();
    for received in &received {
        assert_eq!(received.from, "no-reply@example.com");
        assert_eq!(received.recipients, ["ada@example.com"]);
        assert_eq!(header_names(received), HEADERS);
        let message = MessageParser::default().parse(&received.data).unwrap();
        let from = message.from().unwrap().first().unwrap();
        assert_eq!(
            (from.name(), from.address()),
            (Some("Example"), Some("no-reply@example.com"))
        );
        let to: Vec<_> = message.to().unwrap().iter().collect();
        assert_eq!(to.len(), 1);
        assert_eq!(
            (to[0].name(), to[0].address()),
            (None, Some("ada@example.com"))
        );
        let sent = message.date().unwrap().to_timestamp();
        assert!(sent.abs_diff(now) < 600, "{sent}");
        message_ids.push(message.message_id().unwrap().to_owned());
        assert!(message.subject().unwrap().contains("Example"));
        assert_eq!(
            message.header_raw("Auto-Submitted").unwrap().trim(),
            "auto-generated"
        );
        assert!(message.content_type().unwrap().subtype() == Some("alternative"));
        let parts: Vec<_> = message.parts[1..]
            .iter()
            .map(|part| {
                let kind = part.content_type().unwrap();
                format!(
                    "{}/{}; {}",
                    kind.ctype(),
                    kind.subtype().unwrap(),
                    kind.attribute("charset").unwrap()
                )
            })
            .collect();
        assert_eq!(parts, ["text/plain; utf-8", "text/html; utf-8"]);
        assert!(message.body_html(0).unwrap().starts_with("<!doctype html>"));
        assert_eq!(message.attachment_count(), 0);
    }
    let first = MessageParser::default().parse(&received[0].data).unwrap();
    assert!(
        first
            .body_text(0)
            .unwrap()
            .replace("\r\n", "\n")
            .contains(&format!("\n{CODE}\n"))
    );
    assert!(
        message_ids.iter().all(|id| id.ends_with("@example.com")),
        "{message_ids:?}"
    );
    message_ids.sort();
    message_ids.dedup();
    assert_eq!(message_ids.len(), 6, "the IDs are unique");
}

#[tokio::test]
async fn replies_go_to_the_configured_address() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(SmtpOptions {
        from: "\"Ünïcode, Inc.\" <no-reply@example.com>".to_owned(),
        reply_to: Some("Help <help@example.com>".to_owned()),
        ..options(&server)
    });
    sender
        .send(crate::code_to("ada@example.com"))
        .await
        .unwrap();
    let received = server.messages().remove(0);
    let mut expected = HEADERS.map(str::to_owned).to_vec();
    expected.insert(1, "Reply-To".to_owned());
    let mut names = header_names(&received);
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    let message = MessageParser::default().parse(&received.data).unwrap();
    assert_eq!(
        message.from().unwrap().first().unwrap().name(),
        Some("Ünïcode, Inc.")
    );
    assert_eq!(
        message.reply_to().unwrap().first().unwrap().address(),
        Some("help@example.com")
    );
}

#[test]
fn an_invalid_sender_address_is_rejected() {
    for from in ["", "Example", "a@b@c", "Example <>", "a@x.y\r\nBcc: b@x.y"] {
        let templates = faroe_email_templates::EmailTemplates::new(
            faroe_email_templates::EmailTemplatesOptions::new("Example"),
        );
        let renderer = std::sync::Arc::new(templates.unwrap());
        let refused =
            faroe_email_smtp::SmtpEmailSender::new(&SmtpOptions::new("localhost", from), renderer);
        assert!(
            refused.unwrap_err().to_string().contains("`from`"),
            "{from:?}"
        );
    }
}

/// Text that would inject headers, recipients or commands if it were not escaped.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nBcc: evil@example.com"),
        Just("\nSubject: evil"),
        Just("\r\n\r\n<h1>evil</h1>"),
        Just("\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"),
        Just("=?utf-8?q?=0d=0aBcc:_evil?="),
        Just(", evil@example.com"),
        Just("\" <evil@example.com>"),
        Just("\0\u{2028}\u{85}"),
        Just("."),
        Just("Ada"),
    ];
    let pieces = prop::collection::vec(piece.prop_map(str::to_owned), 0..4);
    (pieces, any::<String>()).prop_map(|(pieces, noise)| pieces.concat() + &noise)
}

/// Addresses that the protocol accepts, and strings that it does not.
fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z0-9!#$%&'*+/=?^_{|}~-]{1,20}(\\.[a-z]{1,9})?@[a-z0-9]{1,10}(\\.[a-z]{2,5}){1,2}",
        1 => "[a-z.-]{1,5}@[a-z-]{1,5}(\\.[a-z]{2,5}){0,2}",
        1 => hostile().prop_map(|text| format!("{text}@example.com")),
        1 => hostile().prop_map(|text| format!("ada@example.com{text}")),
    ]
}

/// Returns the address as it is sent: with quotes around a local part that needs them for its dots, and a domain in ASCII.
fn written(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap();
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii_strict(domain).unwrap()
    };
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        format!("\"{local}\"@{domain}")
    } else {
        format!("{local}@{domain}")
    }
}

#[test]
fn p42_one_recipient_and_fixed_headers_whatever_names_and_addresses_contain() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start(Behaviour::default()));
    let sender = sender(options(&server));
    let (sent, refused) = (Cell::new(0), Cell::new(0));
    proptest!(|(name in hostile(), to in address(), new in address(), which in 0_usize..6)| {
        let mut content = contents(&name)[which].clone();
        if let EmailContent::UserEmailAddressUpdatedNotification { new_email_address, .. } = &mut content {
            *new_email_address = new;
        }
        let message = EmailMessage::new(to.clone(), content);
        match runtime.block_on(sender.send(message)) {
            // The address is invalid in email, so nothing was sent.
            Err(_) => refused.set(refused.get() + 1),
            Ok(()) => {
                sent.set(sent.get() + 1);
                let received = server.messages().pop().unwrap();
                prop_assert_eq!(&received.recipients, &[written(&to)]);
                prop_assert_eq!(&received.from, "no-reply@example.com");
                prop_assert_eq!(header_names(&received), HEADERS);
                let message = MessageParser::default().parse(&received.data).unwrap();
                let recipients: Vec<_> = message.to().unwrap().iter().map(|to| to.address()).collect();
                prop_assert_eq!(recipients.len(), 1);
                let data = String::from_utf8(received.data.clone()).unwrap();
                let written = written(&to);
                let header = format!("\r\nTo: {written}\r\n");
                prop_assert!(data.contains(&header), "{}", data);
                // The parser does not read quotes.
                if !written.contains('"') {
                    prop_assert_eq!(recipients, [Some(written.as_str())]);
                }
                prop_assert_eq!(message.parts.len(), 3);
                prop_assert!(!message.subject().unwrap().contains("evil"));
            }
        }
        prop_assert_eq!(server.messages().len(), sent.get());
    });
    let (sent, refused) = (sent.get(), refused.get());
    assert!(
        sent > refused && refused > 0,
        "{sent} sent, {refused} refused"
    );
    faroe_testkit::promise::report(
        "P42",
        format!(
            "{sent} messages with hostile names and addresses parsed, {refused} addresses rejected"
        ),
    );
}
