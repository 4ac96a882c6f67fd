//! A test of the log. It is alone in its program, because a log that is being set up can miss an event that another thread
//! reports for the first time at that moment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use faroe_core::{password::PasswordStrengthChecker, protocol::secret::Password};
use faroe_pwned_passwords::{BaseUrl, PwnedPasswords, PwnedPasswordsOptions, WhenUnknown};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The first five digits of the SHA-1 of `password`, and the others.
const PREFIX: &str = "5BAA6";
const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers every request with the password's entry and a malformed one. Returns the address.
async fn malformed_service() -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(&listener);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let body = format!("{SUFFIX}:1\r\nx");
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = connection.write_all((head + &body).as_bytes()).await;
        }
    });
    url
}

fn url_of(listener: &TcpListener) -> BaseUrl {
    let address = listener.local_addr().unwrap();
    format!("http://{address}").parse().unwrap()
}

fn checker(base_url: BaseUrl, when_unknown: WhenUnknown) -> PwnedPasswords {
    PwnedPasswords::new(PwnedPasswordsOptions {
        base_url,
        when_unknown,
        ..PwnedPasswordsOptions::default()
    })
}

#[tokio::test]
async fn a_failed_look_up_is_logged_without_the_password_and_its_hash() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let password = Password::from("password");
    let malformed = malformed_service().await;
    let nowhere = url_of(&TcpListener::bind("127.0.0.1:0").await.unwrap());
    let open = checker(malformed.clone(), WhenUnknown::AllowPassword);
    assert!(open.is_strong_enough(&password).await.unwrap());
    let closed = checker(malformed, WhenUnknown::Fail);
    let error = closed.is_strong_enough(&password).await.unwrap_err();
    let unreachable = checker(nowhere, WhenUnknown::AllowPassword);
    assert!(unreachable.is_strong_enough(&password).await.unwrap());

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
