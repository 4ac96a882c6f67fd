//! Tests of the data that is sent to the service.

use faroe_core::{password::PasswordStrengthChecker, protocol::secret::Password};
use faroe_pwned_passwords::WhenUnknown;

use crate::{
    OTHERS, PASSWORD, PREFIX, checker,
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
