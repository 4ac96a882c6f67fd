//! Addresses and domains that real people have.

use faroe_core::email::EmailSender;
use faroe_email_smtp::SmtpOptions;
use mail_parser::MessageParser;

use crate::{
    code_to, options, sender,
    server::{Behaviour, Server},
};

#[tokio::test]
async fn p69_odd_dots_quotes_and_other_letters_in_domains_are_delivered() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(options(&server));
    let addresses = [
        ("ada..love@docomo.example", "\"ada..love\"@docomo.example"),
        ("ada.@docomo.example", "\"ada.\"@docomo.example"),
        ("\"a b\"@example.com", "\"a b\"@example.com"),
        ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
    ];
    for (address, written) in addresses {
        sender.send(code_to(address)).await.unwrap();
        let received = server.messages().pop().unwrap();
        assert_eq!(received.recipients, [written]);
        let data = String::from_utf8(received.data).unwrap();
        assert!(data.contains(&format!("\r\nTo: {written}\r\n")), "{data}");
    }
    faroe_testkit::promise::report(
        "P69",
        format!("SMTP: {} unusual addresses delivered", addresses.len()),
    );
}

#[tokio::test]
async fn a_sender_with_an_internationalized_domain_is_written_in_ascii() {
    let server = Server::start(Behaviour::default()).await;
    let sender = sender(SmtpOptions {
        from: "B\u{fc}cher <no-reply@b\u{fc}cher.example>".to_owned(),
        reply_to: Some("help@b\u{fc}cher.example".to_owned()),
        ..options(&server)
    });
    sender.send(code_to("ada@example.com")).await.unwrap();
    let received = server.messages().remove(0);
    assert_eq!(received.from, "no-reply@xn--bcher-kva.example");
    let greeting = server.seen.in_clear.lock().unwrap()[0].clone();
    assert_eq!(greeting, "EHLO xn--bcher-kva.example");
    let message = MessageParser::default().parse(&received.data).unwrap();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(
        (from.name(), from.address()),
        (Some("B\u{fc}cher"), Some("no-reply@xn--bcher-kva.example"))
    );
    let reply_to = message.reply_to().unwrap().first().unwrap();
    assert_eq!(reply_to.address(), Some("help@xn--bcher-kva.example"));
    assert!(
        message
            .message_id()
            .unwrap()
            .ends_with("@xn--bcher-kva.example")
    );
}
