//! Comparison with hashes of the reference implementation in C, computed with argon2-cffi for Python.

use std::{sync::Barrier, thread};

use faroe_argon2::{Argon2id, Parameters};
use faroe_core::password::{
    PasswordHash, PasswordHashAlgorithm, PasswordHashVerifier, Verification,
};
#[cfg(feature = "fast")]
use proptest::prelude::{Just, Strategy};

const COUNTING_SALT: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn parameters(memory_kib: u32, iterations: u32, parallelism: u32, hash_length: u32) -> Parameters {
    Parameters {
        memory_kib,
        iterations,
        parallelism,
        hash_length,
    }
}

/// Returns Argon2id with every available implementation.
fn implementations(new: impl Fn() -> Argon2id) -> Vec<Argon2id> {
    vec![
        new(),
        #[cfg(feature = "fast")]
        new().fast(),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes_are_those_of_the_reference_implementation() {
    for (parameters, password, salt, hash) in [
        (
            parameters(64, 2, 2, 16),
            "pässwörd-日本語",
            COUNTING_SALT,
            "e4e51d688fe504376f2033dfb732cc02",
        ),
        (
            parameters(32, 1, 4, 64),
            "",
            [0; 16],
            "d5df5551f412dfb154a65a1b760e6e087c7c85f09e090b1e78cbe0f68bb62504\
             393dc08b12e14eca93aa314e954e293bc8fc135c601ce4b036008bdda5fb488f",
        ),
        (
            parameters(8, 1, 1, 16),
            "a\0b",
            [255; 16],
            "289e7a5fb30575c743d65794c53567a7",
        ),
    ] {
        for argon2id in implementations(|| Argon2id::new(parameters).unwrap()) {
            let computed = argon2id.hash(password.as_bytes(), &salt).unwrap();
            assert_eq!(hex(&computed), hash, "{argon2id:?}");
        }
    }
}

#[test]
fn the_recommended_algorithms_match_their_ids() {
    let cases: [(fn() -> Argon2id, _, _, _); 2] = [
        (
            Argon2id::recommended_for_user_passwords,
            "argon2id.65536.3.1.32",
            "correct horse battery staple",
            "0d1a3c6523c8f06e4e0af9c515aa5b5448cfebd6838f2d52c3d8b6ef8ddc3c2e",
        ),
        (
            Argon2id::recommended_for_temporary_passwords,
            "argon2id.16384.3.1.32",
            "ABCDEFGHJKLM",
            "10ced0a8bb518a8d526fe8614f98aabfec2776a115ab7375db3085c10a59cc41",
        ),
    ];
    for (new, id, password, hash) in cases {
        for argon2id in implementations(new) {
            assert_eq!(argon2id.id(), id);
            assert_eq!(argon2id.salt_size(), 16);
            let computed = argon2id.hash(password.as_bytes(), &COUNTING_SALT).unwrap();
            assert_eq!(hex(&computed), hash, "{argon2id:?}");
        }
    }
}

#[test]
fn reused_memory_does_not_change_a_hash() {
    for argon2id in implementations(|| Argon2id::new(parameters(64, 2, 2, 16)).unwrap()) {
        let first = argon2id.hash(b"first", &COUNTING_SALT).unwrap();
        assert_ne!(first, argon2id.hash(b"second", &COUNTING_SALT).unwrap());
        assert_eq!(first, argon2id.hash(b"first", &COUNTING_SALT).unwrap());
    }
}

#[test]
fn concurrent_hashes_are_correct() {
    for argon2id in implementations(|| Argon2id::new(parameters(1024, 2, 1, 32)).unwrap()) {
        let expected = argon2id.hash(b"password", &COUNTING_SALT).unwrap();
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let computed = argon2id.hash(b"password", &COUNTING_SALT).unwrap();
                    assert_eq!(computed, expected);
                });
            }
        });
    }
}

#[test]
fn an_error_names_the_parameter_that_is_out_of_range() {
    for (parameters, name) in [
        (parameters(7, 3, 1, 32), "memory"),
        (parameters(31, 3, 4, 32), "memory"),
        (parameters(4_194_305, 3, 1, 32), "memory"),
        (parameters(65536, 0, 1, 32), "iterations"),
        (parameters(65536, 1001, 1, 32), "iterations"),
        (parameters(65536, 3, 0, 32), "parallelism"),
        (parameters(65536, 3, 256, 32), "parallelism"),
        (parameters(u32::MAX, 3, u32::MAX, 32), "parallelism"),
        (parameters(65536, 3, 1, 15), "hash length"),
        (parameters(65536, 3, 1, 129), "hash length"),
    ] {
        let error = Argon2id::new(parameters).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn the_error_for_a_short_salt_does_not_contain_the_password() {
    for argon2id in implementations(|| Argon2id::new(parameters(8, 1, 1, 16)).unwrap()) {
        let error = argon2id.hash(b"canary", b"short").unwrap_err();
        assert!(!format!("{error:?} {argon2id:?}").contains("canary"));
    }
}

#[cfg(feature = "fast")]
proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn both_implementations_compute_the_same_hash(
        (parallelism, memory_kib) in (1_u32..=4).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..512)),
        iterations in 1_u32..=3,
        hash_length in 16_u32..=128,
        password: Vec<u8>,
        salt in proptest::collection::vec(proptest::num::u8::ANY, 8..64),
    ) {
        let parameters = parameters(memory_kib, iterations, parallelism, hash_length);
        let argon2id = Argon2id::new(parameters).unwrap();
        let expected = argon2id.hash(&password, &salt).unwrap();
        let fast = argon2id.fast();
        for _ in 0..2 {
            proptest::prop_assert_eq!(&fast.hash(&password, &salt).unwrap(), &expected);
        }
    }
}

#[test]
fn a_hash_is_the_same_under_another_id() {
    let costs = parameters(64, 2, 2, 16);
    let go = Argon2id::new(costs).unwrap().with_id("argon2id.2.64.2.16");
    assert_eq!(go.id(), "argon2id.2.64.2.16");
    let ours = Argon2id::new(costs).unwrap();
    assert_eq!(
        go.hash(b"password", &COUNTING_SALT).unwrap(),
        ours.hash(b"password", &COUNTING_SALT).unwrap()
    );
}

#[test]
fn a_hash_as_a_text_is_that_of_argon2_cffi() {
    let text = "$argon2id$v=19$m=64,t=2,p=2$AAECAwQFBgcICQoLDA0ODw$5OUdaI/lBDdvIDPftzLMAg";
    let argon2id = Argon2id::new(parameters(64, 2, 2, 16)).unwrap();
    let password = "pässwörd-日本語".as_bytes();
    let parts = PasswordHash {
        algorithm_id: argon2id.id().to_owned(),
        salt: COUNTING_SALT.to_vec().into(),
        hash: argon2id.hash(password, &COUNTING_SALT).unwrap().into(),
    };
    assert_eq!(parts.to_text(), text);
    let hash = PasswordHash::from_text(text);
    assert!(argon2id.recognizes(&hash));
    for (password, is_correct) in [(password, true), (b"password", false)] {
        let verification = argon2id.verify(password, &hash).unwrap();
        assert_eq!(matches!(verification, Verification::Correct), is_correct);
    }
    let other = Argon2id::new(parameters(64, 3, 2, 16)).unwrap();
    assert!(!other.recognizes(&hash));
}
