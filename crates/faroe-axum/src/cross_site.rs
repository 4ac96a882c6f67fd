//! Requests that other sites make a browser send.

use std::{error::Error, fmt, str::FromStr};

use axum::http::{HeaderMap, Method, header, request::Parts};

use crate::Cookies;

/// A site whose pages may send requests that change something: scheme, host and port, as a browser writes them.
///
/// ```
/// use faroe_axum::Origin;
///
/// assert!("https://app.example.com".parse::<Origin>().is_ok());
/// assert!("https://app.example.com/".parse::<Origin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let is_fit = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)
        };
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(is_fit) => Ok(Self(text.to_owned())),
            _ => Err(InvalidOrigin),
        }
    }
}

/// A text that no browser sends as an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an origin is written like https://app.example.com, in lower case and without a path",
        )
    }
}

impl Error for InvalidOrigin {}

/// Whether a page of another site may have sent this request, and it may change something.
///
/// Browsers have sent `Origin` with every such request for years, and say with `Sec-Fetch-Site` where it comes from; no
/// page can change either. A request that has neither was not sent by a page.
pub(crate) fn is_forged(parts: &Parts, cookies: Cookies, trusted: &[Origin]) -> bool {
    if !may_change_something(parts) {
        return false;
    }
    let origin = parts.headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| trusted.iter().any(|trusted| *origin == trusted.0.as_str())) {
        return false;
    }
    match (parts.headers.get("sec-fetch-site"), origin) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => {
            let schemes: &[&str] = if cookies.is_development() {
                &["http://", "https://"]
            } else {
                &["https://"]
            };
            let host = host(parts);
            let is_own = |scheme: &&str| {
                let authority = origin.as_bytes().strip_prefix(scheme.as_bytes());
                authority.is_some() && authority == host.map(str::as_bytes)
            };
            !schemes.iter().any(is_own)
        }
        (None, None) => false,
    }
}

/// By the method; a WebSocket too, for what is sent through it is not seen here.
fn may_change_something(parts: &Parts) -> bool {
    let is_safe =
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&parts.method);
    !is_safe || parts.headers.contains_key(header::UPGRADE)
}

/// Host and port that the request was sent to.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| host_header(&parts.headers))
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Whether `host` or `host:port` names this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        authority
            .strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
