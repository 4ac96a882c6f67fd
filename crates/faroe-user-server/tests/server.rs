//! The user server at work: who may ask, and what is answered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use faroe_core::{
    error::AdapterError,
    protocol::{envelope::MAX_BODY_SIZE, schema},
    user_store::{EmailAddressCase, UserStore},
};
use faroe_http_signatures::{Signer, SigningKey};
use faroe_testkit::{
    fault::{Fault, Faults},
    log::ErrorLog,
    promise,
    user_store::ReferenceUserStore,
};
use faroe_user_server::{
    BearerTokens, InvalidBearerTokens, Protection, UserServer, UserServerOptions, Verifier,
    VerifierOptions, VerifyingKey,
};
use http::{Request, Response, request::Parts};
use serde_json::{Value, json};

const OLD: &str = "an-old-token-of-more-than-32-characters";
const NEW: &str = "a-new-token-of-more-than-32-characters=";
const CREATE: &str = r#"{"action":"create_user","arguments":{"email_address":"ada@example.com","password_hash":"AAE=","password_hash_algorithm_id":"a","password_salt":"AgM="}}"#;
const GET: &str = r#"{"action":"get_user","arguments":{"user_id":"nobody"}}"#;

fn open(users: Arc<dyn UserStore>) -> UserServer {
    UserServer::new(users, Protection::None, UserServerOptions::default())
}

