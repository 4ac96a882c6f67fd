//! Tests of the requests that a backend receives over a real connection.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use faroe_core::{
    email::{EmailContent, EmailFate, EmailMessage, EmailSender},
    error::ErrorChain,
    time::UnixTime,
};
use faroe_email_templates::{EmailTemplates, EmailTemplatesOptions};
use faroe_email_webhook::WebhookEmailSender;
use faroe_http_client::HttpOptions;
use faroe_http_signatures::{Signer, SigningKey, Verifier, VerifierOptions, VerifyingKey};
use http::request::Parts;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const SECRET: &[u8] = b"a secret of exactly 32 bytes ...";

/// The state of a backend: it records every request and answers with `status`.
#[derive(Clone)]
struct Backend {
    requests: mpsc::UnboundedSender<(Parts, Bytes)>,
    status: StatusCode,
}

/// Starts a backend that answers with `status`, and returns its URL and the requests that it receives.
async fn backend(status: StatusCode) -> (String, mpsc::UnboundedReceiver<(Parts, Bytes)>) {
    let (requests, received) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/faroe/emails", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/faroe/emails", post(take))
        .with_state(Backend { requests, status });
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, received)
}

async fn take(State(backend): State<Backend>, parts: Parts, body: Bytes) -> StatusCode {
    backend.requests.send((parts, body)).unwrap();
    backend.status
}

fn sender(url: &str) -> WebhookEmailSender {
    let key = SigningKey::hmac_sha256("faroe", SECRET).unwrap();
    let templates = EmailTemplates::new(EmailTemplatesOptions::new("Example")).unwrap();
    let mut options = HttpOptions::default();
    options.timeout = Duration::from_millis(500);
    WebhookEmailSender::new(url, Signer::new(key), options, Arc::new(templates)).unwrap()
}

fn message(content: EmailContent) -> EmailMessage {
    EmailMessage::new("ada@example.com", content)
}

fn code() -> EmailMessage {
    message(EmailContent::SignupEmailAddressVerificationCode {
        code: "KLMN2345".into(),
    })
}

#[tokio::test]
async fn a_message_is_posted_with_its_fields_and_rendered() {
    let (url, mut received) = backend(StatusCode::OK).await;
    let sender = sender(&url);
    let timestamp = UnixTime::from_milliseconds(1_795_599_237_000);
    let messages = [
        (
            code(),
            json!({ "type": "signup_email_address_verification_code", "display_name": "", "code": "KLMN2345" }),
        ),
        (
            message(EmailContent::UserPasswordResetTemporaryPassword {
                display_name: "<Ada>".to_owned(),
                temporary_password: "ABCDEFGHJKLM".into(),
            }),
            json!({ "type": "user_password_reset_temporary_password", "display_name": "<Ada>", "code": "ABCDEFGHJKLM" }),
        ),
        (
            message(EmailContent::UserEmailAddressUpdatedNotification {
                display_name: "Ada".to_owned(),
                new_email_address: "new@example.com".to_owned(),
                timestamp,
            }),
            json!({
                "type": "user_email_address_updated_notification", "display_name": "Ada",
                "new_email_address": "new@example.com", "timestamp": 1_795_599_237,
            }),
        ),
    ];
    for (message, mut expected) in messages {
        sender.send(message).await.unwrap();
        let (parts, body) = received.recv().await.unwrap();
        assert_eq!(parts.headers["content-type"], "application/json");
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        let body = body.as_object_mut().unwrap();
        let rendered = ["subject", "text", "html"].map(|key| body.remove(key).unwrap());
        assert!(rendered[0].as_str().unwrap().contains("Example"));
        assert!(rendered[2].as_str().unwrap().starts_with("<!doctype html>"));
        assert!(!rendered[2].as_str().unwrap().contains("<Ada>"));
        expected["to"] = json!("ada@example.com");
        assert_eq!(Value::from(body.clone()), expected);
    }
}

#[tokio::test]
async fn every_request_is_signed() {
    let (url, mut received) = backend(StatusCode::OK).await;
    let sender = sender(&url);
    sender.send(code()).await.unwrap();
    sender.check().await.unwrap();
    let key = || VerifyingKey::hmac_sha256("faroe", SECRET).unwrap();
    let verifier = Verifier::new([key()], VerifierOptions::default()).unwrap();
    for _ in 0..2 {
        let (parts, body) = received.recv().await.unwrap();
        // A server receives the host in a header and only the path in the request line.
        let mut parts = parts;
        parts.uri = format!(
            "http://{}{}",
            parts.headers["host"].to_str().unwrap(),
            parts.uri
        )
        .parse()
        .unwrap();
        assert!(verifier.verify(&parts, b"another body").is_err());
        assert_eq!(verifier.verify(&parts, &body), Ok(()));
    }
}

#[tokio::test]
async fn any_status_but_200_is_an_error_that_quotes_nothing() {
    for (status, fate) in [
        (StatusCode::NO_CONTENT, EmailFate::Unknown),
        (StatusCode::FOUND, EmailFate::Unknown),
        (StatusCode::UNAUTHORIZED, EmailFate::NotAccepted),
        (StatusCode::TOO_MANY_REQUESTS, EmailFate::NotAccepted),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            EmailFate::RecipientRefused,
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, EmailFate::Unknown),
        (StatusCode::SERVICE_UNAVAILABLE, EmailFate::NotAccepted),
        (StatusCode::GATEWAY_TIMEOUT, EmailFate::Unknown),
    ] {
        let (url, mut received) = backend(status).await;
        let error = sender(&url).send(code()).await.unwrap_err();
        assert_eq!(EmailFate::of(&error), fate, "{status}");
        let text = ErrorChain(&error).to_string();
        assert!(text.contains("post an email to the webhook"), "{text}");
        assert!(
            !text.contains("KLMN2345") && !text.contains("ada@"),
            "{text}"
        );
        received.recv().await.unwrap();
        assert!(received.try_recv().is_err(), "it was posted once");
    }
}

#[tokio::test]
async fn a_backend_that_does_not_answer_times_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let start = Instant::now();
    let error = sender(&url).send(code()).await.unwrap_err();
    assert_eq!(EmailFate::of(&error), EmailFate::Unknown);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_backend_that_is_not_there_has_not_accepted_the_message() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let error = sender(&url).send(code()).await.unwrap_err();
    assert_eq!(EmailFate::of(&error), EmailFate::NotAccepted);
}

#[test]
fn an_unsafe_url_is_rejected() {
    for url in [
        "http://app.example.com/emails",
        "https://user:canary@app.example.com/emails",
        "https://app.example.com/emails?token=canary",
        "ftp://app.example.com",
        "canary",
    ] {
        let key = SigningKey::hmac_sha256("faroe", SECRET).unwrap();
        let templates = EmailTemplates::new(EmailTemplatesOptions::new("Example")).unwrap();
        let refused = WebhookEmailSender::new(
            url,
            Signer::new(key),
            HttpOptions::default(),
            Arc::new(templates),
        );
        let text = ErrorChain(&refused.unwrap_err()).to_string();
        assert!(!text.contains("canary"), "{text}");
    }
}
