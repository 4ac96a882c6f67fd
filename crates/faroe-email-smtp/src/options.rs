//! The settings of a sender.

use std::{fmt, time::Duration};

use faroe_core::error::AdapterError;
use url::Url;
use zeroize::ZeroizeOnDrop;

const OPERATION: &str = "read the URL of the SMTP server";

/// The mail server, the sender's address, and limits.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// The server's host name or IP address. Its certificate must be valid for it.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The protection of the connection.
    pub security: SmtpSecurity,
    /// The credentials to authenticate with. Default: no authentication.
    pub credentials: Option<SmtpCredentials>,
    /// The sender: `name@example.com` or `Example <name@example.com>`. The server must be allowed to send for this domain.
    pub from: String,
    /// The address for replies, in the same format. Default: replies go to `from`.
    pub reply_to: Option<String>,
    /// The time limit for one call up to the transfer of the message, including the wait for a connection. Default: 7
    /// seconds, which is shorter than the core's own timeout for emails. The answer to the message may take three seconds
    /// longer.
    pub timeout: Duration,
    /// The maximum number of connections; further messages wait for one. Default: 8.
    pub connections: usize,
    /// The maximum number of messages sent over one connection. Default: 100. With a server that allows fewer, each message
    /// beyond its limit is refused once and sent over a new connection; a lower number saves that.
    pub messages_per_connection: u32,
    /// The time after which an unused connection is closed. Default: 30 seconds; servers keep idle connections for a minute
    /// or more.
    pub idle_timeout: Duration,
    /// The trusted certificate authorities, in PEM, or the server's own certificate, also a self-signed one; replaces the
    /// default. Default: the authorities that browsers trust (Mozilla's list, compiled in).
    pub root_certificates: Option<String>,
}

/// The protection of the connection to the server. Credentials and messages are only sent once it is in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314), usually on port 465.
    Tls,
    /// STARTTLS (RFC 3207), usually on port 587. Servers that do not offer it are rejected.
    StartTls,
    /// No protection, for a server on this machine. Connections to any other address are rejected.
    Plain,
}

/// The credentials of the server. `Debug` shows neither of them, and both are wiped from memory when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SmtpCredentials {
    /// The user name.
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
    /// Creates settings for a server with TLS on port 465, without authentication.
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
            messages_per_connection: 100,
            idle_timeout: Duration::from_secs(30),
            root_certificates: None,
        }
    }

    /// Reads the server, its protection and the credentials from a URL:
    ///
    /// | URL | protection |
    /// |---|---|
    /// | `smtps://user:password@host:465` | [`SmtpSecurity::Tls`] |
    /// | `smtp://user:password@host:587` | [`SmtpSecurity::StartTls`] |
    /// | `smtp://localhost:25?tls=off` | [`SmtpSecurity::Plain`] |
    ///
    /// User name and password are percent-encoded and optional. The port is optional; its default is shown above.
    ///
    /// # Errors
    ///
    /// Fails for any other URL. The error does not contain the URL.
    pub fn from_url(url: &str, from: impl Into<String>) -> Result<Self, AdapterError> {
        let refused = |reason: &'static str| AdapterError::new(OPERATION, reason);
        let url = Url::parse(url).map_err(|_| refused("not a URL"))?;
        let (security, default_port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (SmtpSecurity::Tls, 465),
            ("smtp", None) => (SmtpSecurity::StartTls, 587),
            ("smtp", Some("tls=off")) => (SmtpSecurity::Plain, 25),
            ("smtp" | "smtps", _) => {
                return Err(refused(
                    "unknown query; only `?tls=off` is allowed, and only with smtp://",
                ));
            }
            _ => return Err(refused("unknown scheme; use smtps:// or smtp://")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(refused("it has a path or a fragment; remove it"));
        }
        let host = url.host_str().ok_or_else(|| refused("it has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host_in_ascii(host).ok_or_else(|| refused("its host is no valid name"))?;
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            security,
            credentials: credentials(&url).map_err(refused)?,
            ..Self::new(host, from)
        })
    }
}

/// Returns an internationalized name, which is percent-encoded in such a URL, in its `xn--` form.
fn host_in_ascii(host: &str) -> Option<String> {
    let host = percent_encoding::percent_decode_str(host)
        .decode_utf8()
        .ok()?;
    if host.is_ascii() {
        Some(host.into_owned())
    } else {
        idna::domain_to_ascii_strict(&host).ok()
    }
}

fn credentials(url: &Url) -> Result<Option<SmtpCredentials>, &'static str> {
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| "its credentials are not UTF-8")
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
    fn a_url_contains_host_port_security_and_credentials() {
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
                "smtps://mail.b\u{fc}cher.example",
                "mail.xn--bcher-kva.example",
                465,
                SmtpSecurity::Tls,
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
    fn any_other_url_is_rejected_without_showing_it() {
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
