//! Tests of the messages' texts, of injection, and of replacements.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod injection;
mod replacement;
mod words;

use faroe_core::{
    email::{EmailContent, EmailMessage},
    time::UnixTime,
};
use faroe_email_templates::{EmailRenderer, EmailTemplates, EmailTemplatesOptions, RenderedEmail};

const CODE: &str = "KLMN2345";
const TEMPORARY_PASSWORD: &str = "ABCDEFGHJKLM";

fn in_language(locale: &str) -> EmailTemplates {
    EmailTemplates::new(EmailTemplatesOptions {
        support_address: Some("help@example.com".to_owned()),
        locale: locale.to_owned(),
        ..EmailTemplatesOptions::new("Example")
    })
    .unwrap()
}

fn render(templates: &EmailTemplates, content: EmailContent) -> RenderedEmail {
    let message = EmailMessage::new("ada@example.com", content);
    templates.render(&message).unwrap()
}

/// Every kind of message, to a user with this display name and this new address.
fn contents(display_name: &str, new_email_address: &str) -> [EmailContent; 6] {
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
            temporary_password: TEMPORARY_PASSWORD.into(),
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
            new_email_address: new_email_address.to_owned(),
            timestamp,
        },
    ]
}
