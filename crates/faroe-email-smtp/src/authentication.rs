//! AUTH, as real servers speak it.

use base64::{Engine, prelude::BASE64_STANDARD};
use faroe_core::error::AdapterError;
use lettre::transport::smtp::{
    Error, authentication::Mechanism, client::AsyncSmtpConnection, response::Response,
};
use zeroize::Zeroizing;

use crate::{failure::failed, options::SmtpCredentials};

const SIGN_IN: &str = "sign in to the SMTP server";

/// Authenticates with PLAIN or LOGIN, whichever the server offers. If it offers both and refuses PLAIN, LOGIN is tried too:
/// some servers list a mechanism that is turned off.
pub(crate) async fn sign_in(
    connection: &mut AsyncSmtpConnection,
    credentials: &SmtpCredentials,
) -> Result<(), AdapterError> {
    let server = connection.server_info();
    let [plain, login] = [Mechanism::Plain, Mechanism::Login]
        .map(|mechanism| server.supports_auth_mechanism(mechanism));
    if !plain && !login {
        return Err(AdapterError::new(
            SIGN_IN,
            "the server offers neither PLAIN nor LOGIN; if it wants no credentials, remove them",
        ));
    }
    let SmtpCredentials { username, password } = credentials;
    let mut refused = None;
    if plain {
        let identity = encoded(&format!("\0{username}\0{password}"));
        let command = Zeroizing::new(format!("AUTH PLAIN {}", *identity));
        match exchange(connection, &command, &[&identity]).await {
            Ok(()) => return Ok(()),
            Err(error) if login && error.is_permanent() => refused = Some(error),
            Err(error) => return Err(failed(SIGN_IN, &error)),
        }
    }
    // The answers are given in the order that every server asks for: prompts differ, and may be empty or in clear.
    let (username, password) = (encoded(username), encoded(password));
    let signed_in = exchange(connection, "AUTH LOGIN", &[&username, &password]).await;
    signed_in.map_err(|error| {
        // Some servers disconnect after the first refusal, which is then what to tell.
        let refusal = refused.filter(|_| error.status().is_none());
        failed(SIGN_IN, &refusal.unwrap_or(error))
    })
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(text))
}

/// Sends a command and answers each prompt (334) with the next of `answers`.
async fn exchange(
    connection: &mut AsyncSmtpConnection,
    command: &str,
    answers: &[&str],
) -> Result<(), Error> {
    let line = |text: &str| Zeroizing::new(format!("{text}\r\n"));
    let is_prompt = |response: &Response| response.has_code(334);
    let mut response = connection.command(line(command).as_str()).await?;
    for answer in answers {
        if !is_prompt(&response) {
            break;
        }
        response = connection.command(line(answer).as_str()).await?;
    }
    if is_prompt(&response) {
        // RFC 4954, section 4: an asterisk cancels the exchange, and the server answers 501.
        connection.command("*\r\n").await?;
    }
    Ok(())
}
