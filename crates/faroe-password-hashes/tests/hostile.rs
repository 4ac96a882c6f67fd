//! Hashes that are malformed, or whose costs are too high.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use faroe_core::{
    error::ErrorChain,
    password::{PasswordHash, PasswordHashVerifier, Verification},
};
use faroe_password_hashes::{Bounds, Kind, Verifier};
use faroe_testkit::promise;
use proptest::prelude::*;

/// A hash of each form, with the lowest costs.
const FORMS: [&str; 17] = [
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "bcrypt$$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "bcrypt_sha256$$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$bcrypt-sha256$2b,04$CCCCCCCCCCCCCCCCCCCCC.$E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$bcrypt-sha256$v=2,t=2b,r=4$CCCCCCCCCCCCCCCCCCCCC.$E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$argon2id$v=19$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "argon2$argon2i$v=16$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "$argon2d$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "$scrypt$ln=1,r=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "scrypt:2:1:1$salt$686173686861736868617368",
    "scrypt$2$salt$1$1$aGFzaGhhc2hoYXNoaGFzaA==",
    "pbkdf2_sha256$1$salt$aGFzaGhhc2hoYXNoaGFzaA==",
    "pbkdf2:sha512:1$salt$686173686861736868617368",
    "$pbkdf2-sha384$1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "$pbkdf2$i=1,l=16$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
    "AQAAAAAAAAABAAAAEAABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsMDQ4P",
    "$fbscrypt$v=1,n=1,r=1,p=1,ss=Bw==,sk=aGFzaGhhc2hoYXNoaGFzaA==$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==",
];

/// Bounds within which no hash takes long in a test.
fn small() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.memory_kib = 256;
    bounds.time = Duration::from_millis(2);
    bounds
}

/// Verifies a password and returns the outcome, if the text is of any kind. Asserts that a check without a password agrees.
fn outcome(text: &str, bounds: Bounds) -> Option<Result<Verification, String>> {
    let verifier = Verifier::new(Kind::of_text(text)?).with_bounds(bounds);
    let hash = PasswordHash::from_text(text);
    assert!(verifier.recognizes(&hash));
    let verification = verifier.verify(b"password", &hash);
    match (verifier.check(&hash), &verification) {
        (Ok(()), Ok(Verification::Malformed(error))) => panic!("{text}: {error}"),
        (Ok(()), _) => {}
        (Err(error), Ok(Verification::Malformed(other)) | Err(other)) => {
            assert_eq!(error.to_string(), other.to_string(), "{text}");
        }
        (Err(error), Ok(_)) => panic!("{text}: {error}"),
    }
    Some(verification.map_err(|error| ErrorChain(&error).to_string()))
}

