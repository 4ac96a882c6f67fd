//! Limits per client address, with a fake clock.

mod costs;

use std::{net::SocketAddr, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::connect_info::MockConnectInfo,
    http::request::Parts,
    routing::{get, post},
};
use faroe_axum::{
    endpoint::{ActionInvocationEndpoint, InvocationGuard, Refusal},
    ip_rate_limit::{FakeRelativeClock, IpRateLimit, IpRateLimitOptions},
};
use faroe_core::{
    RateLimit,
    protocol::{
        action::{Action, ErrorCode},
        for_each_server_action,
    },
};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, Faroe, answer};

macro_rules! actions {
    ($($action:ty,)*) => {
        /// The name of every action, and the error codes that it has.
        fn actions() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$((<$action as Action>::NAME, codes::<$action>()),)*]
        }
    };
}

for_each_server_action!(actions);

fn codes<A: Action>() -> Vec<&'static str> {
    A::ErrorCode::ALL.iter().map(|code| code.as_str()).collect()
}

/// So many attempts and twice as many requests, and one more every ten seconds.
fn limit(
    capacity: u32,
    trusted_proxies: usize,
) -> (IpRateLimit<FakeRelativeClock>, FakeRelativeClock) {
    let budget = |capacity| RateLimit {
        capacity,
        interval: Duration::from_secs(10),
    };
    let mut options = IpRateLimitOptions::default();
    options.attempts = budget(capacity);
    options.requests = budget(2 * capacity);
    options.trusted_proxies = trusted_proxies;
    let clock = FakeRelativeClock::default();
    let limit = IpRateLimit::with_clock(options, clock.clone());
    (limit.unwrap(), clock)
}

fn request(action: &str, arguments: &Value) -> String {
    json!({ "action": action, "arguments": arguments }).to_string()
}

fn create_signin() -> String {
    request("create_signin", &json!({ "user_email_address": "a@b.c" }))
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

/// The status, and how long to wait.
async fn status(request: RequestBuilder) -> (u16, Option<u64>) {
    let response = send(request).await;
    let retry_after = response.headers().get("retry-after");
    let seconds = retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap());
    (response.status().as_u16(), seconds)
}

#[tokio::test]
async fn an_attempt_beyond_the_budget_is_told_as_the_action_tells_it_and_invokes_nothing() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let (limit, clock) = limit(2, 0);
        let endpoint = ActionInvocationEndpoint::new(client).guarded_by(limit);
        let app = App::serve_with_peers(endpoint.into_router()).await;
        let invoke = |body: String| app.post("/").body(body);
        for _ in 0..2 {
            let (status, text) = answer(invoke(create_signin())).await;
            assert!(status == 200 && text.contains("user_not_found"), "{text}");
        }
        faroe.users.take_calls();
        for (action, codes) in actions() {
            let response = send(invoke(request(action, &json!({})))).await;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").cloned();
            let text = response.text().await.unwrap();
            if codes.contains(&"rate_limited") {
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(status, 200, "{action}");
                assert_eq!(answer["ok"], false, "{action}");
                assert_eq!(answer["error_code"], "rate_limited", "{action}");
                assert_eq!(answer["action_invocation_id"].as_str().unwrap().len(), 24);
                assert_eq!(retry_after, None, "{action}");
            } else if codes.contains(&"weak_password") || codes.contains(&"user_not_found") {
                assert_eq!((status, text.as_str()), (429, "too many requests\n"));
                assert_eq!(retry_after.unwrap(), "10", "{action}");
            } else {
                // It is let through, and lacks its arguments.
                assert_eq!(status, 400, "{action}");
            }
        }
        assert_eq!(answer(invoke(request("fly", &json!({})))).await.0, 400);
        assert_eq!(faroe.users.take_calls(), []);
        clock.advance(Duration::from_millis(8_500));
        assert_eq!(status(invoke(create_signin())).await, (429, Some(2)));
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(status(invoke(create_signin())).await, (200, None));
        assert_eq!(status(invoke(create_signin())).await, (429, Some(10)));
    }
}

