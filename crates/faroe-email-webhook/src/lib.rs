#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use faroe_core::{
    client::ActionInvocationEndpointClient,
    email::{EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_email_templates::{EmailFields, EmailRenderer};
use faroe_http_client::{HttpClient, HttpOptions, RequestProtection};
use faroe_http_signatures::Signer;
use http::{HeaderMap, request::Parts};
use serde::Serialize;

/// Hands emails over to the application's backend, which sends them.
///
/// # Guarantees
///
/// - A message is one POST of JSON, sent at most once. Only the status 200 means that it was handed over.
/// - Every request is signed: RFC 9421 over method, host, path and body, with a time and a nonce.
/// - A call ends within [`HttpOptions::timeout`]. Nothing is sent without TLS, except to this machine.
///
/// # Concurrency
///
/// Any number of calls run at once, within a tokio runtime that has I/O and time.
#[derive(Debug)]
pub struct WebhookEmailSender {
    client: HttpClient,
    renderer: Arc<dyn EmailRenderer>,
}

impl WebhookEmailSender {
    /// A sender to the backend at this URL. `options.protection` is not used: requests are signed. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the URL is neither `https://…` nor `http://…` on this machine, holds credentials or a query, or when the
    /// certificates to trust cannot be read.
    pub fn new(
        url: &str,
        signer: Signer,
        options: HttpOptions,
        renderer: Arc<dyn EmailRenderer>,
    ) -> Result<Self, AdapterError> {
        if url.contains('?') {
            return Err(AdapterError::message(
                "use the URL of the webhook: it may have no query, which a signature does not cover",
            ));
        }
        let options = HttpOptions {
            protection: Arc::new(Signed(signer)),
            ..options
        };
        let client = HttpClient::new(url, options)?;
        Ok(Self { client, renderer })
    }

    /// Posts `{"type": "check"}`, for a check of the configuration.
    ///
    /// # Errors
    ///
    /// What a message would fail with.
    pub async fn check(&self) -> Result<(), AdapterError> {
        self.post("{\"type\":\"check\"}".to_owned()).await
    }

    async fn post(&self, body: String) -> Result<(), AdapterError> {
        let answer = self.client.send(body).await;
        // What the backend answers does not matter, but that it does.
        answer
            .map(drop)
            .map_err(|error| AdapterError::new("hand an email over to the webhook", error))
    }
}

/// What is posted.
#[derive(Serialize)]
struct Email<'a> {
    #[serde(flatten)]
    fields: EmailFields<'a>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
}

#[async_trait]
impl EmailSender for WebhookEmailSender {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let rendered = self.renderer.render(&message)?;
        let email = Email {
            fields: EmailFields::from(&message),
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
        };
        let body = serde_json::to_string(&email).expect("texts and numbers can be written as JSON");
        self.post(body).await
    }
}

#[derive(Debug)]
struct Signed(Signer);

impl RequestProtection for Signed {
    fn headers(&self, request: &Parts, body: &[u8]) -> Result<HeaderMap, AdapterError> {
        let signed = self.0.sign(request, body);
        signed.map_err(|error| AdapterError::new("sign a request to the webhook", error))
    }
}