fn request(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::post("/").header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn status_and_body(response: &Response<String>) -> (u16, Value) {
    let body = serde_json::from_str(response.body()).unwrap_or_default();
    (response.status().as_u16(), body)
}

/// An answer but for its ID, which is a fresh one.
async fn ask(server: &UserServer, action: &str, arguments: Value) -> Value {
    let body = json!({ "action": action, "arguments": arguments }).to_string();
    let response = server.answer(&request(&[]), body.as_bytes()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let (status, mut answer) = status_and_body(&response);
    assert_eq!(status, 200);
    let id = answer
        .as_object_mut()
        .unwrap()
        .remove("action_invocation_id");
    assert_eq!(id.unwrap().as_str().unwrap().len(), 24);
    answer
}

#[tokio::test]
async fn every_action_of_the_protocol_is_answered() {
    let server = open(Arc::new(ReferenceUserStore::default()));
    let ok = json!({ "ok": true, "values": {} });
    let error = |code: &str| json!({ "ok": false, "error_code": code });
    let create = || {
        json!({ "email_address": "ada@example.com", "password_hash": "AAE=",
            "password_hash_algorithm_id": "a", "password_salt": "AgM=" })
    };
    let created = ask(&server, "create_user", create()).await;
    let id = created["values"]["user"]["id"].as_str().unwrap().to_owned();
    let expected = json!({ "ok": true, "values": { "user": {
        "id": id, "email_address": "ada@example.com", "password_hash": "AAE=",
        "password_hash_algorithm_id": "a", "password_salt": "AgM=", "disabled": false,
        "display_name": "", "email_address_counter": 0, "password_hash_counter": 0,
        "disabled_counter": 0, "sessions_counter": 0 } } });
    assert_eq!(created, expected);
    let used = error("email_address_already_used");
    assert_eq!(ask(&server, "create_user", create()).await, used);
    assert_eq!(
        ask(&server, "get_user", json!({ "user_id": id })).await,
        created
    );
    let by_address = json!({ "email_address": "ada@example.com" });
    assert_eq!(
        ask(&server, "get_user_by_email_address", by_address).await,
        created
    );
    let missing = error("user_not_found");
    assert_eq!(
        ask(&server, "get_user", json!({ "user_id": "" })).await,
        missing
    );

    for (action, arguments) in [
        (
            "update_user_email_address",
            json!({ "user_id": id, "email_address": "b@example.com", "user_email_address_counter": 0 }),
        ),
        (
            "update_user_password_hash",
            json!({ "user_id": id, "password_hash": "BAU=", "password_hash_algorithm_id": "b",
                "password_salt": "BgcI", "user_password_hash_counter": 0 }),
        ),
        (
            "increment_user_sessions_counter",
            json!({ "user_id": id, "user_sessions_counter": 0 }),
        ),
    ] {
        assert_eq!(
            ask(&server, action, arguments.clone()).await,
            ok,
            "{action}"
        );
        assert_eq!(ask(&server, action, arguments).await, missing, "{action}");
    }
    let changed = ask(&server, "get_user", json!({ "user_id": id })).await;
    let user = &changed["values"]["user"];
    assert_eq!(user["email_address"], "b@example.com");
    assert_eq!(user["password_salt"], "BgcI");
    for counter in [
        "email_address_counter",
        "password_hash_counter",
        "sessions_counter",
    ] {
        assert_eq!(user[counter], 1, "{counter}");
    }
    assert_eq!(
        ask(&server, "delete_user", json!({ "user_id": id })).await,
        ok
    );
    assert_eq!(
        ask(&server, "delete_user", json!({ "user_id": id })).await,
        missing
    );
}

#[tokio::test]
async fn p81_fields_are_an_optional_argument_of_create_user() {
    let users = Arc::new(ReferenceUserStore::with_fields());
    let server = open(users.clone());
    let create = |fields: Value| {
        json!({ "email_address": "ada@example.com", "password_hash": "AAE=",
            "password_hash_algorithm_id": "a", "password_salt": "AgM=", "user_fields": fields })
    };
    let refused = json!({ "ok": false, "error_code": "invalid_user_fields" });
    for fields in [json!({}), json!({ "full_name": "Ada", "is_admin": true })] {
        assert_eq!(ask(&server, "create_user", create(fields)).await, refused);
    }
    for fields in [
        Value::Null,
        json!("x"),
        json!([]),
        json!({ "full_name": null }),
        json!({ "full_name": { "a": 1 } }),
        json!({ "age": 9_223_372_036_854_775_808_u64 }),
    ] {
        let body = json!({ "action": "create_user", "arguments": create(fields) }).to_string();
        let response = server.answer(&request(&[]), body.as_bytes()).await;
        assert_eq!(response.status().as_u16(), 400, "{body}");
    }
    assert_eq!(users.users(), []);
    let fields = json!({ "full_name": "Ada", "age": 36 });
    let created = ask(&server, "create_user", create(fields.clone())).await;
    assert_eq!(created["ok"], true);
    let stored = users.user_fields(&users.users()[0].id);
    assert_eq!(serde_json::to_value(stored).unwrap(), fields);
}

#[tokio::test]
async fn what_is_no_request_of_the_protocol_is_refused_before_the_store_is_asked() {
    let users = Arc::new(ReferenceUserStore::default());
    let server = open(users.clone());
    let mut bodies: Vec<(String, u16)> = [
        "",
        "[1]",
        "{}",
        r#"{"action":"get_user"}"#,
        r#"{"action":"get_user","arguments":{}}"#,
        r#"{"action":"get_user","arguments":{"user_id":1}}"#,
        r#"{"action":"get_user","action":"get_user","arguments":{"user_id":""}}"#,
        r#"{"action":"get_session","arguments":{"session_token":""}}"#,
        r#"{"action":"increment_user_sessions_counter","arguments":{"user_id":"","user_sessions_counter":-1}}"#,
    ]
    .map(|body| (body.to_owned(), 400))
    .into();
    bodies.push((" ".repeat(MAX_BODY_SIZE + 1), 413));
    for schema in schema::user_server_actions() {
        // Each argument, left out.
        bodies.push((
            json!({ "action": schema.name, "arguments": {} }).to_string(),
            400,
        ));
    }
    for (body, expected) in bodies {
        let response = server.answer(&request(&[]), body.as_bytes()).await;
        assert_eq!(response.status().as_u16(), expected, "{body}");
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
    }
    let mut get = request(&[]);
    get.method = http::Method::GET;
    let response = server.answer(&get, GET.as_bytes()).await;
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(users.take_calls(), []);
}

#[tokio::test]
async fn p40_only_the_right_bearer_tokens_pass_and_two_may_be_right() {
    let users = Arc::new(ReferenceUserStore::default());
    let tokens = BearerTokens::new([OLD, NEW]).unwrap();
    assert_eq!(format!("{tokens:?}"), "BearerTokens([2 REDACTED])");
    let protection = Protection::BearerTokens(tokens);
    let server = UserServer::new(users.clone(), protection, UserServerOptions::default());
    for (header, is_right) in [
        (format!("Bearer {OLD}"), true),
        (format!("bearer {NEW}"), true),
        (format!("Bearer {NEW}x"), false),
        (format!("Bearer {}", &NEW[1..]), false),
        (format!("Bearer {}", NEW.to_uppercase()), false),
        (format!("Bearer  {NEW}"), false),
        (format!("Bearer{NEW}"), false),
        (format!("Basic {NEW}"), false),
        (NEW.to_owned(), false),
        ("Bearer ".to_owned(), false),
        (String::new(), false),
    ] {
        let request = request(&[("authorization", &header)]);
        let response = server.answer(&request, GET.as_bytes()).await;
        let (status, calls) = (response.status().as_u16(), users.take_calls().len());
        let expected = if is_right { (200, 1) } else { (401, 0) };
        assert_eq!((status, calls), expected, "{header}");
        if !is_right {
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    }
    let right = format!("Bearer {NEW}");
    for headers in [
        &[][..],
        &[("authorization", &*right), ("authorization", &*right)],
    ] {
        let response = server.answer(&request(headers), GET.as_bytes()).await;
        assert_eq!(response.status().as_u16(), 401);
    }
    promise::report("P40", "bearer tokens");
}

#[test]
fn a_token_that_can_be_guessed_is_refused() {
    let refused = |tokens: &[&str]| BearerTokens::new(tokens.iter().copied()).unwrap_err();
    assert_eq!(refused(&[]), InvalidBearerTokens::None);
    assert_eq!(refused(&[NEW, "short"]), InvalidBearerTokens::TooShort);
    assert_eq!(refused(&[&"é".repeat(32)]), InvalidBearerTokens::Character);
}

#[tokio::test]
async fn p40_only_a_signed_request_passes_and_only_once() {
    let users = Arc::new(ReferenceUserStore::default());
    let key = VerifyingKey::hmac_sha256("a", &[1; 32]).unwrap();
    let mut options = VerifierOptions::default();
    options.max_remembered = 1;
    let protection = Protection::Signatures(Verifier::new([key], options).unwrap());
    let server = UserServer::new(users.clone(), protection, UserServerOptions::default());
    let signer = Signer::new(SigningKey::hmac_sha256("a", &[1; 32]).unwrap());
    let signed = |body: &str| {
        let mut request = request(&[]);
        let headers = signer.sign(&request, body.as_bytes()).unwrap();
        request.headers.extend(headers);
        request
    };
    let one = signed(GET);
    for (request, body, expected, reason) in [
        (&request(&[]), GET, 403, "Signature"),
        (&one, CREATE, 403, "body"),
        (&one, GET, 200, ""),
        (&one, GET, 403, "used before"),
        (&signed(GET), GET, 503, "too many"),
    ] {
        let response = server.answer(request, body.as_bytes()).await;
        assert_eq!(response.status().as_u16(), expected, "{reason}");
        assert!(response.body().contains(reason), "{}", response.body());
        assert_eq!(users.take_calls().len(), usize::from(expected == 200));
    }
    promise::report("P40", "the user server asks its store for nothing else");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_an_internal_error_that_is_logged_once() {
    for (fault, code, logged) in [
        (Fault::FailBeforeActing, "internal_error", 1),
        (Fault::Hang, "internal_error", 1),
        (Fault::Conflict, "internal_conflict", 0),
    ] {
        let log = Arc::new(ErrorLog::default());
        let mut options = UserServerOptions::default();
        options.error_logger = log.clone();
        let faults = Arc::<Faults>::default();
        let users = Arc::new(faults.wrap(Arc::<ReferenceUserStore>::default()));
        faults.at_next("UserStore::create_user", fault);
        let server = UserServer::new(users, Protection::None, options);
        let start = tokio::time::Instant::now();
        let response = server.answer(&request(&[]), CREATE.as_bytes()).await;
        assert!(start.elapsed() <= Duration::from_secs(4));
        let (status, answer) = status_and_body(&response);
        assert_eq!((status, &answer["error_code"]), (200, &json!(code)));
        assert!(!response.body().contains("told to"));
        assert_eq!(log.errors().len(), logged, "{code}");
        assert!(faults.is_done());
    }
}

#[tokio::test]
async fn p72_a_refusal_is_answered_with_the_code_that_ends_the_flow_and_logged() {
    let log = Arc::new(ErrorLog::default());
    let faults = Arc::<Faults>::default();
    let users = Arc::new(faults.wrap(Arc::new(ReferenceUserStore::default())));
    let mut options = UserServerOptions::default();
    options.error_logger = Arc::clone(&log) as _;
    let server = UserServer::new(users, Protection::None, options);
    let new_user = json!({ "email_address": "ada@example.com", "password_hash": "AAE=",
        "password_hash_algorithm_id": "a", "password_salt": "AgM=" });
    let cases = [
        (
            "UserStore::create_user",
            "create_user",
            new_user,
            "email_address_already_used",
        ),
        (
            "UserStore::update_user_email_address",
            "update_user_email_address",
            json!({ "user_id": "1", "email_address": "a@b", "user_email_address_counter": 0 }),
            "email_address_already_used",
        ),
        (
            "UserStore::get_user_by_email_address",
            "get_user_by_email_address",
            json!({ "email_address": "a@b" }),
            "user_not_found",
        ),
        (
            "UserStore::delete_user",
            "delete_user",
            json!({ "user_id": "1" }),
            "user_not_found",
        ),
        (
            "UserStore::increment_user_sessions_counter",
            "increment_user_sessions_counter",
            json!({ "user_id": "1", "user_sessions_counter": 0 }),
            "internal_error",
        ),
    ];
    for (call, action, arguments, code) in cases {
        faults.before(call, async || {
            Err(AdapterError::refusal("change a user", "a rule refuses it"))
        });
        let answer = ask(&server, action, arguments).await;
        assert_eq!(
            answer,
            json!({ "ok": false, "error_code": code }),
            "{action}"
        );
        let logged = log.take_errors();
        assert_eq!(logged.len(), 1, "{action}");
        assert_eq!(logged[0].error, "change a user: a rule refuses it");
    }
}

#[tokio::test]
async fn p72_another_letter_case_is_found_only_if_it_is_ignored() {
    let missing = json!({ "ok": false, "error_code": "user_not_found" });
    for case in [EmailAddressCase::Exact, EmailAddressCase::Ignore] {
        let users = ReferenceUserStore::ignoring_email_address_case();
        let mut options = UserServerOptions::default();
        options.email_address_case = case;
        let server = UserServer::new(Arc::new(users), Protection::None, options);
        server.answer(&request(&[]), CREATE.as_bytes()).await;
        let other = json!({ "email_address": "Ada@Example.com" });
        let answer = ask(&server, "get_user_by_email_address", other).await;
        assert_eq!(
            answer == missing,
            case == EmailAddressCase::Exact,
            "{answer}"
        );
    }
}
