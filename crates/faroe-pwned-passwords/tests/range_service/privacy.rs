//! Tests of the data that is sent to the service and written to the log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use faroe_core::{password::PasswordStrengthChecker, protocol::secret::Password};
use faroe_pwned_passwords::WhenUnknown;

use crate::{
    OTHERS, PASSWORD, PREFIX, SUFFIX, check, checker,
    service::{Service, ok},
};

#[tokio::test]
async fn a_request_contains_five_digits_of_the_hash_and_nothing_else() {
    let service = Service::always(ok(OTHERS)).await;
    let checker = checker(&service, WhenUnknown::Fail);
    // Passwords beyond ASCII are hashed as UTF-8.
    for (password, prefix) in [(PASSWORD, PREFIX), ("p\u{e4}ssw\u{f6}rd", "F517D")] {
        let password = Password::from(password);
        checker.is_strong_enough(&password).await.unwrap();
        let request = service.requests().pop().unwrap();
        let (line, headers) = request.split_once("\r\n").unwrap();
        assert_eq!(line, format!("GET /range/{prefix} HTTP/1.1"));
        let mut headers: Vec<_> = headers.split_terminator("\r\n").collect();
        headers.sort_unstable();
        let agent = concat!(
            "user-agent: faroe-pwned-passwords/",
            env!("CARGO_PKG_VERSION")
        );
        let host = format!("host: 127.0.0.1:{}", service.port());
        assert_eq!(
            headers,
            ["", "accept: */*", "add-padding: true", &host, agent]
        );
    }
}

/// The log output of a test.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_look_up_is_logged_without_the_password_and_its_hash() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let service = Service::always(ok(&format!("{SUFFIX}:1\r\nx"))).await;
    let nowhere = Service::always(ok(OTHERS)).await;
    let open = checker(&service, WhenUnknown::AllowPassword);
    assert!(check(&open).await.unwrap());
    let closed = checker(&service, WhenUnknown::Fail);
    let error = check(&closed).await.unwrap_err();
    let unreachable = checker(&nowhere, WhenUnknown::AllowPassword);
    drop(nowhere);
    tokio::task::yield_now().await;
    assert!(check(&unreachable).await.unwrap());

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("breach check failed, password accepted"),
        "{text}"
    );
    assert!(text.contains("not a list of hashes"), "{text}");
    let text = format!("{text}{error:?}{open:?}{closed:?}");
    for secret in [PREFIX, &SUFFIX[..5], "1e4c9"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let mentions = text
        .replace("faroe_pwned_passwords", "")
        .replace("a password", "");
    assert!(!mentions.contains("\"password\""), "{text}");
}
