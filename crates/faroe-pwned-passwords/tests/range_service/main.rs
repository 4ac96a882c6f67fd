//! Look-ups at a scripted service that answers correctly or misbehaves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod privacy;
mod service;

use std::sync::Arc;

use faroe_core::{
    error::AdapterError, password::PasswordStrengthChecker, protocol::secret::Password,
};
use faroe_pwned_passwords::{PwnedPasswords, PwnedPasswordsOptions, WhenUnknown};
use futures::future::join_all;

use self::service::{Answer, Crowd, Service, chunks, ok, ok_bytes};

/// A password whose SHA-1 hash is [`PREFIX`] followed by [`SUFFIX`].
const PASSWORD: &str = "password";
const PREFIX: &str = "5BAA6";
const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

/// Entries of the same range without the password's own.
const OTHERS: &str =
    "003D68EB55068C33ACE09247EE4C639306B:3\r\n012C192B2F16F82EA0EB9EF18D9D539B0DD:1\r\n";

fn others_and(line: &str) -> String {
    format!("{OTHERS}{line}")
}

fn checker(service: &Service, when_unknown: WhenUnknown) -> PwnedPasswords {
    PwnedPasswords::new(PwnedPasswordsOptions {
        base_url: service.base_url(),
        when_unknown,
        ..PwnedPasswordsOptions::default()
    })
}

async fn check(checker: &PwnedPasswords) -> Result<bool, AdapterError> {
    checker.is_strong_enough(&Password::from(PASSWORD)).await
}

/// Returns whether each policy accepts the password if every request gets this answer.
async fn passes(answer: Answer) -> [bool; 2] {
    let service = Service::always(answer).await;
    let both = [WhenUnknown::AllowPassword, WhenUnknown::Fail];
    let passes = both.map(|policy| check_once(&service, policy));
    join_all(passes).await.try_into().unwrap()
}

async fn check_once(service: &Service, when_unknown: WhenUnknown) -> bool {
    check(&checker(service, when_unknown)).await.unwrap()
}

#[tokio::test]
async fn a_breached_password_is_rejected_with_both_policies() {
    for line in [
        format!("{SUFFIX}:1"),
        format!("{SUFFIX}:10434004\r\n{}", &OTHERS[..OTHERS.len() - 2]),
        format!("{}:2", SUFFIX.to_lowercase()),
        format!("{SUFFIX}:{}", "9".repeat(1000)),
        format!("{SUFFIX}:18446744073709551616\r\n"),
    ] {
        assert_eq!(
            passes(ok(&others_and(&line))).await,
            [false, false],
            "{line}"
        );
    }
    let end = b"0\r\n\r\n";
    let chunked = [&chunks(&[OTHERS, SUFFIX, ":1", "2"])[..], end].concat();
    assert_eq!(passes(Answer::Bytes(chunked)).await, [false, false]);
}

#[tokio::test]
async fn a_password_that_is_not_breached_is_accepted() {
    assert_eq!(passes(ok(OTHERS)).await, [true, true]);
    let chunked = [&chunks(&[OTHERS])[..], b"0\r\n\r\n"].concat();
    assert_eq!(passes(Answer::Bytes(chunked)).await, [true, true]);
}

#[tokio::test]
async fn an_entry_with_a_count_of_zero_is_padding() {
    let padded = others_and(&format!("{SUFFIX}:0\r\n"));
    assert_eq!(passes(ok(&padded)).await, [true, true]);
}

#[tokio::test]
async fn the_same_password_is_looked_up_once() {
    let service = Service::always(ok(&others_and(&format!("{SUFFIX}:7")))).await;
    let checker = checker(&service, WhenUnknown::Fail);
    for _ in 0..3 {
        assert!(!check(&checker).await.unwrap());
    }
    assert_eq!(service.requests().len(), 1);
    let other = Password::from("another password");
    assert!(checker.is_strong_enough(&other).await.unwrap());
    assert_eq!(service.requests().len(), 2);
}

#[tokio::test]
async fn an_invalid_answer_is_not_cached() {
    let good = others_and(&format!("{SUFFIX}:7"));
    let service = Service::start(move |n| if n == 0 { ok("<html>") } else { ok(&good) }).await;
    let checker = checker(&service, WhenUnknown::AllowPassword);
    assert!(check(&checker).await.unwrap(), "the look-up failed");
    assert!(!check(&checker).await.unwrap(), "the look-up succeeded");
}

#[tokio::test]
async fn at_most_sixteen_requests_are_open_at_once() {
    let crowd = Crowd::of(16);
    let service = Service::always(Answer::Together(Arc::clone(&crowd), ok_bytes(OTHERS))).await;
    let checker = checker(&service, WhenUnknown::Fail);
    // The service answers once sixteen requests are waiting.
    let answers = join_all((0..5 * 16).map(|_| check(&checker))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap()));
    assert_eq!(crowd.most(), 16);
}
