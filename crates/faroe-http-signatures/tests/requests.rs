//! P40: what a verifier takes, and that it takes nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, thread, time::Duration};

use faroe_core::time::{Clock, UnixTime};
use faroe_http_signatures::{
    InvalidKeys, InvalidSignature, Signer, SigningKey, UnsignableRequest, Verifier,
    VerifierOptions, VerifyingKey,
};
use faroe_testkit::{clock::ManualClock, promise};
use http::{HeaderValue, Method, Request, request::Parts};

const BODY: &[u8] = br#"{"action":"get_user","arguments":{"user_id":"1"}}"#;

const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----";

fn secret(id: &str, byte: u8) -> (SigningKey, VerifyingKey) {
    (
        SigningKey::hmac_sha256(id, &[byte; 32]).unwrap(),
        VerifyingKey::hmac_sha256(id, &[byte; 32]).unwrap(),
    )
}

fn key_pair(id: &str) -> (SigningKey, VerifyingKey) {
    (
        SigningKey::ed25519(id, PRIVATE_KEY).unwrap(),
        VerifyingKey::ed25519(id, PUBLIC_KEY).unwrap(),
    )
}

/// Both sides, at one time.
struct Pair {
    clock: Arc<ManualClock>,
    signer: Signer,
    verifier: Verifier,
}

impl Pair {
    fn new((signing, verifying): (SigningKey, VerifyingKey)) -> Self {
        Self::with_options(signing, [verifying], VerifierOptions::default())
    }

    fn with_options(
        signing: SigningKey,
        verifying: impl IntoIterator<Item = VerifyingKey>,
        mut options: VerifierOptions,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        options.clock = clock.clone();
        Self {
            signer: Signer::with_clock(signing, clock.clone()),
            verifier: Verifier::new(verifying, options).unwrap(),
            clock,
        }
    }

    fn signed(&self) -> Parts {
        let mut request = request("https://users.example.com/faroe");
        let headers = self.signer.sign(&request, BODY).unwrap();
        request.headers.extend(headers);
        received(request)
    }

    fn verify(&self, request: &Parts) -> Result<(), InvalidSignature> {
        self.verifier.verify(request, BODY)
    }
}

fn request(url: &str) -> Parts {
    Request::post(url).body(()).unwrap().into_parts().0
}

/// The request as a server sees it: the path in the request line, the host in a header.
fn received(mut request: Parts) -> Parts {
    let host = request.uri.authority().unwrap().as_str();
    let host = HeaderValue::from_str(host).unwrap();
    request.headers.insert("host", host);
    request.uri = request.uri.path().parse().unwrap();
    request
}

/// Replaces text in a header.
fn alter(request: &mut Parts, header: &str, from: &str, to: &str) {
    let old = request.headers[header].to_str().unwrap();
    let new = old.replacen(from, to, 1);
    assert_ne!(old, new);
    *request.headers.get_mut(header).unwrap() = HeaderValue::from_str(&new).unwrap();
}

#[test]
fn p40_a_signed_request_passes_once() {
    for keys in [secret("a", 1), key_pair("a")] {
        let pair = Pair::new(keys);
        let (one, other) = (pair.signed(), pair.signed());
        assert_eq!(pair.verify(&one), Ok(()));
        assert_eq!(pair.verify(&one), Err(InvalidSignature::Replayed));
        assert_eq!(pair.verify(&other), Ok(()));
        pair.clock.advance(Duration::from_secs(60));
        assert_eq!(pair.verify(&one), Err(InvalidSignature::Replayed));
        pair.clock.advance(Duration::from_secs(1));
        assert_eq!(pair.verify(&one), Err(InvalidSignature::Time));
    }
    promise::report("P40", "signatures pass once");
}

#[test]
fn p40_of_racing_copies_one_passes() {
    let pair = Pair::new(secret("a", 1));
    for _ in 0..100 {
        let request = pair.signed();
        let passed = thread::scope(|scope| {
            let copies: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| pair.verify(&request)))
                .collect();
            let results = copies.into_iter().map(|copy| copy.join().unwrap());
            results.filter(Result::is_ok).count()
        });
        assert_eq!(passed, 1);
    }
    promise::report("P40", "of 4 racing copies 1 passes, 100 times");
}

