//! Invalid requests: each is refused with a 400, invokes nothing, and is not echoed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use faroe_axum::endpoint::ActionInvocationEndpoint;
use faroe_core::protocol::{schema::server_actions, types::FieldType};
use faroe_tests::server::{Mount, TestServer};
use serde_json::{Map, Value, json};

/// A text that no answer may contain.
const CANARY: &str = "canary";

const MAX_BODY_SIZE: usize = 64 * 1024;

/// Asserts that a body is refused, with a short reason that does not repeat it, and that the server does nothing.
async fn assert_refused(server: &TestServer, body: impl Into<Vec<u8>>) {
    assert_refused_with(server, 400, body).await;
}

async fn assert_refused_with(server: &TestServer, status: u16, body: impl Into<Vec<u8>>) {
    let body = body.into();
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    server.storage.take_calls();
    server.users.take_calls();
    let answer = server.wire.post(body, None).await;
    assert_eq!(answer.status, status, "{shown}");
    assert!(
        !answer.body.is_empty() && answer.body.len() < 200,
        "{}",
        answer.body
    );
    assert!(!answer.body.contains(CANARY), "{}", answer.body);
    assert!(answer.content_type.unwrap().starts_with("text/plain"));
    assert!(
        server.storage.take_calls().is_empty() && server.users.take_calls().is_empty(),
        "{shown}"
    );
    assert!(server.mailbox.messages().is_empty());
}

/// Returns a text inside nested arrays, of this depth in all.
fn nested(levels: usize, inner: &str) -> String {
    format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels))
}

#[tokio::test]
async fn what_is_not_an_object_with_an_action_and_arguments() {
    let server = TestServer::start().await;
    for body in [
        "",
        " ",
        "[1]",
        "1",
        "null",
        "\"canary\"",
        "canary",
        "{}",
        "{",
        "{\"canary\":",
        r#"{"action": "create_signup"}"#,
        r#"{"arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": 1, "arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": null, "arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": ["create_signup"], "arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": "create_signup", "arguments": null}"#,
        r#"{"action": "create_signup", "arguments": ["canary@example.com"]}"#,
        r#"{"action": "create_signup", "arguments": "canary@example.com"}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "canary@example.com"}} x"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "canary@example.com"}}{}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "canary@example.com",}}"#,
        r#"{'action': 'create_signup', 'arguments': {'email_address': 'canary@example.com'}}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "\ud800canary@example.com"}}"#,
        "\u{feff}{\"action\": \"create_signup\", \"arguments\": {\"email_address\": \"canary@example.com\"}}",
    ] {
        assert_refused(&server, body).await;
    }
    let mut not_utf8 =
        br#"{"action": "create_signup", "arguments": {"email_address": "canary"#.to_vec();
    not_utf8.extend(b"\xff@example.com\"}}");
    assert_refused(&server, not_utf8).await;
}

#[tokio::test]
async fn what_is_nested_too_deeply() {
    let server = TestServer::start().await;
    let with = |value: &str| {
        format!(
            r#"{{"action": "get_session", "arguments": {{"session_token": "", "x": {value}}}}}"#
        )
    };
    // The body is the first level and `arguments` the second.
    let answer = server.wire.post(with(&nested(14, "1")), None).await;
    assert_eq!(
        server.wire.parse("get_session", &answer).code(),
        "invalid_session_token"
    );
    assert_refused(&server, with(&nested(15, "1"))).await;
    assert_refused(&server, with(&nested(15, ""))).await;
    assert_refused(&server, with(&nested(30_000, ""))).await;
    assert_refused(&server, "[".repeat(60_000)).await;
    assert_refused(&server, "{\"a\":".repeat(10_000)).await;
    for brackets in ["[".repeat(100_000), nested(50_000, "")] {
        assert_refused_with(&server, 413, brackets).await;
    }
}

#[tokio::test]
async fn a_member_that_is_given_twice() {
    let server = TestServer::start().await;
    for body in [
        r#"{"action": "create_signup", "action": "create_signup", "arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": "create_signup", "arguments": {}, "arguments": {"email_address": "canary@example.com"}}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "a@b.c", "email_address": "canary@example.com"}}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "a@b.c", "email\u005faddress": "canary@example.com"}}"#,
        r#"{"action": "create_signup", "arguments": {"email_address": "canary@example.com", "x": {"y": [{"z": 1, "z": 1}]}}}"#,
        r#"{"canary": 1, "canary": 1, "action": "create_signup", "arguments": {"email_address": "canary@example.com"}}"#,
    ] {
        assert_refused(&server, body).await;
    }
}

