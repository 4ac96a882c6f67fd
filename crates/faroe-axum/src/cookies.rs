//! Cookies for secrets: hidden from scripts, bound to one host, never sent over plain HTTP.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use faroe_core::protocol::secret::SessionToken;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that are percent-encoded. Tokens of the protocol contain none of them.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The form of cookies.
///
/// On https, each cookie is named `__Host-…` and is `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`. Browsers then accept it
/// from this host over https only, hide it from scripts, and send it with no cross-site request except a followed link. For
/// development on `http://localhost` the prefix and `Secure` are left out, because some browsers reject them there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookies {
    is_development: bool,
}

impl Cookies {
    /// Returns the form for https.
    pub const fn secure() -> Self {
        Self {
            is_development: false,
        }
    }

    /// Returns the form for development on `http://localhost`.
    pub const fn development() -> Self {
        Self {
            is_development: true,
        }
    }

    pub(crate) const fn is_development(self) -> bool {
        self.is_development
    }

    /// Sets a cookie that expires after `max_age`, or with `None` when the browser is closed. [`Cookies::get`] returns the
    /// value unchanged.
    ///
    /// # Panics
    ///
    /// Panics if the name has characters other than ASCII letters, digits, `-` and `_`.
    pub fn set(self, name: &str, value: &str, max_age: Option<Duration>) -> SetCookie {
        let (name, value) = (self.full_name(name), utf8_percent_encode(value, &ENCODED));
        let max_age = max_age.map_or(String::new(), |age| format!("; Max-Age={}", age.as_secs()));
        let secure = if self.is_development { "" } else { "; Secure" };
        let cookie = format!("{name}={value}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::try_from(cookie).expect("everything in it is visible ASCII");
        cookie.set_sensitive(true);
        SetCookie {
            cookie,
            new_session: None,
        }
    }

    /// Removes a cookie.
    ///
    /// # Panics
    ///
    /// Panics like [`Cookies::set`].
    pub fn remove(self, name: &str) -> SetCookie {
        self.set(name, "", Some(Duration::ZERO))
    }

    /// Returns the value of a cookie from these request headers.
    ///
    /// If two cookies have the name, neither is used: another host set one of them. Names are compared byte by byte, and only
    /// spaces and tabs are trimmed. Decoding or further trimming would accept a `__Host-` cookie that the browser has not
    /// checked.
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

    /// Returns the name with its prefix. Panics if it is not a valid cookie name.
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
/// Makes the response `Cache-Control: no-store`, unless the handler set another value.
#[derive(Clone, Debug)]
#[must_use = "only as a part of the response does it reach the browser"]
pub struct SetCookie {
    cookie: HeaderValue,
    new_session: Option<NewSession>,
}

impl SetCookie {
    /// Marks the cookie as that of a session.
    pub(crate) fn of_session(self, session_token: &SessionToken) -> Self {
        Self {
            new_session: Some(NewSession(session_token.clone())),
            ..self
        }
    }
}

/// The session that a response gives to the browser: an extension of the response, for the layer.
#[derive(Clone, Debug)]
pub(crate) struct NewSession(pub(crate) SessionToken);

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().append(header::SET_COOKIE, self.cookie);
        if let Some(new_session) = self.new_session {
            parts.extensions_mut().insert(new_session);
        }
        keep_out_of_caches(parts.headers_mut());
        Ok(parts)
    }
}

impl IntoResponse for SetCookie {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// Sets `Cache-Control: no-store`, unless the handler set another value.
pub(crate) fn keep_out_of_caches(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
