//! The contract of a user store over real HTTP: our client with our user server, and with one in Python.
//!
//! Without `python3` the suites that need it are ignored, visibly.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
};

use axum::{Router, body::to_bytes, extract::Request, routing::post};
use faroe_core::protocol::envelope::MAX_BODY_SIZE;
use faroe_http_client::{NoProtection, RequestProtection};
use faroe_testkit::{
    conformance::{self, Suite, user_store},
    user_store::ReferenceUserStore,
};
use faroe_user_server::{
    BearerTokens, Protection, UserServer, UserServerOptions, Verifier, VerifierOptions,
    VerifyingKey,
};
use faroe_user_server_client::{
    BearerToken, SignedRequests, Signer, SigningKey, UserServerClient, http_options,
};
use tokio::net::TcpListener;

const TOKEN: &str = "a-token-of-more-than-32-characters-+/=";
const SECRET: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----";

fn main() -> ExitCode {
    let bearer = python("python_bearer", &["bearer", TOKEN], bearer_token());
    let signed = python("python_signed", &["signed", "2026", SECRET], signer(SECRET));
    let (bearer, _one) = bearer;
    let (signed, _other) = signed;
    conformance::run([
        rust("open", || (Protection::None, Arc::new(NoProtection))),
        rust("bearer", || {
            let tokens = BearerTokens::new([TOKEN]).unwrap();
            (Protection::BearerTokens(tokens), bearer_token())
        }),
        rust("hmac", || (verifier(SECRET), signer(SECRET))),
        rust("ed25519", || (verifier(PUBLIC_KEY), signer(PRIVATE_KEY))),
        bearer,
        signed,
    ])
}

fn bearer_token() -> Arc<dyn RequestProtection> {
    Arc::new(BearerToken::new(TOKEN).unwrap())
}

fn signer(key: &str) -> Arc<dyn RequestProtection> {
    let key = SigningKey::parse("2026", key).unwrap();
    Arc::new(SignedRequests(Signer::new(key)))
}

fn verifier(key: &str) -> Protection {
    let key = VerifyingKey::parse("2026", key).unwrap();
    Protection::Signatures(Verifier::new([key], VerifierOptions::default()).unwrap())
}

fn client(url: &str, protection: Arc<dyn RequestProtection>) -> UserServerClient {
    let mut options = http_options();
    options.protection = protection;
    // Long enough for a machine that is busy with other tests.
    options.timeout = std::time::Duration::from_secs(30);
    UserServerClient::http(url, options).unwrap()
}

/// Our user server, a new one for each case.
fn rust(
    name: &str,
    sides: impl Fn() -> (Protection, Arc<dyn RequestProtection>) + Send + Sync + 'static,
) -> Suite {
    let sides = Arc::new(sides);
    user_store(name, move || {
        let (protection, credentials) = sides();
        async move {
            let users = Arc::new(ReferenceUserStore::default());
            let server = UserServer::new(users, protection, UserServerOptions::default());
            let answer = post(async move |request: Request| {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, MAX_BODY_SIZE).await.unwrap();
                server.answer(&head, &body).await
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            tokio::spawn(
                async move { axum::serve(listener, Router::new().route("/", answer)).await },
            );
            client(&url, credentials)
        }
    })
}

/// The user server in Python, one for all cases. It ends when its standard input is closed.
fn python(
    name: &str,
    arguments: &[&str],
    credentials: Arc<dyn RequestProtection>,
) -> (Suite, Option<Child>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/user_server.py");
    let process = Command::new("python3")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut process) = process else {
        return (Suite::unavailable(name, "there is no python3"), None);
    };
    let mut url = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut url).unwrap();
    let suite = user_store(name, move || {
        let client = client(url.trim(), Arc::clone(&credentials));
        async move { client }
    });
    // It was written before sign-ups had fields, and ignores them. The server sends it none that are not listed.
    let suite = suite.but_for("a_field_that_the_store_does_not_know_creates_no_user");
    (suite, Some(process))
}
