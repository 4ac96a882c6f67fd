//! What the forms send, tidied up.

use faroe_core::protocol::secret::{EmailAddressVerificationCode, Password, TemporaryPassword};
use serde::Deserialize;

use crate::{message::Message, next::Next};

/// How many characters a code has.
const CODE_LENGTH: usize = 8;

/// How many characters a temporary password has.
const TEMPORARY_PASSWORD_LENGTH: usize = 12;

/// A form that asks for an address.
#[derive(Debug, Deserialize)]
pub(crate) struct EmailAddressForm {
    email_address: String,
}

impl EmailAddressForm {
    /// The address, without spaces around it.
    pub(crate) fn email_address(&self) -> Result<&str, Next> {
        email_address(&self.email_address)
    }
}

/// A form that asks for an address and a password.
#[derive(Debug, Deserialize)]
pub(crate) struct SignInForm {
    email_address: String,
    password: Password,
}

impl SignInForm {
    /// The address, without spaces around it.
    pub(crate) fn email_address(&self) -> Result<&str, Next> {
        email_address(&self.email_address)
    }

    /// The password, if there is one.
    pub(crate) fn password(self) -> Result<Password, Next> {
        password(self.password)
    }
}

/// A form that asks for a password.
#[derive(Debug, Deserialize)]
pub(crate) struct PasswordForm {
    password: Password,
}

impl PasswordForm {
    /// The user's password as it is: an empty field costs no attempt.
    pub(crate) fn current_password(self) -> Result<Password, Next> {
        password(self.password)
    }

    /// The user's password as it will be.
    pub(crate) fn new_password(self) -> Password {
        self.password
    }
}

/// A form that asks for a code.
#[derive(Debug, Deserialize)]
pub(crate) struct CodeForm {
    code: EmailAddressVerificationCode,
}

impl CodeForm {
    /// The code: one that is too short or too long costs no attempt.
    pub(crate) fn code(&self) -> Result<EmailAddressVerificationCode, Next> {
        let code = copied(self.code.expose(), CODE_LENGTH);
        Ok(code.ok_or(Next::stay(Message::CodeIncomplete))?.into())
    }
}

/// A form that asks for a temporary password.
#[derive(Debug, Deserialize)]
pub(crate) struct TemporaryPasswordForm {
    temporary_password: TemporaryPassword,
}

impl TemporaryPasswordForm {
    /// The temporary password: one that is too short or too long costs no attempt.
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

/// What was copied from an email, by hand perhaps: in lower case, in groups, with a space at the end.
fn copied(typed: &str, length: usize) -> Option<String> {
    let is_typed = |character: &char| !character.is_whitespace() && *character != '-';
    let copied: String = typed.chars().filter(is_typed).collect();
    (copied.chars().count() == length).then(|| copied.to_ascii_uppercase())
}
