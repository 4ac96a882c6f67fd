//! A sender that keeps what it is given.

use std::sync::Mutex;

use async_trait::async_trait;
use faroe_core::{
    email::{EmailContent, EmailFate, EmailMessage, EmailSender},
    error::AdapterError,
    protocol::secret::{EmailAddressVerificationCode, TemporaryPassword},
};

use crate::locked;

/// An [`EmailSender`] that delivers to a list, or fails when it is told to.
#[derive(Debug, Default)]
pub struct Mailbox {
    messages: Mutex<Vec<EmailMessage>>,
    fate: Mutex<Option<EmailFate>>,
}

impl Mailbox {
    /// All messages, in order.
    pub fn messages(&self) -> Vec<EmailMessage> {
        locked(&self.messages).clone()
    }

    /// The messages to this address, in order.
    pub fn messages_to(&self, email_address: &str) -> Vec<EmailMessage> {
        let mut messages = self.messages();
        messages.retain(|message| message.to == email_address);
        messages
    }

    /// The code in the last message to this address that has one.
    pub fn last_code(&self, email_address: &str) -> Option<EmailAddressVerificationCode> {
        let messages = self.messages_to(email_address).into_iter().rev();
        messages
            .filter_map(|message| match message.content {
                EmailContent::SignupEmailAddressVerificationCode { code }
                | EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
                    code, ..
                } => Some(code),
                _ => None,
            })
            .next()
    }

    /// The temporary password in the last message to this address that has one.
    pub fn last_temporary_password(&self, email_address: &str) -> Option<TemporaryPassword> {
        let messages = self.messages_to(email_address).into_iter().rev();
        messages
            .filter_map(|message| match message.content {
                EmailContent::UserPasswordResetTemporaryPassword {
                    temporary_password, ..
                } => Some(temporary_password),
                _ => None,
            })
            .next()
    }

    /// All codes and temporary passwords that were sent, to whomever, in order.
    pub fn secrets(&self) -> Vec<String> {
        let secrets = self
            .messages()
            .into_iter()
            .filter_map(|message| match message.content {
                EmailContent::SignupEmailAddressVerificationCode { code }
                | EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
                    code, ..
                } => Some(code.expose().to_owned()),
                EmailContent::UserPasswordResetTemporaryPassword {
                    temporary_password, ..
                } => Some(temporary_password.expose().to_owned()),
                _ => None,
            });
        secrets.collect()
    }

    /// Takes all messages out, in order.
    pub fn take_messages(&self) -> Vec<EmailMessage> {
        std::mem::take(&mut *locked(&self.messages))
    }

    /// Replaces all messages.
    pub fn set_messages(&self, messages: Vec<EmailMessage>) {
        *locked(&self.messages) = messages;
    }

    /// From now on every message fails with an unknown fate and is not kept, or, with `false`, is delivered again.
    pub fn set_failing(&self, failing: bool) {
        self.set_fate(failing.then_some(EmailFate::Unknown));
    }

    /// From now on every message fails with this fate and is not kept, or, with `None`, is delivered again.
    pub fn set_fate(&self, fate: Option<EmailFate>) {
        *locked(&self.fate) = fate;
    }
}

#[async_trait]
impl EmailSender for Mailbox {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        if let Some(fate) = *locked(&self.fate) {
            return Err(fate.error("deliver to a mailbox", "it was told to fail"));
        }
        locked(&self.messages).push(message);
        Ok(())
    }
}
