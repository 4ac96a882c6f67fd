#![doc = include_str!("../README.md")]

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use faroe_core::{
    client::{ActionInvocationEndpointClient, SendError},
    email::{EmailFate, EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_email_templates::{EmailFields, EmailRenderer};
use faroe_http_client::{HttpClient, HttpOptions, RequestProtection, UnexpectedStatus};
use faroe_http_signatures::Signer;
use http::{HeaderMap, StatusCode, request::Parts};
use serde::Serialize;

/// Posts emails to the application's backend, which sends them.
///
/// # Guarantees
///
/// - Each message is one POST request with a JSON body, sent at most once. It counts as accepted only if the answer is 200.
/// - An error has an [`EmailFate`]: the message was not accepted if the backend was not reached or answered 503 or 4xx, and
///   the recipient was refused for good if it answered 422. After any other answer, or none, the outcome is unknown.
/// - Every request carries a signature (RFC 9421) over the method, host, path and body, with a timestamp and a nonce.
/// - A call returns within [`HttpOptions::timeout`]. Without TLS, requests are only sent to this machine.
///
/// # Concurrency
///
/// Can be used from any number of tasks at once. Requires a Tokio runtime with I/O and time enabled.
#[derive(Debug)]
pub struct WebhookEmailSender {
    client: HttpClient,
    renderer: Arc<dyn EmailRenderer>,
}

impl WebhookEmailSender {
    /// Creates a sender for the backend at `url` without connecting to it. `options.protection` is ignored, because every
    /// request is signed by `signer`.
    ///
    /// # Errors
    ///
    /// Fails if the URL is neither `https://…` nor `http://…` on this machine, if it contains credentials or a query, or if
    /// the root certificates cannot be read.
    pub fn new(
        url: &str,
        signer: Signer,
        mut options: HttpOptions,
        renderer: Arc<dyn EmailRenderer>,
    ) -> Result<Self, AdapterError> {
        if url.contains('?') {
            return Err(AdapterError::message(
                "use the webhook URL: it has a query, which signatures do not cover; remove the query",
            ));
        }
        options.protection = Arc::new(Signed(signer));
        let client = HttpClient::new(url, options)?;
        Ok(Self { client, renderer })
    }

    /// Posts `{"type": "check"}` to check the configuration.
    ///
    /// # Errors
    ///
    /// Returns the errors that sending a message would return.
    pub async fn check(&self) -> Result<(), AdapterError> {
        self.post("{\"type\":\"check\"}".to_owned()).await
    }

    async fn post(&self, body: String) -> Result<(), AdapterError> {
        let answer = self.client.send(body).await;
        // The client only returns answers with status 200; the body is ignored.
        answer
            .map(drop)
            .map_err(|error| fate(&error).error("post an email to the webhook", error))
    }
}

fn fate(error: &SendError) -> EmailFate {
    match error {
        SendError::NotInvoked(error) if is_unprocessable(error) => EmailFate::RecipientRefused,
        SendError::NotInvoked(_) | SendError::Overloaded { .. } => EmailFate::NotAccepted,
        SendError::NoAnswer(_) => EmailFate::Unknown,
    }
}

fn is_unprocessable(error: &AdapterError) -> bool {
    let status = error.source().and_then(|source| source.downcast_ref());
    status == Some(&UnexpectedStatus(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The JSON body of a request.
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
        let rendered = self.renderer.render(&message);
        let rendered =
            rendered.map_err(|error| EmailFate::NotAccepted.error("render an email", error))?;
        let email = Email {
            fields: EmailFields::from(&message),
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
        };
        let body = serde_json::to_string(&email).expect("strings and numbers serialize to JSON");
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