#[tokio::test]
async fn a_missing_or_mistyped_argument_of_any_action() {
    let server = TestServer::start().await;
    for action in server_actions() {
        assert!(
            action
                .arguments
                .iter()
                .all(|&(_, field_type)| field_type == FieldType::String)
        );
        let arguments: Map<String, Value> = action
            .arguments
            .iter()
            .map(|&(name, _)| (name.to_owned(), CANARY.into()))
            .collect();
        let body = |arguments: &Map<String, Value>| {
            json!({ "action": action.name, "arguments": arguments }).to_string()
        };
        for &(name, _) in action.arguments {
            let mut missing = arguments.clone();
            missing.remove(name);
            assert_refused(&server, body(&missing)).await;
            for wrong in [
                json!(null),
                json!(1),
                json!(true),
                json!([CANARY]),
                json!({ CANARY: CANARY }),
            ] {
                let mut mistyped = arguments.clone();
                mistyped[name] = wrong;
                assert_refused(&server, body(&mistyped)).await;
            }
        }
        for &(name, field_type) in action.optional_arguments {
            assert_eq!(field_type, FieldType::UserFields);
            for wrong in [
                json!(null),
                json!(CANARY),
                json!([CANARY]),
                json!({ CANARY: null }),
                json!({ CANARY: [CANARY] }),
                json!({ CANARY: { CANARY: CANARY } }),
                json!({ CANARY: u64::MAX }),
                json!({ CANARY: 1e300 }),
            ] {
                let mut mistyped = arguments.clone();
                mistyped.insert(name.to_owned(), wrong);
                assert_refused(&server, body(&mistyped)).await;
            }
        }
        // With valid arguments the same request succeeds.
        let outcome = server.invoke(action.name, arguments.into()).await;
        assert!(outcome.code().starts_with("invalid_"), "{}", action.name);
    }
}

#[tokio::test]
async fn an_action_that_does_not_exist() {
    let server = TestServer::start().await;
    for name in [
        "",
        "canary",
        "Create_signup",
        "create_signup ",
        "create_user",
        "get_user",
        "internal_error",
    ] {
        let body =
            json!({ "action": name, "arguments": { "email_address": "canary@example.com" } });
        assert_refused(&server, body.to_string()).await;
    }
}

#[tokio::test]
async fn an_action_that_may_not_be_invoked_here() {
    let server = TestServer::start().await;
    let names = ["create_signup", "delete_all_sessions"];
    let blocklist = |names| ActionInvocationEndpoint::with_blocklist(server.server.clone(), names);
    let allowlist = |names| ActionInvocationEndpoint::with_allowlist(server.server.clone(), names);
    assert!(blocklist(["create_signup", "create_signups"]).is_err());
    assert!(allowlist(["create_signup", ""]).is_err());
    let blocklist = Mount::start(blocklist(names).unwrap()).await;
    let allowlist = Mount::start(allowlist(names).unwrap()).await;
    for action in server_actions() {
        let listed = names.contains(&action.name);
        let arguments: Map<String, Value> = action
            .arguments
            .iter()
            .map(|&(name, _)| (name.to_owned(), "".into()))
            .collect();
        let body = json!({ "action": action.name, "arguments": arguments }).to_string();
        for (mount, allowed) in [(&blocklist, !listed), (&allowlist, listed)] {
            let answer = mount.wire.post(body.as_str(), None).await;
            if allowed {
                assert!(
                    mount
                        .wire
                        .parse(action.name, &answer)
                        .code()
                        .starts_with("invalid_")
                );
            } else {
                assert_eq!(answer.status, 400, "{}", action.name);
            }
        }
    }
}

#[tokio::test]
async fn what_is_unknown_is_ignored() {
    let server = TestServer::start().await;
    let body = json!({
        "action": "create_signup",
        "arguments": { "email_address": "ada@example.com", "password": 1, "": [{}], "signup_token": null },
        "version": 2,
        "values": { "a": [] },
    });
    let answer = server.wire.post(body.to_string(), None).await;
    server.wire.parse("create_signup", &answer).values();
}

#[tokio::test]
async fn any_content_type_will_do() {
    let server = TestServer::start().await;
    let body = r#"{"action": "get_session", "arguments": {"session_token": ""}}"#;
    for content_type in [
        None,
        Some("application/json"),
        Some("text/plain;charset=UTF-8"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("image/png"),
        Some("?"),
    ] {
        let answer = server.wire.post(body, content_type).await;
        assert_eq!(
            server.wire.parse("get_session", &answer).code(),
            "invalid_session_token"
        );
    }
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let server = TestServer::start().await;
    let of_size = |size: usize| {
        let mut body = r#"{"action": "get_session", "arguments": {"session_token": ""#.to_owned();
        let end = r#""}}"#;
        body.push_str(&"a".repeat(size - body.len() - end.len()));
        body + end
    };
    let answer = server.wire.post(of_size(MAX_BODY_SIZE), None).await;
    assert_eq!(
        server.wire.parse("get_session", &answer).code(),
        "invalid_session_token"
    );
    assert_refused_with(&server, 413, of_size(MAX_BODY_SIZE + 1)).await;
    assert_refused_with(&server, 413, of_size(10 * MAX_BODY_SIZE)).await;
}
