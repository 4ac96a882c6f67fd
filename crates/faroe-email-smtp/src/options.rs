//! What a sender may be told.

use std::{fmt, time::Duration};

use faroe_core::error::AdapterError;
use url::Url;
use zeroize::ZeroizeOnDrop;

const OPERATION: &str = "use the URL of the SMTP server";

/// Which server sends the messages, and in whose name.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// The name of the server, which its certificate has to be for, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Who signs in. Default: nobody does.
    pub credentials: Option<SmtpCredentials>,
    /// Whom the messages are from: `name@example.com` or `Example <name@example.com>`. The server must be allowed to send
    /// for this domain.
    pub from: String,
    /// Where answers go, written likewise. Default: to `from`.
    pub reply_to: Option<String>,
    /// From the call to the server's acceptance of the message, waiting for a connection included. Default: 7 seconds,
    /// less than the core waits for a code.
    pub timeout: Duration,
    /// How many connections there are at most; further messages wait for one. Default: 8.
    pub connections: usize,
    /// How long an unused connection is kept. Default: 30 seconds; servers keep one for a minute or more.
    pub idle_timeout: Duration,
    /// The only certificate authorities to trust, in PEM. Default: those that browsers trust (Mozilla's list, compiled
    /// in).
    pub root_certificates: Option<String>,
}

/// How the connection to the server is protected. Nobody signs in and nothing is sent before it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314), usually on port 465.
    Tls,
    /// STARTTLS (RFC 3207), usually on port 587. A server that does not offer it is refused.
    StartTls,
    /// None at all: for a server on this machine only. A connection to any other address is refused.
    Plain,
}

/// Who signs in to the server. `Debug` shows nothing, and the password is wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SmtpCredentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for SmtpCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpCredentials([REDACTED])")
    }
}

impl SmtpOptions {
    /// A server by TLS on port 465, without signing in.
    pub fn new(host: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 465,
            security: SmtpSecurity::Tls,
            credentials: None,
            from: from.into(),
            reply_to: None,
            timeout: Duration::from_secs(7),
            connections: 8,
            idle_timeout: Duration::from_secs(30),
            root_certificates: None,
        }
    }

    /// A server as a URL:
    ///
    /// | URL | what |
    /// |---|---|
    /// | `smtps://user:password@host:465` | [`SmtpSecurity::Tls`] |
    /// | `smtp://user:password@host:587` | [`SmtpSecurity::StartTls`] |
    /// | `smtp://localhost:25?tls=off` | [`SmtpSecurity::Plain`] |
    ///
    /// User and password are percent-encoded and may be missing; so may the port, which is then as shown.
    ///
    /// # Errors
    ///
    /// Any other URL. The error does not show it.
    pub fn from_url(url: &str, from: impl Into<String>) -> Result<Self, AdapterError> {
        let refused = |reason: &'static str| AdapterError::new(OPERATION, reason);
        let url = Url::parse(url).map_err(|_| refused("it is no URL"))?;
        let (security, default_port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (SmtpSecurity::Tls, 465),
            ("smtp", None) => (SmtpSecurity::StartTls, 587),
            ("smtp", Some("tls=off")) => (SmtpSecurity::Plain, 25),
            ("smtp" | "smtps", _) => {
                return Err(refused(
                    "after a `?` there may only be tls=off, and only for smtp://",
                ));
            }
            _ => return Err(refused("it begins neither with smtps:// nor with smtp://")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(refused("there may be no path in it"));
        }
        let host = url.host_str().ok_or_else(|| refused("it names no host"))?;
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            security,
            credentials: credentials(&url).map_err(refused)?,
            ..Self::new(host.trim_start_matches('[').trim_end_matches(']'), from)
        })
    }
}

fn credentials(url: &Url) -> Result<Option<SmtpCredentials>, &'static str> {
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| "its credentials are no UTF-8")
    };
    let (username, password) = (url.username(), url.password());
    if username.is_empty() && password.is_none() {
        return Ok(None);
    }
    Ok(Some(SmtpCredentials {
        username: decode(username)?,
        password: decode(password.unwrap_or_default())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_security_and_credentials() {
        for (url, host, port, security, credentials) in [
            (
                "smtps://mail.example.com",
                "mail.example.com",
                465,
                SmtpSecurity::Tls,
                None,
            ),
            (
                "smtp://mail.example.com/",
                "mail.example.com",
                587,
                SmtpSecurity::StartTls,
                None,
            ),
            (
                "smtp://[::1]:1025?tls=off",
                "::1",
                1025,
                SmtpSecurity::Plain,
                None,
            ),
            (
                "smtps://me%40example.com:p%2Fw%3A%C3%A9@10.0.0.1:2465",
                "10.0.0.1",
                2465,
                SmtpSecurity::Tls,
                Some(("me@example.com", "p/w:é")),
            ),
        ] {
            let options = SmtpOptions::from_url(url, "a@example.com").unwrap();
            assert_eq!((options.host.as_str(), options.port), (host, port));
            assert_eq!(options.security, security);
            let found = options.credentials.as_ref();
            let found = found.map(|found| (found.username.as_str(), found.password.as_str()));
            assert_eq!(found, credentials);
        }
    }

    #[test]
    fn any_other_url_is_refused_without_showing_it() {
        for url in [
            "",
            "canary",
            "https://canary",
            "smtps://canary?tls=off",
            "smtp://canary?tls=maybe",
            "smtp://canary/path",
            "smtps://user:canary@",
            "smtps://%FF:canary@host",
        ] {
            let error = SmtpOptions::from_url(url, "a@example.com").unwrap_err();
            let shown = faroe_core::error::ErrorChain(&error).to_string();
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let options = SmtpOptions::from_url("smtps://canary:canary@host", "a@example.com");
        assert!(!format!("{:?}", options.unwrap()).contains("canary"));
    }
}
