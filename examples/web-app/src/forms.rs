//! The submitted forms, with normalized input.

use faroe_core::protocol::secret::{EmailAddressVerificationCode, Password, TemporaryPassword};
use serde::Deserialize;

use crate::{message::Message, next::Next};

/// The number of characters of a code.
const CODE_LENGTH: usize = 8;

/// The number of characters of a temporary password.
const TEMPORARY_PASSWORD_LENGTH: usize = 12;

/// A form with an address.
#[derive(Debug, Deserialize)]
pub(crate) struct EmailAddressForm {
    email_address: String,
}

impl EmailAddressForm {
    /// Returns the address without surrounding spaces.
    pub(crate) fn email_address(&self) -> Result<&str, Next> {
        email_address(&self.email_address)
    }
}

/// A form with an address and a password.
#[derive(Debug, Deserialize)]
pub(crate) struct SignInForm {
    email_address: String,
    password: Password,
}

impl SignInForm {
    /// Returns the address without surrounding spaces.
    pub(crate) fn email_address(&self) -> Result<&str, Next> {
        email_address(&self.email_address)
    }

    /// Returns the password, unless it is empty.
    pub(crate) fn password(self) -> Result<Password, Next> {
        password(self.password)
    }
}

/// A form with a password.
#[derive(Debug, Deserialize)]
pub(crate) struct PasswordForm {
    password: Password,
}

impl PasswordForm {
    /// Returns the user's current password. An empty field does not count as an attempt.
    pub(crate) fn current_password(self) -> Result<Password, Next> {
        password(self.password)
    }

    /// Returns the user's new password.
    pub(crate) fn new_password(self) -> Password {
        self.password
    }
}

/// A form with a code.
#[derive(Debug, Deserialize)]
pub(crate) struct CodeForm {
    code: EmailAddressVerificationCode,
}

impl CodeForm {
    /// Returns the code. A code of the wrong length does not count as an attempt.
    pub(crate) fn code(&self) -> Result<EmailAddressVerificationCode, Next> {
        let code = copied(self.code.expose(), CODE_LENGTH);
        Ok(code.ok_or(Next::stay(Message::CodeIncomplete))?.into())
    }
}

/// A form with a temporary password.
#[derive(Debug, Deserialize)]
pub(crate) struct TemporaryPasswordForm {
    temporary_password: TemporaryPassword,
}

impl TemporaryPasswordForm {
    /// Returns the temporary password. One of the wrong length does not count as an attempt.
    pub(crate) fn temporary_password(&self) -> Result<TemporaryPassword, Next> {
        let password = copied(self.temporary_password.expose(), TEMPORARY_PASSWORD_LENGTH);
        Ok(password
            .ok_or(Next::stay(Message::TemporaryPasswordIncomplete))?
            .into())
    }
}

fn email_address(typed: &str) -> Result<&str, Next> {
    match typed.trim() {
        "" => Err(Next::stay(Message::EmailAddressMissing)),
        email_address => Ok(email_address),
    }
}

fn password(typed: Password) -> Result<Password, Next> {
    match typed.expose() {
        "" => Err(Next::stay(Message::PasswordMissing)),
        _ => Ok(typed),
    }
}

/// Normalizes input copied from an email, which can be in lower case, in groups, or followed by a space.
fn copied(typed: &str, length: usize) -> Option<String> {
    let is_typed = |character: &char| !character.is_whitespace() && *character != '-';
    let copied: String = typed.chars().filter(is_typed).collect();
    (copied.chars().count() == length).then(|| copied.to_ascii_uppercase())
}
