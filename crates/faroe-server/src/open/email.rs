//! Opens what sends emails.

use std::{fmt::Display, sync::Arc};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailMessage, EmailSender},
    error::{AdapterError, ErrorChain},
};
use faroe_email_smtp::{SmtpCredentials, SmtpEmailSender, SmtpOptions};
use faroe_email_templates::EmailTemplates;
use faroe_email_webhook::WebhookEmailSender;
use faroe_http_client::HttpOptions;
use faroe_http_signatures::{Signer, SigningKey};

use crate::{
    StartError,
    configuration::{Email, EmailSenderPlace, Secret},
};

/// Opens the templates of emails.
pub(crate) fn email_templates(email: &Email) -> Result<Arc<EmailTemplates>, StartError> {
    let templates = EmailTemplates::new(email.templates());
    templates
        .map(Arc::new)
        .map_err(|error| StartError::because("email", &error))
}

/// A sender of emails that can be checked.
#[derive(Debug)]
pub(crate) enum OpenEmailSender {
    Smtp(Box<SmtpEmailSender>),
    Webhook(WebhookEmailSender),
}

impl OpenEmailSender {
    /// Prepares a sender, without connecting to anything.
    pub(crate) fn open(place: &EmailSenderPlace, email: &Email) -> Result<Self, StartError> {
        let templates = email_templates(email)?;
        match place {
            EmailSenderPlace::Smtp(url) => {
                let password = email.password.as_ref();
                let password = password.map(|password| password.read("email.password"));
                let options = smtp(url.expose(), email, password.transpose()?);
                let options = options.map_err(|error| failed(place, &error))?;
                let sender = SmtpEmailSender::new(&options, templates);
                sender
                    .map(|sender| Self::Smtp(Box::new(sender)))
                    .map_err(|error| failed(place, &error))
            }
            EmailSenderPlace::Webhook(url) => {
                let signer = signer(email)?;
                let mut options = HttpOptions::default();
                options.timeout = email.timeout;
                options.root_certificates = email.root_certificates();
                let sender = WebhookEmailSender::new(url.expose(), signer, options, templates);
                sender
                    .map(Self::Webhook)
                    .map_err(|error| failed(place, &error))
            }
        }
    }

    /// Checks whether a message would be accepted: connects and signs in, or posts `{"type": "check"}`.
    pub(crate) async fn check(&self) -> Result<(), AdapterError> {
        match self {
            Self::Smtp(sender) => sender.check().await,
            Self::Webhook(sender) => sender.check().await,
        }
    }
}

#[async_trait]
impl EmailSender for OpenEmailSender {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        match self {
            Self::Smtp(sender) => sender.send(message).await,
            Self::Webhook(sender) => sender.send(message).await,
        }
    }
}

fn smtp(url: &str, email: &Email, password: Option<Secret>) -> Result<SmtpOptions, AdapterError> {
    let from = email.from.clone().ok_or_else(|| {
        AdapterError::message("send emails without a sender: set email.from (FAROE_EMAIL_FROM)")
    })?;
    let mut options = SmtpOptions::from_url(url, from)?;
    if let Some(password) = password {
        let username = options
            .credentials
            .as_ref()
            .map(|found| found.username.clone());
        options.credentials = Some(SmtpCredentials {
            username: username.ok_or_else(|| {
                AdapterError::message("sign in with email.password: name the user in the URL")
            })?,
            password: password.expose().to_owned(),
        });
    }
    Ok(SmtpOptions {
        reply_to: email.reply_to.clone(),
        timeout: email.timeout,
        connections: email.connections.get(),
        messages_per_connection: email.messages_per_connection.get(),
        root_certificates: email.root_certificates(),
        ..options
    })
}

fn signer(email: &Email) -> Result<Signer, StartError> {
    let key = email.signing_key.as_ref().ok_or_else(|| {
        StartError::new(
            "email.signing_key is missing; requests to a webhook are signed, such as with \
             { file = \"PATH\" } of the output of `openssl rand -base64 32`",
        )
    })?;
    let key = SigningKey::parse(
        &email.signing_key_id,
        key.read("email.signing_key")?.expose(),
    );
    key.map(Signer::new)
        .map_err(|error| StartError::because("email.signing_key", &error))
}

/// Names the sender that failed.
pub(crate) fn failed(place: impl Display, error: &AdapterError) -> StartError {
    StartError::new(format!("email_sender ({place}): {}", ErrorChain(error)))
}
