//! A look-up ends within the deadline whatever the service does, and an invalid answer never means "not breached".

use std::time::{Duration, Instant};

use faroe_pwned_passwords::{PwnedPasswords, PwnedPasswordsOptions, WhenUnknown};
use faroe_testkit::promise;
use futures::future::join_all;

use crate::{
    OTHERS, PREFIX, SUFFIX, check, checker,
    service::{Answer, Service, chunks, ok, with_status},
};

/// The deadline, with a margin for a busy machine.
const WITHIN: Duration = Duration::from_millis(3_500);

/// Asserts that the look-up fails within the deadline and that both policies apply.
async fn assert_unknown(name: &str, service: &Service) {
    let both = [WhenUnknown::AllowPassword, WhenUnknown::Fail];
    let checkers = both.map(|policy| checker(service, policy));
    let checks = checkers.each_ref().map(|checker| async move {
        let started = Instant::now();
        (check(checker).await, started.elapsed())
    });
    let [(allowed, time), (failed, other_time)] = join_all(checks).await.try_into().unwrap();
    assert!(allowed.unwrap(), "{name}: the password is accepted");
    assert!(failed.is_err(), "{name}: the check fails");
    let time = time.max(other_time);
    assert!(time < WITHIN, "{name}: it took {time:?}");
}

async fn all_are_unknown(faults: Vec<(&str, Answer)>) {
    let (what, number) = (faults[0].0.to_owned(), faults.len());
    let faults = faults.into_iter().map(|(name, answer)| async move {
        assert_unknown(name, &Service::always(answer).await).await;
    });
    join_all(faults).await;
    promise::report("P49", format!("{number} faults such as {what}, 2 policies"));
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";

#[tokio::test]
async fn p49_a_slow_or_disconnecting_service_times_out() {
    let bytes = |text: &str| text.as_bytes().to_vec();
    all_are_unknown(vec![
        ("silence", Answer::ThenSilence(Vec::new())),
        (
            "silence in the head",
            Answer::ThenSilence(bytes("HTTP/1.1 200 OK\r\n")),
        ),
        ("silence before the body", Answer::ThenSilence(bytes(HEAD))),
        (
            "silence in the body",
            Answer::ThenSilence(bytes(&format!("{HEAD}{OTHERS}"))),
        ),
        (
            "silence before the last chunk",
            Answer::ThenSilence(chunks(&[OTHERS])),
        ),
        ("a slow head", Answer::Drip(Vec::new(), bytes(HEAD))),
        (
            "a slow body",
            Answer::Drip(bytes(HEAD), OTHERS.repeat(20).into()),
        ),
        ("a reset at once", Answer::ThenReset(Vec::new())),
        (
            "a reset in the body",
            Answer::ThenReset(bytes(&format!("{HEAD}{OTHERS}"))),
        ),
        ("an end at once", Answer::Bytes(Vec::new())),
        (
            "an end in the head",
            Answer::Bytes(bytes("HTTP/1.1 200 OK\r\n")),
        ),
    ])
    .await;
}

#[tokio::test]
async fn p49_an_endless_answer_ends_in_time() {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let many_lines = OTHERS.repeat(500);
    let chunk = format!("{:x}\r\n{many_lines}\r\n", many_lines.len());
    let too_many_lines = OTHERS.repeat(512 * 1024 / OTHERS.len() + 1);
    all_are_unknown(vec![
        (
            "an endless head",
            Answer::Endless(bytes("HTTP/1.1 200 OK\r\n"), bytes("X: y\r\n")),
        ),
        (
            "an endless header",
            Answer::Endless(bytes("HTTP/1.1 200 OK\r\nX: "), bytes(&"y".repeat(1000))),
        ),
        (
            "endless chunks",
            Answer::Endless(chunks(&[]), bytes(&chunk)),
        ),
        (
            "an endless body",
            Answer::Endless(
                bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"),
                bytes(&many_lines),
            ),
        ),
        ("one line too many", ok(&too_many_lines)),
        (
            "informational answers without end",
            Answer::Endless(Vec::new(), bytes("HTTP/1.1 103 Early Hints\r\n\r\n")),
        ),
    ])
    .await;
}

#[tokio::test]
async fn defect_17_an_answer_that_is_cut_short_is_not_a_no() {
    let cut =
        |head: &str| Answer::Bytes(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{OTHERS}").into());
    let length = |length: usize| cut(&format!("Content-Length: {length}"));
    let in_a_chunk = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{OTHERS}",
        OTHERS.len() + 2
    );
    all_are_unknown(vec![
        ("by one byte", length(OTHERS.len() + 1)),
        ("by most of it", length(100 * OTHERS.len())),
        ("before the last chunk", Answer::Bytes(chunks(&[OTHERS]))),
        ("in a chunk", Answer::Bytes(in_a_chunk.into())),
        ("without a length", cut("Connection: close")),
        (
            "in an encoding that ends anywhere",
            cut("Transfer-Encoding: identity"),
        ),
        (
            "as HTTP/1.0 did",
            Answer::Bytes(format!("HTTP/1.0 200 OK\r\n\r\n{OTHERS}").into()),
        ),
        (
            "in its last line, with the right length",
            ok(&OTHERS[..OTHERS.len() - 10]),
        ),
        ("to nothing", ok("")),
        ("to a part", with_status("206 Partial Content", OTHERS)),
    ])
    .await;
}

#[tokio::test]
async fn defect_17_an_invalid_line_is_an_error_and_no_panic() {
    for line in [
        "x",
        "",
        ":",
        ":1",
        "1E4C9:1",
        SUFFIX,
        &SUFFIX[1..],
        &format!("{SUFFIX}:"),
        &format!("{SUFFIX}:-1"),
        &format!("{SUFFIX}:0x10"),
        &format!("{}:1", &SUFFIX[1..]),
        &format!("{SUFFIX}0:1"),
        &format!("{PREFIX}{SUFFIX}:1"),
        &format!("{}:1", SUFFIX.replace('9', "G")),
        &format!("{}\u{e4}:1", &SUFFIX[2..]),
        "<!DOCTYPE html><title>Sign in to this network</title>",
        "{\"error\": \"no\"}",
        &"\0".repeat(35),
    ] {
        for body in [format!("{line}\r\n"), format!("{OTHERS}{line}\r\n{OTHERS}")] {
            assert_unknown(&body, &Service::always(ok(&body)).await).await;
        }
    }
}

#[tokio::test]
async fn p49_any_status_but_200_is_an_error() {
    let mut faults = Vec::new();
    for status in [
        "201 Created",
        "204 No Content",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
        "999 What",
    ] {
        faults.push((status, with_status(status, OTHERS)));
    }
    faults.push(("not HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".into())));
    all_are_unknown(faults).await;
}

