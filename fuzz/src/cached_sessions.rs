//! Bytes that a cache returns in place of a cached session. An input can name the hash of the token's
//! secret, as `<secret_hash>`, and `<user_id>`.
//!
//! Whatever the cache returns, the ID alone opens nothing, and a lookup of the session succeeds or fails without a fault.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use faroe_core::endpoint::EndpointResponse;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Run, requests::outcome, world::World};

/// A text with the form of a secret that belongs to no session.
const NO_SECRET: &str = "abcdefghijkmnpqrstuvwxyz";

const INVALID: Option<&str> = Some("invalid_session_token");

pub(crate) fn start() -> Run {
    let mut world = World::with_cache(Some(Duration::from_secs(60)));
    let token = world.tokens("session_token")[0].to_owned();
    let (id, secret) = token.split_once('.').expect("a token");
    let (key, guess) = (format!("cache.session.{id}"), format!("{id}.{NO_SECRET}"));
    let hash = BASE64_STANDARD.encode(Sha256::digest(secret));
    world.name("secret_hash", hash);
    Box::new(move |input| {
        let value = world.filled_in(input);
        world.replace(&key, &value);
        let code = get_session(&world, &guess);
        assert_eq!(code.as_deref(), INVALID, "a guess opens a session");
        world.replace(&key, &value);
        let code = get_session(&world, &token);
        assert!(code.is_none() || code.as_deref() == INVALID, "{code:?}");
        world.restore();
    })
}

fn get_session(world: &World, token: &str) -> Option<String> {
    let mut actions = world.actions.iter();
    let action = actions.find(|action| action.name == "get_session");
    let body = json!({ "action": "get_session", "arguments": { "session_token": token } });
    match world.invoke(body.to_string().as_bytes()) {
        EndpointResponse::Completed(answer) => {
            outcome(action.expect("an action of the protocol"), &answer, false)
        }
        other => panic!("get_session is not invoked: {other:?}"),
    }
}
