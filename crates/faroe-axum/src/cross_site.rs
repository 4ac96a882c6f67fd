//! Requests that other sites make a browser send.

use axum::http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use faroe_address::Origin;

use crate::Cookies;

/// Checks whether a page of another site may have sent this request, and it may change something.
///
/// Browsers have sent `Origin` with every such request for years, and say with `Sec-Fetch-Site` where it comes from; no
/// page can change either. A request without both was not sent by a page.
pub(crate) fn is_forged(parts: &Parts, cookies: Cookies, trusted: &[Origin]) -> bool {
    if !may_change_something(parts) {
        return false;
    }
    let origin = parts.headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| trusted.iter().any(|trusted| trusted.as_str() == origin)) {
        return false;
    }
    match (parts.headers.get("sec-fetch-site"), origin) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => !is_own(parts, cookies, origin),
        (None, None) => false,
    }
}

/// Checks whether the origin is that of the server which the request was sent to.
fn is_own(parts: &Parts, cookies: Cookies, origin: &HeaderValue) -> bool {
    let origin = origin.to_str().ok().map(str::parse::<Origin>);
    let (Some(Ok(origin)), Some(host)) = (origin, host(parts)) else {
        return false;
    };
    let is_secure = origin.scheme() == "https" || cookies.is_development();
    let own = ["https", "http"].map(|scheme| Origin::new(scheme, host));
    is_secure && own.contains(&Ok(origin))
}

/// Checks the method. A WebSocket may change something too: messages through it are not seen here.
fn may_change_something(parts: &Parts) -> bool {
    let is_safe =
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&parts.method);
    !is_safe || parts.headers.contains_key(header::UPGRADE)
}

/// The host and perhaps port that the request was sent to.
fn host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| host_header(&parts.headers))
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Checks whether the request was sent to this machine by one of its own names. Another name may have been made to point
/// here by anyone.
pub(crate) fn is_this_machine(parts: &Parts) -> bool {
    let origin = host(parts).map(|host| Origin::new("http", host));
    origin.is_some_and(|origin| origin.is_ok_and(|origin| origin.is_this_machine()))
}
