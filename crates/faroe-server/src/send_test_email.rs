//! `faroe-server send-test-email`: sends a message, to see that it arrives.

use faroe_core::email::{EmailContent, EmailMessage, EmailSender};

use crate::{
    Configuration, StartError,
    open::email::{OpenEmailSender, failed},
};

/// The code of no signup.
const CODE: &str = "TESTTEST";

/// Sends a message with a made-up code to this address, as the server would send a code. Returns a line that says what
/// happened.
///
/// # Errors
///
/// Nothing is configured to send emails, or the message was not handed over.
pub async fn send_test_email(
    configuration: &Configuration,
    address: &str,
) -> Result<String, StartError> {
    let settings = &configuration.settings;
    let place = settings.email_sender.as_ref().ok_or_else(|| {
        StartError::new(
            "no email sender is configured; set email_sender (FAROE_EMAIL_SENDER), such as \
             \"smtps://user:password@mail.example.com\"",
        )
    })?;
    let sender = OpenEmailSender::open(place, &settings.email)?;
    let message = EmailMessage::new(
        address,
        EmailContent::SignupEmailAddressVerificationCode { code: CODE.into() },
    );
    let sent = sender.send(message).await;
    sent.map_err(|error| failed(place, &error))?;
    Ok(format!(
        "handed over to {place}: a message to {address} with the made-up code {CODE}; check that it arrives, and not as spam"
    ))
}
