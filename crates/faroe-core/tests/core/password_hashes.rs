//! Password hashes that this server did not make, and users without one.

use std::sync::Arc;

use faroe_core::{
    error::AdapterError,
    password::{PasswordHash, PasswordHashAlgorithm, PasswordHashVerifier, Verification},
    protocol::{
        signin::{CompleteSignin, VerifySigninUserPassword},
        user_password_reset::CompleteUserPasswordReset,
    },
};
use faroe_testkit::{
    hasher::{CountingHasher, HasherBehaviour},
    promise,
};

use crate::harness::{Harness, NEW_PASSWORD, PASSWORD, minutes, outcome};

/// A verifier of the texts `$other$SALT$HASH`, with the hash in hexadecimal digits.
#[derive(Debug)]
struct OtherSoftware(Arc<CountingHasher>);

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl OtherSoftware {
    fn text(&self, password: &str) -> String {
        let hash = self.0.hash(password.as_bytes(), b"salt").unwrap();
        format!("$other$salt${}", hexadecimal(&hash))
    }
}

impl PasswordHashVerifier for OtherSoftware {
    fn name(&self) -> &str {
        "other"
    }

    fn recognizes(&self, hash: &PasswordHash) -> bool {
        hash.as_text()
            .is_some_and(|text| text.starts_with("$other$"))
    }

    fn verify(&self, password: &[u8], hash: &PasswordHash) -> Result<Verification, AdapterError> {
        let text = hash.as_text().unwrap().strip_prefix("$other$").unwrap();
        let Some((salt, hash)) = text.split_once('$') else {
            let error = AdapterError::message("verify a password: its hash is malformed");
            return Ok(Verification::Malformed(error));
        };
        let computed = self.0.hash(password, salt.as_bytes())?;
        Ok(if hexadecimal(&computed) == hash {
            Verification::Correct
        } else {
            Verification::Incorrect
        })
    }
}

/// A server with a user, that verifies hashes of other software too, and the hasher of those.
async fn signed_up() -> (Harness, Arc<CountingHasher>) {
    let other = Arc::new(CountingHasher::new("other software"));
    let verifier = Arc::new(OtherSoftware(Arc::clone(&other)));
    let harness = Harness::with(|parts, options| {
        parts.user_password_hash_algorithms.previous = vec![verifier];
        options.hashing.permits = 1;
        options.hashing.queue = 0;
    });
    harness.sign_up().await;
    (harness, other)
}

fn set_hash(harness: &Harness, hash: PasswordHash) {
    harness.users.change_user(&harness.user().id, |user| {
        user.password_hash_algorithm_id = hash.algorithm_id;
        user.password_salt = hash.salt;
        user.password_hash = hash.hash;
    });
}

async fn verify(harness: &Harness, signin_token: &str, password: &str) -> &'static str {
    let verify = VerifySigninUserPassword {
        signin_token: signin_token.into(),
        password: password.into(),
    };
    outcome(&harness.server, verify).await
}

#[tokio::test]
async fn p80_a_hash_of_other_software_is_verified_and_replaced() {
    let (harness, other) = signed_up().await;
    let text = OtherSoftware(Arc::clone(&other)).text(PASSWORD);
    set_hash(&harness, PasswordHash::from_text(text));

    let signin_token = harness.create_signin().await;
    let wrong = verify(&harness, signin_token.expose(), NEW_PASSWORD).await;
    assert_eq!(wrong, "incorrect_password");
    assert_eq!(harness.user().password_hash_algorithm_id, "");
    let right = verify(&harness, signin_token.expose(), PASSWORD).await;
    assert_eq!(right, "ok");
    assert_eq!(harness.user().password_hash_algorithm_id, "first");
    let complete = CompleteSignin { signin_token };
    assert_eq!(outcome(&harness.server, complete).await, "ok");

    let evaluations = other.evaluations();
    assert_eq!(harness.try_password(PASSWORD).await, "ok");
    assert_eq!(
        harness.try_password(NEW_PASSWORD).await,
        "incorrect_password"
    );
    assert_eq!(other.evaluations(), evaluations, "the old hash is gone");
    assert_eq!(harness.log.errors(), []);
    promise::report("P80", "a hash of other software, verified and replaced");
}

