//! What sends the emails, as the configuration says.

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

/// What puts emails into words.
pub(crate) fn email_templates(email: &Email) -> Result<Arc<EmailTemplates>, StartError> {
    let templates = EmailTemplates::new(email.templates.clone());
    templates
        .map(Arc::new)
        .map_err(|error| StartError::because("email", &error))
}

/// A sender that can be checked.
#[derive(Debug)]
pub(crate) enum OpenEmailSender {
    Smtp(Box<SmtpEmailSender>),
    Webhook(WebhookEmailSender),
}

impl OpenEmailSender {
    /// Nothing is connected yet.
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
                options.root_certificates = email.root_certificates.clone();
                let sender = WebhookEmailSender::new(url.expose(), signer, options, templates);
                sender
                    .map(Self::Webhook)
                    .map_err(|error| failed(place, &error))
            }
        }
    }

    /// Whether a message would be taken: connects and signs in, or posts `{"type": "check"}`.
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
        AdapterError::message("send emails in nobody's name: set email.from (FAROE_EMAIL_FROM)")
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
        connections: email.connections,
        root_certificates: email.root_certificates.clone(),
        ..options
    })
}

fn signer(email: &Email) -> Result<Signer, StartError> {
    let (id, key) = email.signing_key.as_ref().ok_or_else(|| {
        StartError::new(
            "email.signing_key is missing: requests to a webhook are signed, such as with \
             { file = \"PATH\" } of what `openssl rand -base64 32` prints",
        )
    })?;
    let key = SigningKey::parse(id, key.read("email.signing_key")?.expose());
    key.map(Signer::new)
        .map_err(|error| StartError::because("email.signing_key", &error))
}

/// One line that says what to do.
pub(crate) fn failed(place: impl Display, error: &AdapterError) -> StartError {
    StartError::new(format!("email_sender ({place}): {}", ErrorChain(error)))
}