#[tokio::test]
async fn the_connection_of_a_refused_attempt_can_be_used_again() {
    let (limit, _clock) = limit(1, 0);
    let endpoint = ActionInvocationEndpoint::new(Faroe::new().server).guarded_by(limit);
    let app = App::serve_with_peers(endpoint.into_router()).await;
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    let body = create_signin();
    for connection in ["keep-alive", "keep-alive", "close"] {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 1, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 429 ").count(), 2, "{answers}");
}

/// A guard that refuses everything.
#[derive(Debug)]
struct Never;

#[async_trait]
impl InvocationGuard for Never {
    async fn check(&self, _action: &str, _parts: &Parts) -> Result<(), Refusal> {
        Err(Refusal::RateLimited {
            retry_after: Duration::from_millis(1_001),
        })
    }
}

#[tokio::test]
async fn any_guard_can_say_that_it_was_too_much() {
    let faroe = Faroe::new();
    let (clients, _remote) = faroe.clients().await;
    for client in clients {
        let endpoint = ActionInvocationEndpoint::new(client).guarded_by(Never);
        let app = App::serve(endpoint.into_router()).await;
        for (action, expected) in [
            ("create_signup", (200, None)),
            ("get_session", (429, Some(2))),
            ("fly", (429, Some(2))),
        ] {
            let body = request(action, &json!({}));
            assert_eq!(status(app.post("/").body(body)).await, expected, "{action}");
        }
    }
}

#[tokio::test]
async fn a_layer_counts_attempts_at_forms_and_requests_of_any_kind() {
    let (limit, clock) = limit(2, 1);
    let form = get(|| async { "the form" }).post(|| async { "done" });
    let router = Router::new()
        .route("/sign-in", form.layer(limit.attempts_layer()))
        .layer(limit.requests_layer());
    let app = App::serve_with_peers(router).await;
    let client = |request: RequestBuilder| request.header("x-forwarded-for", "192.0.2.1");
    assert_eq!(status(client(app.get("/sign-in"))).await.0, 200);
    assert_eq!(status(client(app.post("/sign-in"))).await.0, 200);
    // An attempt that was let through counts as both, and so does one that was not.
    assert_eq!(status(client(app.post("/sign-in"))).await.0, 200);
    assert_eq!(status(client(app.post("/sign-in"))).await, (429, Some(10)));
    for _ in 0..2 {
        assert_eq!(status(client(app.get("/sign-in"))).await, (429, Some(10)));
    }
    assert_eq!(status(client(app.get("/nothing"))).await.0, 429);
    let other = |request: RequestBuilder| request.header("x-forwarded-for", "192.0.2.1, 192.0.2.2");
    assert_eq!(status(other(app.post("/sign-in"))).await.0, 200);
    clock.advance(Duration::from_secs(10));
    assert_eq!(status(client(app.post("/sign-in"))).await.0, 200);
}

#[tokio::test]
async fn a_body_is_not_waited_for_when_the_request_is_refused() {
    let (limit, _clock) = limit(1, 0);
    let router = Router::new().route("/", post(|body: String| async { body }));
    let app = App::serve_with_peers(router.layer(limit.requests_layer())).await;
    for _ in 0..2 {
        assert_eq!(status(app.post("/").body("x")).await.0, 200);
    }
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_request_without_a_peer_address_is_refused_with_the_reason() {
    let (limit, _clock) = limit(1, 0);
    let app = || {
        let endpoint = ActionInvocationEndpoint::new(Faroe::new().server);
        Router::new()
            .nest("/faroe", endpoint.guarded_by(limit.clone()).into_router())
            .route("/", get(|| async {}).layer(limit.requests_layer()))
    };
    let without = App::serve(app()).await;
    for request in [
        without.get("/"),
        without.post("/faroe").body(create_signin()),
    ] {
        let (status, text) = answer(request).await;
        assert_eq!(status, 500);
        assert!(
            text.contains("into_make_service_with_connect_info"),
            "{text}"
        );
    }
    let peer: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let in_a_test = App::serve(app().layer(MockConnectInfo(peer))).await;
    assert_eq!(answer(in_a_test.get("/")).await.0, 200);
    let attempt = in_a_test.post("/faroe").body(create_signin());
    assert_eq!(answer(attempt).await.0, 200);
}
