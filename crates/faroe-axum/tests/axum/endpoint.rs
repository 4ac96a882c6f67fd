//! The action invocation endpoint as a route.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use faroe_axum::{
    Client,
    endpoint::{ActionInvocationEndpoint, InvocationGuard, Refusal},
};
use faroe_core::{client::SendError, error::AdapterError};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, Faroe, Script, Scripted, answer};

async fn mount(endpoint: ActionInvocationEndpoint) -> App {
    App::serve(Router::new().nest("/faroe", endpoint.into_router())).await
}

fn create_signup(email_address: &str) -> String {
    json!({ "action": "create_signup", "arguments": { "email_address": email_address } })
        .to_string()
}

async fn invoke(app: &App, body: impl Into<reqwest::Body>) -> (u16, String) {
    answer(app.post("/faroe").body(body)).await
}

#[tokio::test]
async fn an_invocation_is_answered_with_values_or_a_code() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for (index, client) in clients.into_iter().enumerate() {
        let app = mount(ActionInvocationEndpoint::new(client)).await;
        let request = app
            .post("/faroe")
            .body(create_signup(&format!("ada{index}@example.com")));
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(answer["ok"], true);
        assert_eq!(answer["action_invocation_id"].as_str().unwrap().len(), 24);

        let (status, text) = invoke(&app, create_signup("ada")).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (status, &answer["error_code"]),
            (200, &json!("invalid_email_address"))
        );
    }
}

#[tokio::test]
async fn what_is_no_request_is_a_400_and_embedded_and_remote_say_the_same() {
    let faroe = Faroe::new();
    let mut answers = Vec::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = mount(ActionInvocationEndpoint::new(client)).await;
        let mut of_one = Vec::new();
        for body in [
            &b""[..],
            b"[1]",
            b"\xff",
            b"{\"action\":\"create_signup\"}",
            b"{\"action\":\"fly\",\"arguments\":{}}",
            b"{\"action\":\"create_user\",\"arguments\":{}}",
            b"{\"action\":\"create_signup\",\"arguments\":{}}",
            b"{\"action\":\"create_signup\",\"arguments\":{\"email_address\":1}}",
            b"{\"action\":\"create_signup\",\"action\":\"create_signup\",\"arguments\":{}}",
        ] {
            let (status, text) = invoke(&app, body.to_vec()).await;
            assert_eq!(status, 400, "{text}");
            of_one.push(text);
        }
        answers.push(of_one);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_body_is_64_kib_at_most_and_other_methods_are_405() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = mount(ActionInvocationEndpoint::new(client)).await;
        assert_eq!(invoke(&app, vec![b' '; 65536]).await.0, 400);
        let (status, text) = invoke(&app, vec![b' '; 65537]).await;
        assert_eq!(
            (status, text.as_str()),
            (413, "the body is larger than 65536 bytes\n")
        );
        assert_eq!(answer(app.get("/faroe")).await.0, 405);
    }
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_a_408() {
    let endpoint = ActionInvocationEndpoint::new(Faroe::new().server);
    let app = mount(endpoint.with_body_timeout(Duration::from_millis(50))).await;
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    let head = "POST /faroe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_blocked_action_is_no_action() {
    let faroe = Faroe::new();
    let (signup, signin) = (
        create_signup("a@b.c"),
        json!({ "action": "create_signin", "arguments": { "user_email_address": "a@b.c" } })
            .to_string(),
    );
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let blocked = ActionInvocationEndpoint::with_blocklist(client.clone(), ["create_signup"]);
        let allowed = ActionInvocationEndpoint::with_allowlist(client.clone(), ["create_signin"]);
        for endpoint in [blocked.unwrap(), allowed.unwrap()] {
            let app = mount(endpoint).await;
            let expected = (400, "there is no such action at this endpoint\n".to_owned());
            assert_eq!(invoke(&app, signup.clone()).await, expected);
            assert_eq!(invoke(&app, signin.clone()).await.0, 200);
        }
        let error = ActionInvocationEndpoint::with_blocklist(client.clone(), ["create_singup"]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "unknown action `create_singup`"
        );
        assert!(ActionInvocationEndpoint::with_allowlist(client, ["create_user"]).is_err());
    }
}

/// Wants a header for sign-ups.
#[derive(Debug)]
struct Captcha;

#[async_trait]
impl InvocationGuard for Captcha {
    async fn check(&self, action: &str, parts: &Parts) -> Result<(), Refusal> {
        if action == "create_signup" && !parts.headers.contains_key("captcha") {
            let reason = (StatusCode::FORBIDDEN, "solve the captcha\n");
            return Err(reason.into_response().into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_guard_is_asked_before_anything_is_invoked() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let app = mount(ActionInvocationEndpoint::new(client).guarded_by(Captcha)).await;
        faroe.users.take_calls();
        let refused = invoke(&app, create_signup("ada@example.com")).await;
        assert_eq!(refused, (403, "solve the captcha\n".to_owned()));
        assert_eq!(faroe.users.take_calls(), []);
        let solved = app.post("/faroe").header("captcha", "7");
        assert_eq!(
            answer(solved.body(create_signup("ada@example.com")))
                .await
                .0,
            200
        );
        assert_eq!(invoke(&app, "[1]").await.0, 400);
    }
}

#[tokio::test]
async fn the_statuses_of_a_remote_server_say_whether_something_was_invoked() {
    let scripts: [(Script, u16); 5] = [
        (
            || {
                Err(SendError::Overloaded {
                    retry_after: Some(Duration::from_secs(2)),
                })
            },
            503,
        ),
        (
            || Err(SendError::NotInvoked(AdapterError::message("connect"))),
            503,
        ),
        (
            || Err(SendError::NoAnswer(AdapterError::message("read"))),
            502,
        ),
        (|| Ok(b"<html>".to_vec()), 502),
        (
            || {
                Ok(br#"{"ok":false,"action_invocation_id":"i","error_code":"from_the_future","x":1}"#.to_vec())
            },
            200,
        ),
    ];
    for (script, expected) in scripts {
        let client = Client::new(Arc::new(Scripted(script)));
        let app = mount(ActionInvocationEndpoint::new(client)).await;
        let (status, text) = invoke(&app, create_signup("ada@example.com")).await;
        assert_eq!(status, expected, "{text}");
        assert!(!text.contains("html"), "{text}");
    }
}