#[tokio::test]
async fn p49_a_redirect_is_not_followed() {
    let elsewhere = Service::always(ok(OTHERS)).await;
    let target = format!("{}/range/{PREFIX}", elsewhere.url());
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let head = format!("{status}\r\nLocation: {target}");
        let service = Service::always(with_status(&head, OTHERS)).await;
        assert_unknown(status, &service).await;
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn p49_without_a_network_the_policy_applies_and_nothing_hangs() {
    let port = Service::always(ok(OTHERS)).await.port();
    // Nothing listens on the port, and the name does not exist.
    for url in [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        "https://passwords.invalid".to_owned(),
    ] {
        for (when_unknown, passes) in [
            (WhenUnknown::AllowPassword, Some(true)),
            (WhenUnknown::Fail, None),
        ] {
            let checker = PwnedPasswords::new(PwnedPasswordsOptions {
                base_url: url.parse().unwrap(),
                when_unknown,
                ..PwnedPasswordsOptions::default()
            });
            let started = Instant::now();
            assert_eq!(check(&checker).await.ok(), passes, "{url}");
            assert!(started.elapsed() < WITHIN, "{url}");
        }
    }
}

#[tokio::test]
async fn a_service_without_tls_receives_no_request() {
    let service = Service::always(ok(OTHERS)).await;
    let checker = PwnedPasswords::new(PwnedPasswordsOptions {
        base_url: format!("https://127.0.0.1:{}", service.port())
            .parse()
            .unwrap(),
        when_unknown: WhenUnknown::Fail,
        timeout: Duration::from_millis(500),
    });
    assert!(check(&checker).await.is_err());
    assert_eq!((service.connections(), service.requests().len()), (1, 0));
}
