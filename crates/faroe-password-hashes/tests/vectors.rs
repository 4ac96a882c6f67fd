//! Hashes made by the software that this crate stands in for; see `vectors/make.py`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use faroe_core::password::{PasswordHash, PasswordHashVerifier, Verification};
use faroe_password_hashes::{FirebaseScrypt, Kind, Verifier};
use faroe_testkit::promise;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    made_by: String,
    kind: String,
    password: String,
    hash: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/hashes.json")).unwrap()
}

fn is_correct(verifier: &Verifier, password: &[u8], hash: &str) -> bool {
    let hash = PasswordHash::from_text(hash);
    assert!(verifier.recognizes(&hash));
    match verifier.verify(password, &hash).unwrap() {
        Verification::Correct => true,
        Verification::Incorrect => false,
        Verification::Malformed(error) => panic!("{error}"),
    }
}

#[test]
fn p80_hashes_made_by_other_software_verify_their_password_and_no_other() {
    let mut verified = BTreeMap::<_, usize>::new();
    for vector in vectors() {
        let Vector {
            made_by,
            kind,
            password,
            hash,
        } = vector;
        let kind_of_text = Kind::of_text(&hash).unwrap();
        assert_eq!(kind_of_text.name(), kind, "{made_by}: {hash}");
        let verifier = Verifier::new(kind_of_text);
        assert!(
            is_correct(&verifier, password.as_bytes(), &hash),
            "{made_by}: {password:?}: {hash}"
        );
        let other = format!("?{password}");
        assert!(
            !is_correct(&verifier, other.as_bytes(), &hash),
            "{made_by}: {other:?}: {hash}"
        );
        *verified.entry(kind).or_default() += 1;
    }
    let names: Vec<_> = verified.keys().map(String::as_str).collect();
    let mut all = Kind::ALL.map(Kind::name);
    all.sort_unstable();
    assert_eq!(names, all);
    let count: usize = verified.values().sum();
    promise::report("P80", format_args!("{count} hashes of other software"));
}

#[test]
fn bcrypt_uses_the_first_72_bytes() {
    let bcrypt = Verifier::new(Kind::Bcrypt);
    let mut long = 0;
    for vector in vectors() {
        let password = vector.password.as_bytes();
        if vector.hash.starts_with("$2") && password.len() > 72 {
            assert!(is_correct(&bcrypt, &password[..72], &vector.hash));
            assert!(!is_correct(&bcrypt, &password[..71], &vector.hash));
            long += 1;
        }
    }
    assert!(long > 10, "{long}");
}

#[test]
fn the_key_of_a_firebase_project_need_not_be_in_each_hash() {
    let key =
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    let hash = "$fbscrypt$v=1,n=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz\
                +VHjoZilo78198JAdRuid5lQ==";
    let verifier = Verifier::firebase_scrypt(FirebaseScrypt::new(key, "Bw==").unwrap());
    assert!(is_correct(&verifier, b"user1password", hash));
    assert!(!is_correct(&verifier, b"user2password", hash));
    let other = FirebaseScrypt::new(&key.replace("jx", "ix"), "Bw==").unwrap();
    assert!(!is_correct(
        &Verifier::firebase_scrypt(other),
        b"user1password",
        hash
    ));
    let debug = format!("{verifier:?}");
    assert!(
        !debug.contains(&key[..8]) && !debug.contains("143"),
        "{debug}"
    );
    for (key, separator) in [("", "Bw=="), ("?", "Bw=="), (key, "?")] {
        let error = FirebaseScrypt::new(key, separator).unwrap_err();
        assert!(error.to_string().ends_with("must be in Base64"));
    }
}
