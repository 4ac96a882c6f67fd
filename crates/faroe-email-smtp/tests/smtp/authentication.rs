//! Authentication with servers that speak AUTH in their own ways.

use faroe_core::{email::EmailSender, error::ErrorChain};
use faroe_email_smtp::{SmtpCredentials, SmtpOptions};

use crate::{
    code_to, options, sender,
    server::{Behaviour, Server, WELCOME},
};

async fn send(behaviour: Behaviour, password: &str) -> Result<Server, String> {
    let server = Server::start(Behaviour {
        wants_auth: true,
        ..behaviour
    })
    .await;
    let sender = sender(SmtpOptions {
        credentials: Some(SmtpCredentials {
            username: "user".to_owned(),
            password: password.to_owned(),
        }),
        ..options(&server)
    });
    match sender.send(code_to("a@example.com")).await {
        Ok(()) => {
            assert_eq!(server.messages().len(), 1);
            Ok(server)
        }
        Err(error) => Err(ErrorChain(&error).to_string()),
    }
}

#[tokio::test]
async fn p69_login_is_answered_in_order_whatever_the_prompts_are() {
    let dialogues = [
        ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
        ["334 dXNlcm5hbWU6", "334 cGFzc3dvcmQ6"],
        ["334 VXNlciBOYW1lAA==", "334 UGFzc3dvcmQA"],
        ["334 Username:", "334 Password:"],
        ["334 ", "334 "],
        ["334", "334"],
        ["334-\r\n334 go", "334 on"],
    ];
    for prompts in dialogues {
        let behaviour = Behaviour {
            mechanisms: "AUTH LOGIN",
            prompts: Some(prompts),
            ..Behaviour::default()
        };
        let sent = send(behaviour, "password").await;
        sent.unwrap_or_else(|error| panic!("{prompts:?}: {error}"));
    }
    faroe_testkit::promise::report(
        "P69",
        format!("SMTP: {} dialogues of AUTH LOGIN", dialogues.len()),
    );
}

#[tokio::test]
async fn mechanisms_may_be_offered_in_any_spelling() {
    for mechanisms in [
        "AUTH PLAIN",
        "auth plain",
        "Auth Login Plain",
        "AUTH=PLAIN",
        "AUTH CRAM-MD5 XOAUTH2 PLAIN",
    ] {
        let behaviour = Behaviour {
            mechanisms,
            ..Behaviour::default()
        };
        let sent = send(behaviour, "password").await;
        sent.unwrap_or_else(|error| panic!("{mechanisms:?}: {error}"));
    }
}

#[tokio::test]
async fn login_follows_a_plain_that_is_offered_and_refused() {
    for answer_to_plain in [
        "504 5.7.4 unrecognized authentication type",
        "535 5.7.3 authentication unsuccessful",
        "502 not here",
    ] {
        let behaviour = Behaviour {
            answer_to_plain,
            prompts: Some(["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]),
            ..Behaviour::default()
        };
        let sent = send(behaviour, "password").await;
        sent.unwrap_or_else(|error| panic!("{answer_to_plain:?}: {error}"));
    }
}

#[tokio::test]
async fn plain_may_be_prompted_for() {
    for prompt in ["334 ", "334"] {
        let behaviour = Behaviour {
            answer_to_plain: prompt,
            ..Behaviour::default()
        };
        send(behaviour, "password").await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_by_its_status() {
    for prompts in [Some(["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]), None] {
        let behaviour = Behaviour {
            mechanisms: "AUTH LOGIN",
            answer_to_plain: WELCOME,
            prompts: prompts.or(Some(["535 5.7.8 wrong", ""])),
            ..Behaviour::default()
        };
        let error = send(behaviour, "canary").await.err().unwrap();
        assert!(
            error.ends_with("sign in to the SMTP server: the server answered 535 5.7.8"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_without_a_known_mechanism_is_an_error_that_says_so() {
    let behaviour = Behaviour {
        mechanisms: "AUTH CRAM-MD5",
        ..Behaviour::default()
    };
    let error = send(behaviour, "password").await.err().unwrap();
    assert!(error.contains("neither PLAIN nor LOGIN"), "{error}");
}
