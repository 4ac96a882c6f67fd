//! Tests over real connections, with a strict server and with servers that misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod addresses;
mod authentication;
mod connections;
mod headers;
mod misbehaviour;
mod replies;
mod server;
mod tls;

use std::{sync::Arc, time::Duration};

use faroe_core::{
    email::{EmailContent, EmailMessage},
    time::UnixTime,
};
use faroe_email_smtp::{SmtpEmailSender, SmtpOptions, SmtpSecurity};
use faroe_email_templates::{EmailTemplates, EmailTemplatesOptions};

use crate::server::Server;

const CODE: &str = "KLMN2345";

/// Returns settings for a server without TLS.
fn options(server: &Server) -> SmtpOptions {
    SmtpOptions {
        port: server.port,
        security: SmtpSecurity::Plain,
        ..SmtpOptions::new("localhost", "Example <no-reply@example.com>")
    }
}

/// Returns settings for a server with TLS, whose certificate for `localhost` is trusted.
fn options_with_tls(server: &Server, security: SmtpSecurity) -> SmtpOptions {
    SmtpOptions {
        security,
        root_certificates: server.certificate.clone(),
        ..options(server)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "call sites are shorter")]
fn sender(options: SmtpOptions) -> SmtpEmailSender {
    let templates = EmailTemplates::new(EmailTemplatesOptions::new("Example")).unwrap();
    SmtpEmailSender::new(&options, Arc::new(templates)).unwrap()
}

fn code_to(address: &str) -> EmailMessage {
    EmailMessage::new(
        address,
        EmailContent::SignupEmailAddressVerificationCode { code: CODE.into() },
    )
}

/// Every kind of message.
fn contents(display_name: &str) -> [EmailContent; 6] {
    let display_name = || display_name.to_owned();
    let timestamp = UnixTime::from_milliseconds(1_795_599_237_000);
    [
        EmailContent::SignupEmailAddressVerificationCode { code: CODE.into() },
        EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
            display_name: display_name(),
            code: CODE.into(),
        },
        EmailContent::UserPasswordResetTemporaryPassword {
            display_name: display_name(),
            temporary_password: "ABCDEFGHJKLM".into(),
        },
        EmailContent::UserSignedInNotification {
            display_name: display_name(),
            timestamp,
        },
        EmailContent::UserPasswordUpdatedNotification {
            display_name: display_name(),
            timestamp,
        },
        EmailContent::UserEmailAddressUpdatedNotification {
            display_name: display_name(),
            new_email_address: "new@example.com".to_owned(),
            timestamp,
        },
    ]
}

/// Creates a sender with a short timeout, for servers that never answer.
fn impatient(options: SmtpOptions) -> SmtpEmailSender {
    sender(SmtpOptions {
        timeout: Duration::from_secs(1),
        ..options
    })
}
