//! Sending one message over an open connection.

use std::time::Duration;

use faroe_core::{email::EmailFate, error::AdapterError};
use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Quit, Rcpt},
    },
};
use tokio::time::timeout;

use crate::failure::cause;

const SEND: &str = "send an email to the SMTP server";

/// Announces a message, up to the server's consent to receive it.
pub(crate) async fn announce(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
) -> Result<(), AdapterError> {
    let not_accepted = |error: Error| EmailFate::NotAccepted.error(SEND, cause(&error));
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    connection.command(from).await.map_err(not_accepted)?;
    for to in envelope.to() {
        let to = Rcpt::new(to.clone(), Vec::new());
        connection
            .command(to)
            .await
            .map_err(|error| refused(&error))?;
    }
    connection
        .command(Data)
        .await
        .map_err(|error| refused(&error))?;
    Ok(())
}

/// Transmits an announced message, and waits until the server has accepted it.
pub(crate) async fn transmit(
    connection: &mut AsyncSmtpConnection,
    message: &[u8],
) -> Result<(), AdapterError> {
    let sent = connection.message(message).await;
    sent.map(drop).map_err(|error| match error.status() {
        Some(_) => refused(&error),
        None => EmailFate::Unknown.error(SEND, cause(&error)),
    })
}

/// The error of a message whose recipient was told to the server, and that it has certainly not accepted. A permanent
/// refusal counts as one of the recipient, which many servers only refuse when they have the message.
fn refused(error: &Error) -> AdapterError {
    let fate = if error.is_permanent() {
        EmailFate::RecipientRefused
    } else {
        EmailFate::NotAccepted
    };
    fate.error(SEND, cause(error))
}

/// Tells the server that the connection ends, without waiting for its answer.
pub(crate) async fn end(mut connection: AsyncSmtpConnection) {
    // The command is written when it is first polled.
    let _ = timeout(Duration::ZERO, connection.command(Quit)).await;
}
