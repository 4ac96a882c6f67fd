//! Bytes that a storage returns in place of a stored value. The first byte chooses the entry; the rest is the value,
//! which can name the hash of the token's secret, as `<session.secret_hash>`, and `<user_id>`, `<session_id>` and all tokens.
//!
//! A record without that hash is missing, or an internal error, and never a success. Whatever a bucket holds,
//! it lets no more attempts through than a full one, and does not fail.

use base64::{Engine, prelude::BASE64_STANDARD};
use faroe_core::{endpoint::EndpointResponse, protocol::schema::ActionSchema};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Run,
    requests::outcome,
    world::{Stage, World},
};

/// Attempts that a full bucket lets through.
const CAPACITY: usize = 5;

/// The kinds of records, by the argument that opens each.
const TOKENS: [&str; 7] = [
    "session_token",
    "signup_token",
    "signin_token",
    "user_email_address_update_token",
    "user_password_update_token",
    "user_deletion_token",
    "user_password_reset_token",
];

/// An entry that is replaced, with the actions that are invoked then.
struct Place {
    key: String,
    asked: Asked,
}

enum Asked {
    /// All actions that take this token.
    Record { token: &'static str, hash: String },
    /// Repeated calls of an action that the bucket limits, and the error code of an attempt that it lets through.
    Bucket {
        action: ActionSchema,
        arguments: Value,
        passed: Option<&'static str>,
    },
}

pub(crate) fn start() -> Run {
    let mut world = World::new();
    let mut places = Vec::new();
    for token in TOKENS {
        places.push(record(&mut world, token));
    }
    places.extend(buckets(&world));
    Box::new(move |input| {
        let Some((&chosen, value)) = input.split_first() else {
            return;
        };
        let place = &places[usize::from(chosen) % places.len()];
        run(&world, place, &world.filled_in(value));
    })
}

fn record(world: &mut World, token: &'static str) -> Place {
    let tokens = world.tokens(token);
    let (id, secret) = tokens
        .last()
        .and_then(|token| token.split_once('.'))
        .expect("a token");
    let kind = token.trim_end_matches("_token");
    let key = format!("main.{kind}.{id}");
    let hash = BASE64_STANDARD.encode(Sha256::digest(secret));
    world.name(&format!("{kind}.secret_hash"), hash.clone());
    Place {
        key,
        asked: Asked::Record { token, hash },
    }
}

fn buckets(world: &World) -> Vec<Place> {
    let digest = |text: &str| -> String {
        let digest = Sha256::digest(text);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let id = |token: &str| {
        world.tokens(token)[0]
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let bucket = |key: String, name: &str, change: &[(&str, &str)], passed| {
        let action = world.actions.iter().find(|action| action.name == name);
        let action = action.expect("an action of the protocol").clone();
        let mut arguments = world.arguments(&action, Stage::New);
        for (argument, value) in change {
            arguments[argument] = (*value).into();
        }
        let asked = Asked::Bucket {
            action,
            arguments,
            passed,
        };
        Place {
            key: format!("rate_limit.{key}"),
            asked,
        }
    };
    vec![
        bucket(
            format!("verify_user_password.{}", digest(world.user_id())),
            "verify_signin_user_password",
            &[("password", "not the password")],
            Some("incorrect_password"),
        ),
        bucket(
            format!(
                "verify_email_address_verification_code.{}",
                id("signup_token")
            ),
            "verify_signup_email_address_verification_code",
            &[("email_address_verification_code", "AAAAAAAA")],
            Some("incorrect_email_address_verification_code"),
        ),
        bucket(
            format!(
                "verify_temporary_password.{}",
                id("user_password_reset_token")
            ),
            "verify_user_password_reset_temporary_password",
            &[("temporary_password", "AAAAAAAAAAAA")],
            Some("incorrect_temporary_password"),
        ),
        bucket(
            format!("send_email.{}", digest("grace@example.com")),
            "create_signup",
            &[],
            None,
        ),
    ]
}

fn run(world: &World, place: &Place, value: &[u8]) {
    match &place.asked {
        Asked::Record { token, hash } => {
            let is_somebodys = contains(value, hash.as_bytes());
            for action in world.actions.iter().filter(|action| takes(action, token)) {
                world.replace(&place.key, value);
                let arguments = world.arguments(action, Stage::Finished);
                let code = ask(world, action, &arguments, true);
                let is_success = code.is_none();
                assert!(is_somebodys || !is_success, "{} succeeds", action.name);
                world.restore();
            }
        }
        Asked::Bucket {
            action,
            arguments,
            passed,
        } => {
            world.replace(&place.key, value);
            let attempts = (0..CAPACITY + 2).map(|_| ask(world, action, arguments, false));
            let passed = attempts.filter(|code| code.as_deref() == *passed).count();
            assert!(passed <= CAPACITY, "{passed} attempts are let through");
            world.restore();
        }
    }
}

fn ask(world: &World, action: &ActionSchema, arguments: &Value, may_fail: bool) -> Option<String> {
    let body = json!({ "action": action.name, "arguments": arguments }).to_string();
    let EndpointResponse::Completed(answer) = world.invoke(body.as_bytes()) else {
        panic!("{} is not invoked", action.name);
    };
    outcome(action, &answer, may_fail)
}

fn takes(action: &ActionSchema, token: &str) -> bool {
    action.arguments.iter().any(|(name, _)| *name == token)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
