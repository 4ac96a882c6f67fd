//! The hosts for which requests are, and the pages that may send them.

use axum::{
    http::{HeaderValue, Request, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use faroe_address::Origin;

use crate::{Mode, configuration::Http};

/// Refuses requests for no host or for several. In development mode also those for another host than this machine, and those
/// of pages from elsewhere: a page whose own name points to this machine could read the codes.
#[derive(Debug)]
pub(crate) struct Hosts {
    mode: Mode,
    allowed_origins: Vec<Origin>,
}

impl Hosts {
    pub(crate) fn new(mode: Mode, http: &Http) -> Self {
        Self {
            mode,
            allowed_origins: http.allowed_origins.clone(),
        }
    }

    /// Returns the response that refuses a request.
    pub(crate) fn refusal<B>(&self, request: &Request<B>) -> Option<Response> {
        let headers = request.headers();
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => Some(host),
            (None, _) if request.version() < Version::HTTP_11 => None,
            _ => {
                let reason = "a request has exactly one Host header\n";
                return Some(refuse(StatusCode::BAD_REQUEST, reason));
            }
        };
        match self.mode {
            Mode::Development => self.foreign(request, host),
            Mode::Production => None,
        }
    }

    fn foreign<B>(&self, request: &Request<B>, host: Option<&HeaderValue>) -> Option<Response> {
        let host_of_url = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        let host = host.map(|host| host.to_str().unwrap_or("(no text)"));
        if !host.into_iter().chain(host_of_url).all(is_this_machine) {
            let reason = "development mode: only under the names localhost, 127.0.0.1 and [::1]\n";
            return Some(refuse(StatusCode::FORBIDDEN, reason));
        }
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        if !origins.all(|origin| self.knows(origin)) {
            let reason = "development mode: not for this origin; see http.allowed_origins\n";
            return Some(refuse(StatusCode::FORBIDDEN, reason));
        }
        None
    }

    /// Checks whether any origin is known.
    pub(crate) fn knows_any_origin(&self) -> bool {
        self.mode == Mode::Development || !self.allowed_origins.is_empty()
    }

    /// Checks whether web pages of this origin are known, and may read answers: the configured ones, and in development mode
    /// those of this machine.
    pub(crate) fn knows(&self, origin: &HeaderValue) -> bool {
        let parsed = || origin.to_str().ok()?.parse::<Origin>().ok();
        let mut allowed = self.allowed_origins.iter();
        allowed.any(|allowed| allowed.as_str() == origin)
            || self.mode == Mode::Development
                && parsed().is_some_and(|origin| origin.is_this_machine())
    }
}

/// Checks whether a `Host` header, `host` or `host:port`, names this machine.
fn is_this_machine(host: &str) -> bool {
    Origin::new("http", host).is_ok_and(|origin| origin.is_this_machine())
}

/// Refuses a request, whose body is not read.
fn refuse(status: StatusCode, reason: &'static str) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (header::CONNECTION, HeaderValue::from_static("close")),
    ];
    (status, headers, reason).into_response()
}
