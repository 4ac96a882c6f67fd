//! Cookies that hold secrets: no script reads them, no other host sets them, no plain connection carries them.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Every token of the protocol consists of these and stays as it is.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How cookies are written and read.
///
/// On https each is named `__Host-…` and is `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`: browsers then take it only
/// from this very host over https, show it to no script, and do not send it with cross-site requests other than following
/// a link. For development on `http://localhost` the prefix and `Secure` are left out, for not every browser accepts them
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookies {
    is_development: bool,
}

impl Cookies {
    /// Cookies for https.
    pub const fn secure() -> Self {
        Self {
            is_development: false,
        }
    }

    /// Cookies for development on `http://localhost`.
    pub const fn development() -> Self {
        Self {
            is_development: true,
        }
    }

    pub(crate) const fn is_development(self) -> bool {
        self.is_development
    }

    /// Sets a cookie for so long; `None` is until the browser is closed. Any value comes back as it was.
    ///
    /// # Panics
    ///
    /// If the name has anything but ASCII letters, digits, `-` and `_`.
    pub fn set(self, name: &str, value: &str, max_age: Option<Duration>) -> SetCookie {
        let (name, value) = (self.full_name(name), utf8_percent_encode(value, &ENCODED));
        let max_age = max_age.map_or(String::new(), |age| format!("; Max-Age={}", age.as_secs()));
        let secure = if self.is_development { "" } else { "; Secure" };
        let cookie = format!("{name}={value}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::try_from(cookie).expect("everything in it is visible ASCII");
        cookie.set_sensitive(true);
        SetCookie(cookie)
    }

    /// Removes a cookie.
    ///
    /// # Panics
    ///
    /// As [`Cookies::set`].
    pub fn remove(self, name: &str) -> SetCookie {
        self.set(name, "", Some(Duration::ZERO))
    }

    /// The value of a cookie of the request with these headers.
    ///
    /// Where there are two of one name, neither is believed: one of them is somebody else's. A name is only what it is,
    /// byte by byte. Whoever decodes it, or trims more than spaces and tabs, is given a `__Host-` cookie that the browser
    /// has not checked.
    pub fn get(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.full_name(name);
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| value_of(&name, pair));
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        let decoded = percent_decode_str(std::str::from_utf8(value).ok()?).decode_utf8();
        decoded.ok().map(|value| value.into_owned())
    }

    /// The name as it is on the wire. It panics if no cookie can be named so.
    pub(crate) fn full_name(self, name: &str) -> String {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(
            !name.is_empty() && name.bytes().all(is_fit),
            "`{name}` cannot be the name of a cookie"
        );
        let prefix = if self.is_development { "" } else { "__Host-" };
        format!("{prefix}{name}")
    }
}

fn value_of<'a>(name: &str, pair: &'a [u8]) -> Option<&'a [u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = pair.iter().position(|byte| !is_blank(byte))?;
    let end = pair.iter().rposition(|byte| !is_blank(byte))? + 1;
    pair[start..end]
        .strip_prefix(name.as_bytes())?
        .strip_prefix(b"=")
}

/// A cookie for the browser, as a part of a response: `(cookie, Redirect::to("/"))`.
///
/// The response is then `Cache-Control: no-store` unless it says otherwise: nobody may keep it for others.
#[derive(Clone, Debug)]
#[must_use = "only as a part of the response does it reach the browser"]
pub struct SetCookie(HeaderValue);

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().append(header::SET_COOKIE, self.0);
        keep_out_of_caches(parts.headers_mut());
        Ok(parts)
    }
}

impl IntoResponse for SetCookie {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// `no-store`, unless the handler has said something about caching itself.
pub(crate) fn keep_out_of_caches(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
