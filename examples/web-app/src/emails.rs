//! The texts of the emails, and a sender that prints them. Replace the sender with your own.

use std::io::Write;

use faroe_core::{
    email::{EmailContent, EmailMessage, EmailSender},
    error::AdapterError,
};

use crate::development::Mailbox;

/// An email that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    pub(crate) to: String,
    pub(crate) subject: &'static str,
    pub(crate) text: String,
    /// The code or temporary password.
    pub(crate) code: Option<String>,
}

impl Email {
    fn new(message: EmailMessage) -> Self {
        let (subject, code, text) = match message.content {
            EmailContent::SignupEmailAddressVerificationCode { code } => (
                "Welcome to Juniper",
                Some(code.expose().to_owned()),
                "Enter this code to continue your sign-up. It is valid for 20 minutes.\n\n\
                 If you did not sign up, you can ignore this email."
                    .to_owned(),
            ),
            EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode { code, .. } => (
                "Confirm your new address",
                Some(code.expose().to_owned()),
                "Enter this code to use this address for your Juniper account. It is valid for 20 minutes.".to_owned(),
            ),
            EmailContent::UserPasswordResetTemporaryPassword {
                temporary_password, ..
            } => (
                "Your temporary password",
                Some(temporary_password.expose().to_owned()),
                "Enter it on the page where you requested it, then choose a new password. It is valid for 20 minutes and only there.\n\n\
                 If you did not request it, you can ignore this email. Your password stays the same."
                    .to_owned(),
            ),
            EmailContent::UserSignedInNotification { .. } => (
                "New sign-in",
                None,
                "There was a new sign-in to your account. If this was not you, set a new password.".to_owned(),
            ),
            EmailContent::UserPasswordUpdatedNotification { .. } => (
                "Your password was changed",
                None,
                "The password of your account was changed. If this was not you, set a new password immediately.".to_owned(),
            ),
            EmailContent::UserEmailAddressUpdatedNotification {
                new_email_address, ..
            } => (
                "Your address was changed",
                None,
                format!("Your account has a new address: {new_email_address}. If you did not change it, write to help@juniper.example."),
            ),
            _ => (
                "Your account",
                None,
                "Something about your account has changed. If it was not you, write to help@juniper.example.".to_owned(),
            ),
        };
        Self {
            to: message.to,
            subject,
            text,
            code,
        }
    }
}

/// Prints every email and, in development, adds it to the mailbox.
#[derive(Debug)]
pub(crate) struct Terminal {
    mailbox: Option<Mailbox>,
}

impl Terminal {
    pub(crate) const fn new(mailbox: Option<Mailbox>) -> Self {
        Self { mailbox }
    }
}

#[async_trait::async_trait]
impl EmailSender for Terminal {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let email = Email::new(message);
        print(&email).map_err(|error| AdapterError::new("print an email", error))?;
        if let Some(mailbox) = &self.mailbox {
            mailbox.put(email);
        }
        Ok(())
    }
}

fn print(email: &Email) -> std::io::Result<()> {
    let Email {
        to, subject, text, ..
    } = email;
    let code = email
        .code
        .as_deref()
        .map_or(String::new(), |code| format!("\n    {code}\n"));
    writeln!(
        std::io::stdout().lock(),
        "\n--- email to {to}\n{subject}\n{code}\n{text}\n---"
    )
}
