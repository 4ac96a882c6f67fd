//! The routes, and the headers of every response.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use faroe_axum::Auth;
use faroe_core::user_store::UserStore;

use crate::{
    development::{self, Mailbox},
    forgot_password, home,
    next::deliver,
    settings, sign_in, sign_up,
};

/// The state shared by the handlers.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// The users. The auth server uses the same table.
    pub(crate) users: Arc<dyn UserStore>,
    /// The sent emails, in development only.
    pub(crate) mailbox: Option<Mailbox>,
}

/// The maximum size of a form in bytes. An address and a password are much smaller.
const MAX_FORM_SIZE: usize = 16 * 1024;

/// The security headers of every response.
///
/// The website has no scripts, so none may run. `same-origin` is the strictest policy with which browsers still send `Origin`
/// with the website's own forms; with `no-referrer` they send `Origin: null`. Browsers remember for a year that the host has TLS,
/// and ignore this over plain HTTP.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Returns the router of the whole website.
pub(crate) fn router(app: App, auth: Auth) -> Router {
    let mut pages = Router::new()
        .merge(home::routes())
        .merge(sign_up::routes())
        .merge(sign_in::routes())
        .merge(forgot_password::routes())
        .merge(settings::routes())
        .fallback(home::not_found)
        .method_not_allowed_fallback(home::not_found);
    if app.mailbox.is_some() {
        pages = pages.merge(development::routes());
    }
    pages
        .layer(from_fn(deliver))
        .layer(map_response(not_kept))
        .layer(DefaultBodyLimit::max(MAX_FORM_SIZE))
        .route("/assets/style.css", get(style))
        .route("/assets/icon.svg", get(icon))
        .route("/favicon.ico", get(icon))
        .layer(auth)
        .layer(map_response(with_headers))
        .with_state(app)
}

/// Forbids caching. Pages contain personal data, and the browser must not show them after a sign-out.
async fn not_kept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

async fn style() -> impl IntoResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../assets/style.css"),
    )
}

async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("../assets/icon.svg"))
}

fn asset(content_type: &'static str, content: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "max-age=600")];
    (StatusCode::OK, headers, content).into_response()
}
