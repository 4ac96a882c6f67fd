//! The origin of web pages.

use std::{error::Error, fmt, str::FromStr};

use serde::Deserialize;
use url::{Position, Url};

use crate::names_this_machine;

/// Schemes that browsers know and that no origin has.
const NEVER_AN_ORIGIN: [&str; 4] = ["file", "ftp", "ws", "wss"];

/// The origin of web pages: scheme, host and perhaps a port, such as `https://app.example.com`.
///
/// Parsed strictly: no path, not even `/`, no user, no pattern. The scheme may be an app's own, such as
/// `capacitor://localhost`. Normalised as browsers send it: in lower case, without the default port of its scheme.
///
/// ```
/// use faroe_address::Origin;
///
/// let origin: Origin = "https://App.example.com:443".parse()?;
/// assert_eq!(origin.as_str(), "https://app.example.com");
/// assert!("https://app.example.com/".parse::<Origin>().is_err());
/// # Ok::<(), faroe_address::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(Url);

impl Origin {
    /// The origin of what is served under this scheme and `Host` header, `host` or `host:port`.
    ///
    /// # Errors
    ///
    /// When that is not an origin.
    pub fn new(scheme: &str, host: &str) -> Result<Self, InvalidOrigin> {
        format!("{scheme}://{host}").parse()
    }

    /// The origin as browsers send it in a header.
    pub fn as_str(&self) -> &str {
        &self.0[..Position::BeforePath]
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host, in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, if it is not the scheme's default.
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// Checks whether the pages come from a web server on this machine: by `http` or `https`, from a host that
    /// [`names_this_machine`], on any port.
    pub fn is_this_machine(&self) -> bool {
        matches!(self.scheme(), "http" | "https") && names_this_machine(self.host())
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(InvalidOrigin)?;
        // The parser is made for addresses that people type: it would repair much of what is refused here.
        let is_made_of = |text: &str, others: &[u8]| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        if !is_made_of(scheme, b"+-.")
            || !is_made_of(authority, b"._-:[]")
            || authority.ends_with(':')
        {
            return Err(InvalidOrigin);
        }
        let url = Url::parse(&text.to_ascii_lowercase()).map_err(|_| InvalidOrigin)?;
        if !url.has_host() || NEVER_AN_ORIGIN.contains(&url.scheme()) {
            return Err(InvalidOrigin);
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not an [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an origin as browsers send it, such as \"https://app.example.com\", without a path or pattern",
        )
    }
}

impl Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:080", "http://app.example.com"),
            ("http://app.example.com:443", "http://app.example.com:443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://my_host:0", "http://my_host:0"),
            ("http://127.1", "http://127.0.0.1"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://[0:0::0001]", "https://[::1]"),
            (
                "https://xn--bcher-kva.example",
                "https://xn--bcher-kva.example",
            ),
            ("capacitor://localhost", "capacitor://localhost"),
            ("moz-extension://C0FFEE", "moz-extension://c0ffee"),
        ] {
            let origin: Origin = text.parse().expect(text);
            assert_eq!(origin.as_str(), expected);
            assert_eq!(origin.to_string().parse(), Ok(origin));
        }
    }

    #[test]
    fn no_other_text_is_an_origin() {
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "://app.example.com",
            "https:app.example.com",
            "https:/app.example.com",
            "https://",
            "https:///",
            "https://:443",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example\\path",
            "https://a.example?query",
            "https://a.example#fragment",
            "https://user@a.example",
            "https://a.example\r\n",
            " https://a.example",
            "ht\ttps://a.example",
            "https://a.example,https://b.example",
            "https://a%2eexample",
            "https://bücher.example",
            "https://a.example:",
            "https://a.example:port",
            "https://a.example:99999",
            "https://a.example:80:80",
            "https://[::1",
            "https://[::1]a.example",
            "https://256.0.0.1",
            "file://a.example",
            "ftp://a.example",
            "wss://a.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }

    #[test]
    fn an_origin_has_a_scheme_a_host_and_perhaps_a_port() {
        for (text, parts) in [
            ("https://A.example:443", ("https", "a.example", None)),
            ("http://[::1]:3000", ("http", "[::1]", Some(3000))),
            ("tauri://localhost", ("tauri", "localhost", None)),
        ] {
            let origin: Origin = text.parse().expect(text);
            assert_eq!((origin.scheme(), origin.host(), origin.port()), parts);
        }
        assert_eq!(
            Origin::new("http", "A.example:80"),
            "http://a.example".parse()
        );
        assert_eq!(Origin::new("http", "user@a.example"), Err(InvalidOrigin));
        assert_eq!(Origin::new("http", ""), Err(InvalidOrigin));
    }

    #[test]
    fn only_web_servers_of_this_machine_are_this_machine() {
        for text in [
            "http://localhost",
            "https://LOCALHOST:5173",
            "http://127.0.0.1:3000",
            "http://127.0.0.2",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]:1",
        ] {
            assert!(text.parse::<Origin>().unwrap().is_this_machine(), "{text}");
        }
        for text in [
            "http://localhost.evil.example",
            "http://localhost.",
            "http://127.0.0.1.evil.example:1",
            "http://127.example.com",
            "http://0.0.0.0",
            "http://evil.example",
            "capacitor://localhost",
        ] {
            assert!(!text.parse::<Origin>().unwrap().is_this_machine(), "{text}");
        }
    }
}
