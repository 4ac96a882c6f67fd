//! P38: whatever a user server does, an operation ends in time, has not read without end, and decides nothing.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use faroe_testkit::promise;
use faroe_user_server_client::{UserServerClient, http_options};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    operations::{Operation, success, user},
    scripted::{Deed, serve},
};

const TIMEOUT: Duration = Duration::from_millis(400);

/// A write that is asked for twice and then looked up takes three requests. The rest is for a machine with other things
/// to do.
const DEADLINE: Duration = Duration::from_secs(10);

/// A mebibyte and what the system keeps in its buffers, in and out, for each of three requests.
const MOST_SENT: usize = 3 * 16 * 1024 * 1024;

/// Deeds that end at the deadline only: the HTTP library discards interim answers and does not count them.
const READ_UNTIL_THE_DEADLINE: &str = "interim answers without end";

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn status(line: &str) -> Deed {
    Deed::Send(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into())
}

/// A success that has been tampered with, as text.
fn altered(operation: Operation, from: &str, to: &str) -> Deed {
    let right = success(&operation.values());
    let wrong = right.replacen(from, to, 1);
    assert_ne!(right, wrong, "{from}");
    Deed::Send(ok(wrong))
}

/// A success with another user than the right one.
fn with_user(field: &str, value: Value) -> Deed {
    let mut user = user();
    user[field] = value;
    Deed::Send(ok(success(&json!({ "user": user }))))
}

/// Deeds that every operation may meet.
fn misdeeds(operation: Operation) -> Vec<(&'static str, Deed)> {
    let good = ok(success(&operation.values()));
    let body = success(&operation.values());
    let (half, other_half) = good.split_at(good.len() / 2);
    let head = |header: &str| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n").into_bytes();
    let kibibyte = vec![b' '; 1024];
    let redirect = "302 Found\r\nlocation: http://127.0.0.1:1/";
    vec![
        ("silence", Deed::SendAndHold(vec![])),
        ("closes without a word", Deed::Send(vec![])),
        ("breaks the connection", Deed::Reset(vec![])),
        ("silence in the middle", Deed::SendAndHold(half.to_vec())),
        ("cut short", Deed::Send(half.to_vec())),
        ("broken in the middle", Deed::Reset(half.to_vec())),
        ("drips the head", Deed::Drip(vec![], good.repeat(9))),
        (
            "drips the body",
            Deed::Drip(half.to_vec(), [other_half, &kibibyte].concat()),
        ),
        (
            "a body without end",
            Deed::Flood(head("x: y"), kibibyte.clone()),
        ),
        (
            "chunks without end",
            Deed::Flood(
                head("transfer-encoding: chunked"),
                [b"400\r\n", &kibibyte[..], b"\r\n"].concat(),
            ),
        ),
        (
            "headers without end",
            Deed::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(200)),
        ),
        (
            "a header without end",
            Deed::Flood(b"HTTP/1.1 200 OK\r\na: ".to_vec(), kibibyte.clone()),
        ),
        (
            READ_UNTIL_THE_DEADLINE,
            Deed::Flood(vec![], b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40)),
        ),
        (
            "more than it says",
            Deed::Send([head("content-length: 20").as_slice(), body.as_bytes()].concat()),
        ),
        (
            "less than it says",
            Deed::Send([head("content-length: 99999").as_slice(), body.as_bytes()].concat()),
        ),
        (
            "two lengths",
            Deed::Send(head("content-length: 3\r\ncontent-length: 4")),
        ),
        (
            "a mebibyte and a byte",
            Deed::Send(ok(body.clone() + &" ".repeat(1024 * 1024 + 1 - body.len()))),
        ),
        (
            "no HTTP",
            Deed::Send(b"220 mail.example.com ESMTP\r\n".to_vec()),
        ),
        ("201", status("201 Created")),
        (
            "204",
            Deed::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ),
        ("a redirect", status(redirect)),
        ("400", status("400 Bad Request")),
        ("401", status("401 Unauthorized")),
        ("404", status("404 Not Found")),
        (
            "404 with an answer",
            Deed::Send(replace(&ok(error("user_not_found")), b"200 OK", b"404 NF")),
        ),
        (
            "500 with an answer",
            Deed::Send(replace(&ok(error("user_not_found")), b"200 OK", b"500 IE")),
        ),
        ("503", status("503 Service Unavailable\r\nretry-after: 1")),
        ("compressed", Deed::Send(ok([0x1f, 0x8b, 0x08, 0, 0]))),
        ("empty", Deed::Send(ok(""))),
        (
            "a web page",
            Deed::Send(ok("<!doctype html><title>Sign in</title>")),
        ),
        ("null", Deed::Send(ok("null"))),
        ("an array", Deed::Send(ok("[1]"))),
        ("no UTF-8", Deed::Send(ok(b"{\"ok\":true,\"\xff\":0}"))),
        ("two answers", Deed::Send(ok(body.repeat(2)))),
        ("nested deeply", Deed::Send(ok("[".repeat(100_000)))),
        (
            "a member twice",
            altered(operation, "\"ok\"", "\"ok\":false,\"ok\""),
        ),
        ("`ok` missing", altered(operation, "\"ok\"", "\"fine\"")),
        ("`ok` as a text", altered(operation, "true", "\"true\"")),
        ("failed with values", altered(operation, "true", "false")),
        ("no invocation ID", altered(operation, "\"x\"", "1")),
        ("no values", altered(operation, "\"values\"", "\"value\"")),
        ("values as an array", Deed::Send(ok(success(&json!([]))))),
        ("internal_error", Deed::Send(ok(error("internal_error")))),
        (
            "an unknown code",
            Deed::Send(ok(error("user_is_on_holiday"))),
        ),
        (
            "a code of another action",
            Deed::Send(ok(error("rate_limited"))),
        ),
        (
            "a code in other letters",
            Deed::Send(ok(error("User_Not_Found"))),
        ),
        (
            "a code that is no text",
            Deed::Send(ok(error("x").replace("\"x\"}", "404}"))),
        ),
        (
            "a code that is no code",
            Deed::Send(ok(error("user_not_found\n"))),
        ),
    ]
}

