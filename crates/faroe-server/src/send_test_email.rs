//! `faroe-server send-test-email`: whether an email arrives.

use faroe_core::email::{EmailContent, EmailMessage, EmailSender};

use crate::{
    Configuration, StartError,
    open_email::{OpenEmailSender, failed},
};

/// Belongs to no signup.
const CODE: &str = "TESTTEST";

/// Sends a message with a made-up code to this address, as the server would send a code. Returns a line that says what
/// was done.
///
/// # Errors
///
/// There is no way to send, or the message was not handed over.
pub async fn send_test_email(
    configuration: &Configuration,
    address: &str,
) -> Result<String, StartError> {
    let place = configuration.email_sender.as_ref().ok_or_else(|| {
        StartError::new(
            "there is no way to send email: set email_sender (FAROE_EMAIL_SENDER), such as \
             \"smtps://user:password@mail.example.com\"",
        )
    })?;
    let sender = OpenEmailSender::open(place, &configuration.email)?;
    let message = EmailMessage::new(
        address,
        EmailContent::SignupEmailAddressVerificationCode { code: CODE.into() },
    );
    let sent = sender.send(message).await;
    sent.map_err(|error| failed(place, &error))?;
    Ok(format!(
        "handed over to {place}: a message to {address} with the made-up code {CODE}; see that it arrives, and not as spam"
    ))
}
