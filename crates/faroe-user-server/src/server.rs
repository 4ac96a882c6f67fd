//! The user server itself.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    log::{ActionErrorLogger, TracingLogger},
    protocol::envelope::{InvalidRequest, Request},
    user_store::UserStore,
};
use faroe_http_signatures::InvalidSignature;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    request::Parts,
};

use crate::{
    actions::{self, Surroundings},
    protection::{Protection, Refusal},
};

/// What is optional.
#[derive(Clone, Debug)]
pub struct UserServerOptions {
    /// How long the user store may take. Default: 2 seconds, as long as a Faroe server waits.
    pub timeout: Duration,
    /// Where faults of the user store are reported. Default: [`TracingLogger`].
    pub error_logger: Arc<dyn ActionErrorLogger>,
}

impl Default for UserServerOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            error_logger: Arc::new(TracingLogger),
        }
    }
}

/// A user store behind an action invocation endpoint. Cheap to clone.
///
/// # Guarantees
///
/// - The user store is asked only for a request that the [`Protection`] lets pass and that is valid as a whole.
/// - Every answer comes within [`UserServerOptions::timeout`]. A store that fails is `internal_error`, reported once; a
///   lost race, after which nothing was changed, is `internal_conflict`.
/// - Nothing that was sent is repeated in an answer but what the user store itself says.
///
/// # Concurrency
///
/// Any number of requests at once, within a tokio runtime that has time. A request whose future is dropped may have had
/// its effect or not.
#[derive(Clone, Debug)]
pub struct UserServer {
    protection: Arc<Protection>,
    surroundings: Surroundings,
}

impl UserServer {
    /// Serves these users to whoever the protection lets pass.
    pub fn new(
        user_store: Arc<dyn UserStore>,
        protection: Protection,
        options: UserServerOptions,
    ) -> Self {
        Self {
            protection: Arc::new(protection),
            surroundings: Surroundings {
                user_store,
                timeout: options.timeout,
                error_logger: options.error_logger,
            },
        }
    }

    /// Answers one request, whatever it is. Its body is the whole body; read no more than
    /// [`MAX_BODY_SIZE`](faroe_core::protocol::envelope::MAX_BODY_SIZE) bytes of one, and answer 413 if there are more.
    ///
    /// With signatures, host and path have to be those that the client wrote: see [`faroe_http_signatures`].
    pub async fn answer(&self, request: &Parts, body: &[u8]) -> Response<String> {
        if request.method != Method::POST {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "only POST is served here");
            let headers = response.headers_mut();
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        if let Err(refusal) = self.protection.check(request, body) {
            return refused(refusal);
        }
        let answer = match Request::parse(body) {
            Ok(request) => actions::invoke(&self.surroundings, request).await,
            Err(reason) => Err(reason),
        };
        match answer {
            Ok(body) => response(StatusCode::OK, "application/json", body),
            Err(reason) => {
                let status = match reason {
                    InvalidRequest::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_REQUEST,
                };
                refuse(status, reason)
            }
        }
    }
}

fn refused(refusal: Refusal) -> Response<String> {
    match refusal {
        Refusal::BearerToken => {
            let mut response = refuse(
                StatusCode::UNAUTHORIZED,
                "the bearer token is missing or wrong",
            );
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Refusal::Signature(reason @ InvalidSignature::TooMany) => {
            let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, reason);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        // A 401 would have to name a scheme of Authorization, which this is not.
        Refusal::Signature(reason) => refuse(StatusCode::FORBIDDEN, reason),
    }
}

fn refuse(status: StatusCode, reason: impl std::fmt::Display) -> Response<String> {
    response(status, "text/plain; charset=utf-8", format!("{reason}\n"))
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    response
}