/// Further deeds that an operation with a user in its answer may meet.
fn wrong_users(operation: Operation) -> Vec<(&'static str, Deed)> {
    let mut deeds = vec![
        ("no user", Deed::Send(ok(success(&json!({}))))),
        (
            "null for a user",
            Deed::Send(ok(success(&json!({ "user": null })))),
        ),
        (
            "a list of users",
            Deed::Send(ok(success(&json!({ "user": [user()] })))),
        ),
        (
            "a field missing",
            altered(operation, "\"disabled\"", "\"enabled\""),
        ),
        (
            "a field twice",
            altered(
                operation,
                "\"disabled\":",
                "\"disabled\":true,\"disabled\":",
            ),
        ),
        ("an ID that is a number", with_user("id", json!(1))),
        ("a flag that is a number", with_user("disabled", json!(0))),
        (
            "a negative counter",
            with_user("disabled_counter", json!(-1)),
        ),
        (
            "a counter beyond its range",
            with_user("sessions_counter", json!(2_147_483_648_u32)),
        ),
        (
            "a counter with a fraction",
            with_user("sessions_counter", json!(1.5)),
        ),
        ("no base64", with_user("password_hash", json!("AAA"))),
    ];
    deeds.push(match operation {
        Operation::GetUser => ("another user", with_user("id", json!("2"))),
        _ => (
            "another user",
            with_user("email_address", json!("eve@example.com")),
        ),
    });
    match operation {
        Operation::GetUser => deeds.push(("a similar user", with_user("id", json!("1 ")))),
        Operation::CreateUser => {
            deeds.push(("another salt", with_user("password_salt", json!("AAAA"))));
            deeds.push(("another hash", with_user("password_hash", json!("AAAA"))));
        }
        _ => deeds.push((
            "other letters",
            with_user("email_address", json!("Ada@example.com")),
        )),
    }
    deeds
}

fn error(code: &str) -> String {
    json!({ "ok": false, "action_invocation_id": "x", "error_code": code }).to_string()
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from);
    let (before, after) = bytes.split_at(at.unwrap());
    [before, to, &after[from.len()..]].concat()
}

async fn call(
    operation: Operation,
    deed: Deed,
    timeout: Duration,
    most_sent: usize,
) -> Result<String, String> {
    let (address, sent) = serve(deed).await;
    let mut options = http_options();
    options.timeout = timeout;
    let users = UserServerClient::http(&format!("http://{address}/"), options).unwrap();
    let start = Instant::now();
    let outcome = operation.call(&users).await;
    if start.elapsed() > DEADLINE {
        return Err("it took too long".into());
    }
    if sent.load(Ordering::SeqCst) > most_sent {
        return Err("it was read without end".into());
    }
    Ok(match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            assert!(!error.is_conflict());
            "error".into()
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn p38_a_misbehaving_user_server_is_an_error_and_never_a_decision() {
    let cases = Operation::ALL.iter().flat_map(|operation| {
        let mut deeds = misdeeds(*operation);
        if operation.answers_a_user() {
            deeds.extend(wrong_users(*operation));
        }
        deeds
            .into_iter()
            .map(|(name, deed)| (*operation, name, deed))
    });
    let calls = cases.map(|(operation, name, deed)| async move {
        let most_sent = match name {
            READ_UNTIL_THE_DEADLINE => usize::MAX,
            _ => MOST_SENT,
        };
        let outcome = call(operation, deed, TIMEOUT, most_sent).await;
        (outcome != Ok("error".into())).then(|| format!("{operation:?}, {name}: {outcome:?}"))
    });
    let outcomes = join_all(calls).await;
    assert!(outcomes.len() > 24 * 7);
    let calls = outcomes.len();
    let wrong: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    promise::report(
        "P38",
        format_args!("{calls} calls of misbehaving user servers, 0 decisions"),
    );
}

#[tokio::test]
async fn the_answers_of_a_good_user_server_are_accepted() {
    // Or else the test above could not fail.
    for operation in Operation::ALL {
        let good = Deed::Send(ok(success(&operation.values())));
        let outcome = call(operation, good, Duration::from_secs(20), MOST_SENT)
            .await
            .unwrap();
        let expected = if operation.answers_a_user() {
            "ada@example.com"
        } else {
            "Updated"
        };
        assert!(outcome.contains(expected), "{operation:?}: {outcome}");
        let refused = match operation {
            Operation::CreateUser => ("email_address_already_used", "EmailAddressAlreadyUsed"),
            Operation::GetUser | Operation::GetUserByEmailAddress => ("user_not_found", "None"),
            _ => ("user_not_found", "UserNotFound"),
        };
        let answer = Deed::Send(ok(error(refused.0)));
        let outcome = call(operation, answer, Duration::from_secs(20), MOST_SENT).await;
        assert_eq!(outcome.unwrap(), refused.1, "{operation:?}");
    }
}
