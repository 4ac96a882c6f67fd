//! The base URL of a range service.

use std::{error::Error, fmt, str::FromStr};

use faroe_address::names_this_machine;
use reqwest::Url;

/// The base URL of a range service. Look-ups append `range/` and a prefix.
///
/// The scheme is `https`, or `http` for this machine. The URL has no user name, password, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Returns the URL of the range with this prefix.
    pub(crate) fn range(&self, prefix: &str) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .expect("a URL with a host has segments")
            .pop_if_empty()
            .extend(["range", prefix]);
        url
    }

    /// Checks whether the service is on this machine and used without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

/// The service of Have I Been Pwned, `https://api.pwnedpasswords.com`.
impl Default for BaseUrl {
    fn default() -> Self {
        "https://api.pwnedpasswords.com"
            .parse()
            .expect("this is a base URL")
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text).map_err(|_| InvalidBaseUrl)?;
        let is_allowed = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host_str().is_some_and(names_this_machine),
            _ => false,
        };
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if is_allowed && is_bare {
            Ok(Self(url))
        } else {
            Err(InvalidBaseUrl)
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error for a text that is not a [`BaseUrl`]. `Display` does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBaseUrl;

impl fmt::Display for InvalidBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected a URL such as \"https://api.pwnedpasswords.com\", without credentials, query or fragment; \
             http is only allowed for this machine",
        )
    }
}

impl Error for InvalidBaseUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_below_the_base_url() {
        for (base, expected) in [
            ("https://a.example", "https://a.example/range/5BAA6"),
            ("https://a.example/", "https://a.example/range/5BAA6"),
            (
                "https://a.example:8443/x",
                "https://a.example:8443/x/range/5BAA6",
            ),
            (
                "https://a.example/x/y/",
                "https://a.example/x/y/range/5BAA6",
            ),
            ("http://127.0.0.1:80", "http://127.0.0.1/range/5BAA6"),
            ("http://127.3.2.1:9", "http://127.3.2.1:9/range/5BAA6"),
            ("http://[::1]:9", "http://[::1]:9/range/5BAA6"),
            ("http://localhost:9", "http://localhost:9/range/5BAA6"),
        ] {
            let base: BaseUrl = base.parse().unwrap();
            assert_eq!(base.range("5BAA6").as_str(), expected);
        }
    }

    #[test]
    fn http_is_only_allowed_for_this_machine() {
        for text in [
            "",
            "api.pwnedpasswords.com",
            "http://api.pwnedpasswords.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://192.0.2.1",
            "http://[::2]",
            "http://0.0.0.0",
            "ftp://127.0.0.1",
            "file:///etc",
            "https://",
            "https://me@a.example",
            "https://me:canary@a.example",
            "https://a.example?x",
            "https://a.example#x",
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(InvalidBaseUrl), "{text}");
        }
    }
}