#[test]
fn p40_whatever_is_tampered_with_is_refused() {
    type Tamper = fn(&mut Parts);
    let wrong: [(&str, Tamper); 6] = [
        ("method", |request| request.method = Method::PUT),
        ("path", |request| request.uri = "/other".parse().unwrap()),
        ("host", |request| alter(request, "host", "users", "others")),
        ("time", |request| {
            alter(
                request,
                "signature-input",
                "created=1780000000",
                "created=1780000001",
            );
        }),
        ("signature", |request| {
            alter(request, "signature", "faroe=:", "faroe=:AAAA");
        }),
        ("no signature", |request| {
            *request.headers.get_mut("signature").unwrap() = HeaderValue::from_static("faroe=::");
        }),
    ];
    for keys in [secret("a", 1), key_pair("a")] {
        let pair = Pair::new(keys);
        for (what, tamper) in wrong {
            let mut request = pair.signed();
            tamper(&mut request);
            let refused = Err(InvalidSignature::Signature);
            assert_eq!(pair.verify(&request), refused, "{what}");
        }
        // A request that was refused is not used up.
        let request = pair.signed();
        assert_eq!(
            pair.verifier.verify(&request, b"{}"),
            Err(InvalidSignature::Body)
        );
        assert_eq!(pair.verify(&request), Ok(()));
        let mut request = pair.signed();
        let digest = pair.signer.sign(&received_head(), b"{}").unwrap()["content-digest"].clone();
        request.headers.insert("content-digest", digest);
        assert_eq!(
            pair.verifier.verify(&request, b"{}"),
            Err(InvalidSignature::Signature)
        );
        let mut request = pair.signed();
        alter(&mut request, "signature-input", "nonce=\"", "nonce=\"x");
        assert_eq!(pair.verify(&request), Err(InvalidSignature::Signature));
    }
    promise::report("P40", "tampering refused");
}

fn received_head() -> Parts {
    received(request("https://users.example.com/faroe"))
}

#[test]
fn p40_every_byte_of_a_signature_counts() {
    for keys in [secret("a", 1), key_pair("a")] {
        let pair = Pair::new(keys);
        let request = pair.signed();
        let field = request.headers["signature"].to_str().unwrap().to_owned();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let start = "faroe=:".len();
        let end = field.trim_end_matches([':', '=']).len();
        for position in start..end {
            let mut tampered = field.clone().into_bytes();
            let index = alphabet
                .iter()
                .position(|byte| *byte == tampered[position])
                .unwrap();
            // The highest of six bits: one that is never padding.
            tampered[position] = alphabet[index ^ 32];
            let mut request = request.clone();
            let tampered = HeaderValue::from_bytes(&tampered).unwrap();
            request.headers.insert("signature", tampered);
            assert_eq!(
                pair.verify(&request),
                Err(InvalidSignature::Signature),
                "{position}"
            );
        }
        assert_eq!(pair.verify(&request), Ok(()));
    }
    promise::report("P40", "every byte of a signature counts");
}

#[test]
fn p40_a_signature_that_covers_or_says_something_else_is_refused() {
    use InvalidSignature::{Components, Fields, Parameters, Time, UnknownKey};
    let pair = Pair::new(secret("a", 1));
    for (from, to, expected) in [
        ("\"@method\" ", "", Components),
        (" \"content-digest\"", "", Components),
        ("\"@method\"", "\"@path\"", Components),
        ("\"@method\"", "\"date\"", Components),
        ("\"@method\"", "\"@method\";req", Components),
        ("\"@method\"", "@method", Fields),
        ("\"@method\"", "\"@method\" \"@query\"", Components),
        (";created=", ";made=", Parameters),
        (";created=", ";created=\"\";ignored=", Parameters),
        (";nonce=", ";once=", Parameters),
        (";nonce=\"", ";nonce=\"short\";x=\"", Parameters),
        (";keyid=", ";key=", Parameters),
        (";keyid=\"a\"", ";keyid=\"b\"", UnknownKey),
        (";keyid=\"a\"", ";keyid=\"a\";alg=\"ed25519\"", UnknownKey),
        (";keyid=\"a\"", ";keyid=\"a\";tag=\"other\"", Parameters),
        (";keyid=\"a\"", ";keyid=\"a\";expires=1", Time),
        ("faroe=", "other=", Fields),
        ("faroe=", "other=(), faroe=", Fields),
        ("faroe=(", "faroe=[", Fields),
    ] {
        let mut request = pair.signed();
        alter(&mut request, "signature-input", from, to);
        assert_eq!(pair.verify(&request), Err(expected), "{from} -> {to}");
    }
    for header in ["signature", "signature-input", "content-digest", "host"] {
        let mut request = pair.signed();
        let value = request.headers.remove(header).unwrap();
        assert_eq!(pair.verify(&request), Err(Fields), "no {header}");
        request.headers.append(header, value.clone());
        request.headers.append(header, value);
        assert_eq!(pair.verify(&request), Err(Fields), "{header} twice");
    }
    promise::report("P40", "other forms refused");
}

#[test]
fn p40_a_signature_from_another_time_is_refused() {
    for (seconds, expected) in [
        (-61, Err(InvalidSignature::Time)),
        (-60, Ok(())),
        (60, Ok(())),
        (61, Err(InvalidSignature::Time)),
    ] {
        let pair = Pair::new(key_pair("a"));
        let request = pair.signed();
        let now = pair.clock.now().as_milliseconds() + seconds * 1000;
        pair.clock.set(UnixTime::from_milliseconds(now));
        assert_eq!(pair.verify(&request), expected, "{seconds}");
    }
    promise::report("P40", "other times refused");
}

