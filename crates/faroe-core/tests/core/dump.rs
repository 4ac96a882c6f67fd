//! A stolen dump of the storage gives no access.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use faroe_core::{
    RateLimit, ServerOptions,
    protocol::schema::{ActionSchema, server_actions},
    storage::namespace,
};
use faroe_testkit::{clock::ManualClock, promise};
use serde_json::{Value, json};

use crate::{
    canaries::{canaries_of, from_base64, hex},
    harness::{EMAIL, Harness, minutes, storage},
    world::{SIGNUP_EMAIL, World, answer, invalid, send, token_arguments},
};

/// Creates a server with one storage in all three roles and without effective rate limits.
fn harness() -> Harness {
    let clock = Arc::<ManualClock>::default();
    let storage = storage(&clock);
    let cache = namespace::cache(Arc::clone(&storage) as _, Arc::clone(&clock) as _);
    Harness::on(storage, clock, |parts, options| {
        parts.storages.cache = Some(Arc::new(cache));
        options.session.cache_expiration = Some(minutes(5));
        without_limits(options);
    })
}

fn without_limits(options: &mut ServerOptions) {
    let limits = &mut options.rate_limits;
    for limit in [
        &mut limits.verify_user_password,
        &mut limits.send_email,
        &mut limits.verify_email_address_verification_code,
        &mut limits.verify_temporary_password,
    ] {
        *limit = RateLimit {
            capacity: u32::MAX,
            interval: Duration::from_secs(1),
        };
    }
}

/// Returns every text in the storage and in the users table, separately.
fn texts(harness: &Harness) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for (key, entry) in harness.storage.entries() {
        texts.extend(key.split('.').map(str::to_owned));
        texts.insert(key);
        texts.insert(entry.entry_id);
        // A namespace puts a prefix before the JSON.
        let start = entry
            .value
            .iter()
            .position(|byte| *byte == b'{')
            .unwrap_or_default();
        if let Ok(value) = serde_json::from_slice(&entry.value[start..]) {
            collect(&value, &mut texts);
        }
    }
    for user in harness.users.users() {
        collect(&serde_json::to_value(user).unwrap(), &mut texts);
    }
    texts
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        Value::String(text) => {
            texts.insert(text.clone());
            if let Some(bytes) = from_base64(text) {
                texts.extend([hex(&bytes), String::from_utf8_lossy(&bytes).into_owned()]);
                if let Ok(inner) = serde_json::from_slice(&bytes) {
                    collect(&inner, texts);
                }
            }
        }
        other => {
            texts.insert(other.to_string());
        }
    }
}

/// Turns a text into the form of a secret.
fn as_secret(text: &str) -> String {
    let allowed = "abcdefghijkmnpqrstuvwxyz23456789";
    let lower = text.to_ascii_lowercase();
    let fitting = lower
        .chars()
        .filter(|character| allowed.contains(*character));
    fitting.chain("a".repeat(24).chars()).take(24).collect()
}

#[tokio::test]
async fn p01_a_dump_holds_no_secret() {
    let world = World::completable(harness()).await;
    let harness = &world.harness;
    let session_token = world.tokens["session_token"].as_str().into();
    assert!(
        harness.is_signed_in(&session_token).await,
        "and in the cache now"
    );
    let mut dumped = 0;
    let canaries = canaries_of(&world);
    let search = |bytes: &[u8]| {
        assert_eq!(
            canaries.found_in(bytes),
            [""; 0],
            "{}",
            String::from_utf8_lossy(bytes)
        );
        bytes.len()
    };
    let entries = harness.storage.entries();
    let kinds: BTreeSet<&str> = entries
        .keys()
        .filter_map(|key| key.split('.').next())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["cache", "main", "rate_limit"]));
    for (key, entry) in &entries {
        dumped += search(key.as_bytes()) + search(&entry.value) + search(entry.entry_id.as_bytes());
    }
    // Base64 is also searched decoded.
    for text in texts(harness) {
        dumped += search(text.as_bytes());
        dumped += search(&from_base64(&text).unwrap_or_default());
    }
    promise::report(
        "P01",
        format_args!("{} entries, {dumped} bytes searched, 0 hits", entries.len()),
    );
}

/// An attacker with a dump and their own account. Counts the attempts.
struct Thief {
    world: World,
    texts: BTreeSet<String>,
    tokens: Vec<String>,
    own_session: String,
    attempts: usize,
}

impl Thief {
    /// Tries every text as one of an action's tokens.
    async fn try_tokens(&mut self, action: &ActionSchema, name: &str) {
        let mut arguments = self.world.arguments(action);
        arguments["session_token"] = self.own_session.as_str().into();
        for token in self.tokens.iter().chain(&self.texts) {
            arguments[name] = token.as_str().into();
            let answer = answer(&self.world.harness.server, action.name, arguments.clone()).await;
            assert_eq!(answer, invalid(name), "{} with {name} {token}", action.name);
            self.attempts += 1;
        }
    }

    /// Starts a flow and tries every text as its code or password.
    async fn try_texts(&mut self, create: (&str, Value), token: &str, verify: (&str, &str)) {
        let server = &self.world.harness.server;
        let values = send(server, create.0, create.1).await.unwrap();
        let incorrect = match verify.1 {
            "password" => "incorrect_password".to_owned(),
            argument => format!("incorrect_{argument}"),
        };
        for text in &self.texts {
            let arguments = json!({ token: values[token], verify.1: text });
            assert_eq!(
                answer(server, verify.0, arguments).await,
                incorrect,
                "{text}"
            );
            self.attempts += 1;
        }
    }
}

#[tokio::test]
async fn p01_nothing_in_a_dump_opens_anything() {
    let world = World::completable(harness()).await;
    let texts = texts(&world.harness);
    let ids: Vec<_> = world
        .tokens
        .values()
        .map(|token| token[..24].to_owned())
        .collect();
    let secrets: BTreeSet<_> = texts.iter().map(|text| as_secret(text)).collect();
    let pairs = ids
        .iter()
        .flat_map(|id| secrets.iter().map(move |secret| format!("{id}.{secret}")));
    let tokens = pairs.collect();
    let own_session = world.harness.sign_up_as("mallory@example.com").await;
    let own_session = own_session.expose().to_owned();
    let mut thief = Thief {
        world,
        texts,
        tokens,
        own_session,
        attempts: 0,
    };

    for action in server_actions() {
        for name in token_arguments(&action) {
            thief.try_tokens(&action, name).await;
        }
    }
    let address = json!({ "user_email_address": EMAIL });
    let create = ("create_signin", address.clone());
    let verify = ("verify_signin_user_password", "password");
    thief.try_texts(create, "signin_token", verify).await;
    let create = ("create_user_password_reset", address);
    let verify = (
        "verify_user_password_reset_temporary_password",
        "temporary_password",
    );
    thief
        .try_texts(create, "user_password_reset_token", verify)
        .await;
    let create = ("create_signup", json!({ "email_address": SIGNUP_EMAIL }));
    let argument = "email_address_verification_code";
    let verify = ("verify_signup_email_address_verification_code", argument);
    thief.try_texts(create, "signup_token", verify).await;
    let Thief {
        attempts, texts, ..
    } = thief;
    assert!(texts.len() > 50, "the dump has too few texts: {texts:?}");
    promise::report(
        "P01",
        format_args!("{attempts} attempts with all that a dump holds, 0 successes"),
    );
}
