//! The user server.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    log::{ActionErrorLogger, TracingLogger},
    protocol::envelope::{InvalidRequest, Request},
    user_store::{EmailAddressCase, UserStore},
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

/// Optional settings. Start from `UserServerOptions::default()` and change fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserServerOptions {
    /// The time limit of a call of the user store. Default: 4 seconds, as long as a Faroe server waits.
    pub timeout: Duration,
    /// The comparison of email addresses. With [`EmailAddressCase::Exact`], the default, a user whose address differs in letter
    /// case is not found, although the user store may ignore it.
    pub email_address_case: EmailAddressCase,
    /// The logger of faults of the user store. Default: [`TracingLogger`].
    pub error_logger: Arc<dyn ActionErrorLogger>,
}

impl Default for UserServerOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(4),
            email_address_case: EmailAddressCase::default(),
            error_logger: Arc::new(TracingLogger),
        }
    }
}

/// A user store behind an action invocation endpoint. Cheap to clone.
///
/// # Guarantees
///
/// - The user store is called only for a valid request that the [`Protection`] accepts.
/// - Every request is answered within [`UserServerOptions::timeout`]. A failure of the store is `internal_error`, logged once;
///   a conflict that changed nothing is `internal_conflict`.
/// - A [refusal](faroe_core::error::AdapterError::refusal), for which the protocol has no code, is logged once and answered with
///   the code after which the Faroe server ends its flow: `email_address_already_used` for a new user or address,
///   `user_not_found` for a look-up by address and a deletion.
/// - An answer repeats nothing from the request except values that the user store returns.
///
/// # Concurrency
///
/// Any number of requests at once, within a tokio runtime with time enabled. If the future of a request is dropped, its
/// effect is unknown.
#[derive(Clone, Debug)]
pub struct UserServer {
    protection: Arc<Protection>,
    surroundings: Surroundings,
}

impl UserServer {
    /// Creates a user server of this store.
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
                email_address_case: options.email_address_case,
                error_logger: options.error_logger,
            },
        }
    }

    /// Answers one request. Pass the whole body: read at most
    /// [`MAX_BODY_SIZE`](faroe_core::protocol::envelope::MAX_BODY_SIZE) bytes, and respond with 413 if there are more.
    ///
    /// With signatures, host and path must be those that the client sent: see [`faroe_http_signatures`].
    pub async fn answer(&self, request: &Parts, body: &[u8]) -> Response<String> {
        if request.method != Method::POST {
            let mut response = refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed, use POST",
            );
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
            let mut response = refuse(StatusCode::UNAUTHORIZED, "missing or wrong bearer token");
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
        // A 401 has to name a scheme of Authorization, and signatures are none.
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