#[test]
fn p40_another_key_is_refused_and_a_key_can_be_changed() {
    let (forged, right) = (secret("old", 2).0, secret("old", 1).1);
    let pair = Pair::with_options(forged, [right], VerifierOptions::default());
    let forgery = pair.signed();
    assert_eq!(pair.verify(&forgery), Err(InvalidSignature::Signature));

    let key = |id: &str| match id {
        "old" => secret("old", 1),
        _ => key_pair("new"),
    };
    for (taken, signed_by, expected) in [
        (&["old"][..], "old", Ok(())),
        (&["old"], "new", Err(InvalidSignature::UnknownKey)),
        (&["old", "new"], "old", Ok(())),
        (&["old", "new"], "new", Ok(())),
        (&["new"], "new", Ok(())),
        (&["new"], "old", Err(InvalidSignature::UnknownKey)),
    ] {
        let keys = taken.iter().map(|id| key(id).1);
        let pair = Pair::with_options(key(signed_by).0, keys, VerifierOptions::default());
        assert_eq!(
            pair.verify(&pair.signed()),
            expected,
            "{taken:?} {signed_by}"
        );
    }
    promise::report("P40", "other keys refused, rotation");
}

#[test]
fn p40_a_public_key_is_no_secret_to_sign_with() {
    // An attacker signs with the public key as if it were a shared secret.
    let public_key = [
        0x26, 0xb4, 0x0b, 0x8f, 0x93, 0xff, 0xf3, 0xd8, 0x97, 0x11, 0x2f, 0x7e, 0xbc, 0x58, 0x2b,
        0x23, 0x2d, 0xbd, 0x72, 0x51, 0x7d, 0x08, 0x2f, 0xe8, 0x3c, 0xfb, 0x30, 0xdd, 0xce, 0x43,
        0xd1, 0xbb,
    ];
    let signing = SigningKey::hmac_sha256("a", &public_key).unwrap();
    let pair = Pair::with_options(signing, [key_pair("a").1], VerifierOptions::default());
    assert_eq!(
        pair.verify(&pair.signed()),
        Err(InvalidSignature::Signature)
    );
    promise::report("P40", "other algorithms refused");
}

#[test]
fn p40_the_memory_of_signatures_has_an_end_and_forgets_none_that_counts() {
    let (signing, verifying) = secret("a", 1);
    let mut options = VerifierOptions::default();
    options.max_remembered = 3;
    let pair = Pair::with_options(signing, [verifying], options);
    let requests: Vec<_> = (0..4).map(|_| pair.signed()).collect();
    for request in &requests[..3] {
        assert_eq!(pair.verify(request), Ok(()));
    }
    assert_eq!(pair.verify(&requests[3]), Err(InvalidSignature::TooMany));
    for request in &requests[..3] {
        assert_eq!(pair.verify(request), Err(InvalidSignature::Replayed));
    }
    pair.clock.advance(Duration::from_secs(61));
    assert_eq!(pair.verify(&pair.signed()), Ok(()));
    promise::report("P40", "bounded memory of nonces");
}

#[test]
fn a_signature_written_by_hand_from_the_readme_passes() {
    // Other order, another label, `alg`, another digest beside ours: all of it is in the standard.
    let clock = ManualClock::default();
    let created = clock.now().to_timestamp().as_seconds();
    let digest = "sha-512=:AAAA:, sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let parameters = format!(
        r#"("content-digest" "@path" "@method" "@authority");keyid="a";alg="hmac-sha256";nonce="0123456789abcdef";created={created}"#
    );
    let base = format!(
        "\"content-digest\": {digest}\n\"@path\": /\n\"@method\": POST\n\"@authority\": localhost:4001\n\"@signature-params\": {parameters}"
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[1; 32]);
    let signature = base64::Engine::encode(
        &base64::prelude::BASE64_STANDARD,
        ring::hmac::sign(&key, base.as_bytes()),
    );
    let request = Request::post("/")
        .header("host", "LOCALHOST:4001")
        .header("content-digest", digest)
        .header("signature-input", format!("sig1={parameters}"))
        .header("signature", format!("sig1=:{signature}:"))
        .body(())
        .unwrap();
    let mut options = VerifierOptions::default();
    options.clock = Arc::new(clock);
    let verifier = Verifier::new([secret("a", 1).1], options).unwrap();
    let request = request.into_parts().0;
    assert_eq!(verifier.verify(&request, br#"{"hello": "world"}"#), Ok(()));
}

#[test]
fn unsignable_requests_and_unusable_keys_are_refused() {
    let signer = Signer::new(secret("a", 1).0);
    let with_query = request("https://users.example.com/?a=b");
    let refused = signer.sign(&with_query, BODY).unwrap_err();
    assert_eq!(refused, UnsignableRequest::Query);
    let refused = signer.sign(&request("/faroe"), BODY).unwrap_err();
    assert_eq!(refused, UnsignableRequest::Authority);
    let verifier = |keys: Vec<VerifyingKey>| Verifier::new(keys, VerifierOptions::default());
    assert_eq!(verifier(vec![]).unwrap_err(), InvalidKeys::None);
    let twice = vec![secret("a", 1).1, key_pair("a").1];
    assert_eq!(verifier(twice).unwrap_err(), InvalidKeys::SameId);
}
