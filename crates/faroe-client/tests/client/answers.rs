//! Every kind of answer that there is besides a good one, and none.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use faroe_client::{Client, ClientError, ClientErrorKind, http::HttpOptions};
use faroe_core::{
    error::ErrorChain,
    protocol::{
        response::InvalidResponse,
        session::{GetSession, GetSessionErrorCode, GetSessionValues},
        signup::{CreateSignup, SetSignupPassword, VerifySignupEmailAddressVerificationCode},
    },
};

use tokio::net::TcpSocket;

use crate::support::{Faroe, Listening, PASSWORD};

const SESSION: &str = r#"{"id":"s","user_id":"u","created_at":1,"expires_at":null}"#;

type Answer = Result<GetSessionValues, ClientError<GetSessionErrorCode>>;

/// The result of `get_session` for this response.
async fn answer_to(response: impl IntoResponse) -> Answer {
    let response = response.into_response();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let respond = move || async move { Response::from_parts(parts, Body::from(body)) };
    let listening = Listening::start(Router::new().route("/", post(respond))).await;
    get_session(&listening.client).await
}

async fn get_session(client: &Client) -> Answer {
    let session_token = "token".into();
    client.invoke(GetSession { session_token }).await
}

fn values(values: &str) -> String {
    format!(r#"{{"ok":true,"action_invocation_id":"i","values":{values}}}"#)
}

fn code(code: &str) -> String {
    format!(r#"{{"ok":false,"action_invocation_id":"i","error_code":"{code}"}}"#)
}

#[tokio::test]
async fn what_a_newer_server_adds_is_ignored() {
    let session = SESSION.replace('{', r#"{"color":"green","#);
    let body = values(&format!(r#"{{"session":{session},"weather":[1]}}"#));
    let body = body.replace(r#"{"ok""#, r#"{"version":2,"ok""#);
    let session = answer_to(body).await.unwrap().session;
    assert_eq!((session.id.as_str(), session.user_id.as_str()), ("s", "u"));
}

#[tokio::test]
async fn a_code_is_the_actions_own_or_one_of_all_actions_or_unknown() {
    let error = answer_to(code("invalid_session_token")).await.unwrap_err();
    assert_eq!(error.code(), Some(GetSessionErrorCode::InvalidSessionToken));
    assert_eq!(
        error.to_string(),
        "invalid_session_token (action invocation i)"
    );

    let error = answer_to(code("internal_error")).await.unwrap_err();
    assert!(matches!(error.kind, ClientErrorKind::InternalError));
    let error = answer_to(code("internal_conflict")).await.unwrap_err();
    assert!(matches!(error.kind, ClientErrorKind::InternalConflict));
    // A code of another action means nothing here.
    for unknown in ["session_frozen_2", "user_not_found"] {
        let error = answer_to(code(unknown)).await.unwrap_err();
        assert_eq!(error.code(), None);
        assert!(
            matches!(&error.kind, ClientErrorKind::UnknownCode(code) if code == unknown),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_invalid_and_never_a_default() {
    for (body, expected) in [
        (String::new(), InvalidResponse::NotAnObject),
        ("<html>canary</html>".into(), InvalidResponse::NotAnObject),
        ("[1]".into(), InvalidResponse::NotAnObject),
        ("[".repeat(100_000), InvalidResponse::NotAnObject),
        (values("{}")[..40].into(), InvalidResponse::NotAnObject),
        ("{}".into(), InvalidResponse::Member("action_invocation_id")),
        (values("[]"), InvalidResponse::Member("values")),
        (values("{}"), InvalidResponse::Value("session")),
        (values(r#"{"session":null}"#), InvalidResponse::Values),
        (
            values(r#"{"session":{"id":"canary"}}"#),
            InvalidResponse::Values,
        ),
        (code("<canary>"), InvalidResponse::Member("error_code")),
        (code(""), InvalidResponse::Member("error_code")),
    ] {
        let error = answer_to(body).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::InvalidResponse(reason) if reason == expected),
            "{error:?}"
        );
        let text = format!("{error:?} {}", ErrorChain(&error));
        assert!(!text.contains("canary"), "{text}");
    }
    for wrong in [
        ("\"id\":\"s\"", "\"id\":1"),
        ("\"created_at\":1", "\"created_at\":\"1\""),
        ("\"created_at\":1", "\"created_at\":1.5"),
        ("\"expires_at\":null", "\"expires_at\":false"),
    ] {
        let session = SESSION.replace(wrong.0, wrong.1);
        let answer = answer_to(values(&format!(r#"{{"session":{session}}}"#))).await;
        let kind = answer.unwrap_err().kind;
        assert!(
            matches!(kind, ClientErrorKind::InvalidResponse(_)),
            "{session}"
        );
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let body = values(&format!(r#"{{"x":"{}"}}"#, "x".repeat(2 * 1024 * 1024)));
    let error = answer_to(body).await.unwrap_err();
    assert!(
        matches!(error.kind, ClientErrorKind::NoAnswer(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_status_says_whether_anything_was_invoked() {
    let good = values(&format!(r#"{{"session":{SESSION}}}"#));
    for status in [400, 401, 403, 404, 405, 413, 429] {
        let status = StatusCode::from_u16(status).unwrap();
        let error = answer_to((status, good.clone())).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::NotInvoked(_)),
            "{error:?}"
        );
    }
    for status in [201, 204, 301, 307, 408, 500, 502, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        let error = answer_to((status, good.clone())).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::NoAnswer(_)),
            "{error:?}"
        );
    }
    for (retry_after, expected) in [("7", Some(Duration::from_secs(7))), ("soon", None)] {
        let overloaded = (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, retry_after)],
        );
        let error = answer_to(overloaded).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::Overloaded { retry_after } if retry_after == expected),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_was_not_asked() {
    // Bound, so that no other process listens there, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let client = Client::http(&url, HttpOptions::default()).unwrap();
    let error = get_session(&client).await.unwrap_err();
    assert!(
        matches!(error.kind, ClientErrorKind::NotInvoked(_)),
        "{error:?}"
    );
    assert!(error.action_invocation_id.is_none());
}

#[tokio::test]
async fn a_server_that_hangs_gave_no_answer() {
    let mut options = HttpOptions::default();
    options.timeout = Duration::from_millis(100);
    let hang = || std::future::pending::<()>();
    let router = Router::new().route("/", post(hang));
    let listening = Listening::start_with(router, options).await;
    let error = get_session(&listening.client).await.unwrap_err();
    assert!(
        matches!(error.kind, ClientErrorKind::NoAnswer(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_invocation_id_that_would_spoil_a_log_is_left_out() {
    for id in ["a\\nb", "", &"x".repeat(101), "Zoë"] {
        let body = code("internal_error").replace("\"i\"", &format!("\"{id}\""));
        let error = answer_to(body).await.unwrap_err();
        assert!(matches!(error.kind, ClientErrorKind::InternalError));
        assert_eq!(error.action_invocation_id, None);
    }
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_try_again_and_invokes_nothing() {
    let faroe = Faroe::new();
    let listening = faroe.listen().await;
    for (index, client) in [faroe.server.clone().into(), listening.client.clone()]
        .iter()
        .enumerate()
    {
        let verified = async |name: &str| {
            let email_address = format!("{name}{index}@example.com");
            let create = CreateSignup {
                email_address: email_address.clone(),
            };
            let signup_token = client.invoke(create).await.unwrap().signup_token;
            let verify = VerifySignupEmailAddressVerificationCode {
                signup_token: signup_token.clone(),
                email_address_verification_code: faroe.mailbox.last_code(&email_address).unwrap(),
            };
            client.invoke(verify).await.unwrap();
            SetSignupPassword {
                signup_token,
                password: PASSWORD.into(),
            }
        };
        let (first, second) = (verified("ada").await, verified("grace").await);

        let gate = faroe.hasher.close_gate();
        let hashing = tokio::spawn({
            let client = client.clone();
            async move { client.invoke(first).await }
        });
        gate.wait_for(1).await;
        let error = client.invoke(second).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::Overloaded { retry_after: Some(time) } if time.as_secs() == 2),
            "{error:?}"
        );
        gate.let_through(1);
        hashing.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_client_is_told_the_id_under_which_the_server_has_logged_its_failure() {
    let faroe = Faroe::new();
    let listening = faroe.listen().await;
    faroe.mailbox.set_failing(true);
    let mut told = Vec::new();
    for client in [faroe.server.clone().into(), listening.client.clone()] {
        let create = CreateSignup {
            email_address: "ada@example.com".into(),
        };
        let error = client.invoke(create).await.unwrap_err();
        assert!(
            matches!(error.kind, ClientErrorKind::InternalError),
            "{error:?}"
        );
        told.push(error.action_invocation_id.unwrap());
    }
    let logged = faroe.log.errors().into_iter();
    assert_eq!(
        told,
        logged
            .map(|error| error.action_invocation_id)
            .collect::<Vec<_>>()
    );
}