fn assert_malformed(text: &str) {
    match outcome(text, small()) {
        Some(Ok(Verification::Malformed(error))) => {
            let (error, kind) = (error.to_string(), Kind::of_text(text).unwrap());
            let start = format!("verify a password: the {kind} hash is malformed: ");
            assert!(error.starts_with(&start), "{error}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_forms_are_well_formed() {
    for text in FORMS {
        let outcome = outcome(text, small());
        assert!(
            matches!(outcome, Some(Ok(Verification::Incorrect))),
            "{text}: {outcome:?}"
        );
    }
}

#[test]
fn p80_a_hash_without_its_end_has_no_correct_password() {
    let mut cut = 0;
    for text in FORMS {
        for end in 0..text.len() {
            match outcome(&text[..end], small()) {
                None | Some(Ok(Verification::Incorrect | Verification::Malformed(_))) => cut += 1,
                other => panic!("{}: {other:?}", &text[..end]),
            }
        }
    }
    promise::report("P80", format_args!("{cut} hashes without their end"));
}

#[test]
fn malformed_hashes_are_told_from_wrong_passwords() {
    for text in [
        "$2b$",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$+4$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW$",
        "$2b$04$CCCCCCCCCCCCCCCCCCCCé.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "bcrypt$$2x$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$bcrypt-sha256$v=3,t=2b,r=4$CCCCCCCCCCCCCCCCCCCCC.$E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=18$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=15,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=0,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=1,p=0$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=1,p=2,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=1,p=2,keyid=AA$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=4294967296,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=1,p=2$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$v=19$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$aGFzaA",
        "$argon2id$v=19$m=16,t=1,p=2$c2FsdHNhbHRzYWx0$",
        "$argon2id$v=19$m=16,t=1,p=2$c2FsdHNhbHRzYWx0",
        "$scrypt$ln=0,r=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$scrypt$ln=64,r=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$scrypt$ln=1,r=0,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "$scrypt$ln=1,r=65536,p=65536$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "scrypt:3:1:1$salt$686173686861736868617368",
        "scrypt:0:1:1$salt$686173686861736868617368",
        "scrypt:2:1$salt$686173686861736868617368",
        "scrypt:2:1:1$salt$68617368686173686861736",
        "scrypt:2:1:1$salt$6861736868617368686173zz",
        "pbkdf2_sha256$0$salt$aGFzaGhhc2hoYXNoaGFzaA==",
        "pbkdf2_md5$1$salt$aGFzaGhhc2hoYXNoaGFzaA==",
        "pbkdf2_sha256$1$salt$",
        "pbkdf2:sha256$salt$686173686861736868617368",
        "$pbkdf2-sha256$i=1,l=15$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
        "AQAAAAAAAAABAAAA/wABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsMDQ4P",
        "AQAAAAMAAAABAAAAEAABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsMDQ4P",
        "AQAAAAAAAAABAAAAEAABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsM?",
        "$fbscrypt$v=1,n=1,r=1,p=1,ss=Bw==$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==",
        "$fbscrypt$v=2,n=1,r=1,p=1,sk=aGFzaGhhc2hoYXNoaGFzaA==$c2FsdA==$aGFzaGhhc2hoYXNoaGFzaA==",
        "$fbscrypt$v=1,n=1,r=1,p=1,sk=aGFzaGhhc2hoYXNoaGFzaA==$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAA",
        &format!("{}{}", FORMS[5], "A".repeat(1024)),
    ] {
        assert_malformed(text);
    }
}

#[test]
fn p80_costs_above_the_bounds_are_refused_by_name_and_not_computed() {
    // Nothing here would end within a test.
    let high = [
        ("bcrypt", "cost 31", FORMS[0].replace("$04$", "$31$")),
        ("bcrypt", "cost 31", FORMS[2].replace("$04$", "$31$")),
        ("bcrypt", "cost 31", FORMS[4].replace("r=4", "r=31")),
        (
            "argon2",
            "m=4294967295, t=1, p=2",
            FORMS[5].replace("m=16", "m=4294967295"),
        ),
        (
            "argon2",
            "m=16, t=4294967295, p=2",
            FORMS[5].replace("t=1", "t=4294967295"),
        ),
        (
            "scrypt",
            "N=2^31, r=1, p=1",
            FORMS[8].replace("ln=1", "ln=31"),
        ),
        (
            "scrypt",
            "N=2^20, r=32767, p=1",
            FORMS[8].replace("ln=1,r=1", "ln=20,r=32767"),
        ),
        (
            "scrypt",
            "N=2^30, r=1, p=1",
            FORMS[9].replace(":2:", ":1073741824:"),
        ),
        (
            "scrypt",
            "N=2^1, r=32767, p=32767",
            FORMS[9].replace(":1:1", ":32767:32767"),
        ),
        (
            "pbkdf2",
            "4294967295 iterations of sha256",
            FORMS[11].replace("$1$", "$4294967295$"),
        ),
        (
            "pbkdf2",
            "4294967295 iterations of sha1",
            FORMS[15].replace("AQAAAAAAAAABAAAA", "AQAAAAD/////AAAA"),
        ),
        (
            "firebase_scrypt",
            "N=2^31, r=1, p=1",
            FORMS[16].replace("n=1", "n=31"),
        ),
    ];
    for (kind, costs, text) in &high {
        let error = outcome(text, Bounds::default()).unwrap().unwrap_err();
        let start = format!("verify a password: the {kind} hash takes ");
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains(&format!("({costs})")), "{error}");
        assert!(
            error.ends_with("raise the bound or reset the password"),
            "{error}"
        );
    }
    promise::report("P80", format_args!("{} hashes of endless cost", high.len()));
}

#[test]
fn bounds_are_inclusive_and_can_be_changed() {
    let text = FORMS[5].replace("m=16", "m=1024");
    let mut bounds = Bounds::default();
    bounds.memory_kib = 1024;
    assert!(matches!(outcome(&text, bounds), Some(Ok(_))));
    bounds.memory_kib = 1023;
    let error = outcome(&text, bounds).unwrap().unwrap_err();
    assert!(
        error.contains("above the bound of 1023 KiB and 2s"),
        "{error}"
    );
    bounds = Bounds::default();
    bounds.time = Duration::from_micros(1000);
    assert!(matches!(outcome(&text, bounds), Some(Err(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_panics_takes_long_or_is_repeated_in_an_error(
        form in 0..FORMS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[$,=:.0-9a-zA-Z/+]|\\PC", 0..3_u8), 1..5),
    ) {
        let mut text: Vec<char> = FORMS[form].chars().collect();
        for (place, new, edit) in edits {
            let place = place.index(text.len() + 1);
            let new = new.chars().next().unwrap();
            match edit {
                0 => text.insert(place, new),
                1 if place < text.len() => text[place] = new,
                _ => text.truncate(place.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        let error = match outcome(&text, small()) {
            None | Some(Ok(Verification::Incorrect)) => String::new(),
            Some(Ok(Verification::Malformed(error))) => error.to_string(),
            Some(Err(error)) => error,
            Some(Ok(Verification::Correct)) => panic!("{text}"),
        };
        for part in text.split(['$', ',']).filter(|part| part.len() > 12) {
            prop_assert!(!error.contains(part), "{error}: {text}");
        }
    }

    #[test]
    fn no_text_after_a_known_start_panics(
        start in prop::sample::select(vec![
            "", "$2b$", "bcrypt$", "bcrypt_sha256$", "$bcrypt-sha256$", "$argon2id$", "argon2$", "$scrypt$", "scrypt$",
            "scrypt:", "$pbkdf2$", "$pbkdf2-", "pbkdf2_", "pbkdf2:", "AQAAAA", "$fbscrypt$",
        ]),
        rest in "\\PC{0,80}|[$,=:0-9a-z]{0,40}",
    ) {
        let outcome = outcome(&format!("{start}{rest}"), small());
        prop_assert!(!matches!(outcome, Some(Ok(Verification::Correct))));
    }
}