#[tokio::test]
async fn a_hash_of_the_current_algorithm_is_the_same_as_a_text_and_in_parts() {
    let (harness, _) = signed_up().await;
    let as_text = |harness: &Harness| {
        let text = PasswordHash::from(&harness.user()).to_text();
        set_hash(harness, PasswordHash::from_text(text));
        harness.user()
    };
    let user = as_text(&harness);
    assert_eq!(
        harness.try_password(NEW_PASSWORD).await,
        "incorrect_password"
    );
    assert_eq!(harness.try_password(PASSWORD).await, "ok");
    assert_eq!(harness.user(), user, "the hash is not made again");

    let old = CountingHasher::new("other software");
    let text = OtherSoftware(Arc::new(old)).text(PASSWORD);
    set_hash(&harness, PasswordHash::from_text(text));
    let signin_token = harness.create_signin().await;
    assert_eq!(
        verify(&harness, signin_token.expose(), PASSWORD).await,
        "ok"
    );
    as_text(&harness);
    assert_eq!(
        outcome(&harness.server, CompleteSignin { signin_token }).await,
        "ok",
        "the flow knows its own hash again"
    );
}

#[tokio::test]
async fn p80_a_malformed_hash_is_a_wrong_password_and_a_line_in_the_log() {
    let (harness, other) = signed_up().await;
    set_hash(&harness, PasswordHash::from_text("$other$"));
    let evaluations = harness.hasher.evaluations();
    assert_eq!(harness.try_password(PASSWORD).await, "incorrect_password");
    let logged = harness.log.take_errors();
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].error, "verify a password: its hash is malformed");
    assert!(!logged[0].failed);
    assert_eq!(other.evaluations(), 0);
    assert_eq!(
        harness.hasher.evaluations() - evaluations,
        1,
        "it takes the time of a hash"
    );
    promise::report("P80", "a malformed hash");
}

#[tokio::test]
async fn a_password_that_cannot_be_verified_is_an_internal_error() {
    let (harness, other) = signed_up().await;
    set_hash(&harness, PasswordHash::from_text("$other$salt$"));
    for behaviour in [HasherBehaviour::Fail, HasherBehaviour::Panic] {
        other.set_behaviour(behaviour);
        assert_eq!(harness.try_password(PASSWORD).await, "internal_error");
    }
    let logged: Vec<_> = harness.log.take_errors();
    let logged: Vec<_> = logged.iter().map(|logged| logged.error.as_str()).collect();
    assert_eq!(
        logged,
        [
            "hash: the hasher was told to fail",
            "hash a password: the algorithm panicked"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifying_a_hash_of_other_software_takes_a_place_and_a_permit() {
    let (harness, other) = signed_up().await;
    let text = OtherSoftware(Arc::clone(&other)).text(PASSWORD);
    set_hash(&harness, PasswordHash::from_text(text));
    let (first, second) = (harness.create_signin().await, harness.create_signin().await);
    let gate = other.close_gate();
    let server = harness.server.clone();
    let running = tokio::spawn(async move {
        let verify = VerifySigninUserPassword {
            signin_token: first,
            password: PASSWORD.into(),
        };
        outcome(&server, verify).await
    });
    gate.wait_for(1).await;
    let refused = verify(&harness, second.expose(), PASSWORD).await;
    assert_eq!(refused, "overloaded");
    drop(gate);
    assert_eq!(running.await.unwrap(), "ok");
}

#[tokio::test]
async fn the_log_names_the_kind_of_a_hash_that_is_not_configured() {
    let (harness, _) = signed_up().await;
    for (text, kind) in [
        ("$2b$12$R9h/cIPz0gi", "2b"),
        ("pbkdf2_sha256$1000000$salt$hash", "pbkdf2_sha256"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "of an unknown form"),
    ] {
        set_hash(&harness, PasswordHash::from_text(text));
        for _ in 0..10 {
            assert_eq!(harness.try_password(PASSWORD).await, "internal_error");
        }
        for logged in harness.log.take_errors() {
            assert_eq!(
                logged.error,
                format!(
                    "verify a password: the kind of its hash, {kind}, is not configured; list it among the previous hashes"
                )
            );
        }
    }
}

#[tokio::test]
async fn p80_a_user_without_a_password_verifies_none_until_a_reset_sets_it() {
    for text in ["", "!", "!kYx1OZr3lOPqRa7"] {
        let (harness, _) = signed_up().await;
        set_hash(&harness, PasswordHash::from_text(text));
        let evaluations = harness.hasher.evaluations();
        for _ in 0..5 {
            assert_eq!(harness.try_password(PASSWORD).await, "incorrect_password");
        }
        assert_eq!(
            harness.hasher.evaluations() - evaluations,
            5,
            "each takes the time of a hash"
        );
        assert_eq!(harness.try_password(PASSWORD).await, "rate_limited");

        let user_password_reset_token = harness.completable_reset().await;
        let complete = CompleteUserPasswordReset {
            user_password_reset_token,
        };
        assert_eq!(outcome(&harness.server, complete).await, "ok");
        harness.advance(minutes(1));
        assert_eq!(harness.try_password(NEW_PASSWORD).await, "ok");
        assert_eq!(harness.log.errors(), []);
    }
    promise::report("P80", "users without a password, in 3 forms");
}
