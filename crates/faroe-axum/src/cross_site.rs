//! Requests that other sites make a browser send.

use axum::http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use faroe_address::Origin;

use crate::Cookies;

/// Checks whether this request may change something and a page of another site may have sent it.
///
/// Browsers send `Origin` or `Sec-Fetch-Site` with every such request, and no page can change either. A request without
/// both was not sent by a page.
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

/// Checks whether the origin is the one to which the request was sent.
fn is_own(parts: &Parts, cookies: Cookies, origin: &HeaderValue) -> bool {
    let origin = origin.to_str().ok().map(str::parse::<Origin>);
    let (Some(Ok(origin)), Some(host)) = (origin, host(parts)) else {
        return false;
    };
    let is_secure = origin.scheme() == "https" || cookies.is_development();
    let own = ["https", "http"].map(|scheme| Origin::new(scheme, host));
    is_secure && own.contains(&Ok(origin))
}

/// Checks the method. An upgrade counts too, because messages of a WebSocket do not pass through here.
fn may_change_something(parts: &Parts) -> bool {
    let is_safe =
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&parts.method);
    !is_safe || parts.headers.contains_key(header::UPGRADE)
}

/// Returns the host, with a port if there is one, to which the request was sent.
fn host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| host_header(&parts.headers))
}

/// Returns the only `Host` header. Of two, a proxy may have used the other one.
fn host_header(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none());
    host?.to_str().ok()
}

/// Checks whether the request names this machine. Any other name could be an attacker's that resolves to this machine.
pub(crate) fn is_this_machine(parts: &Parts) -> bool {
    let origin = host(parts).map(|host| Origin::new("http", host));
    origin.is_some_and(|origin| origin.is_ok_and(|origin| origin.is_this_machine()))
}
