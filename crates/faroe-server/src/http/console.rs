//! The development console: `GET /dev`, one page that shows the emails and walks through every flow, and its requests.

mod page;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use crate::dev_mailbox::DevMailbox;

/// The policy of an email's HTML part: no script, no network, no window, not even the console's own origin.
const EMAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The paths of the console. They exist in development mode only.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    mailbox: Arc<DevMailbox>,
    signup_fields: &[String],
) -> Router<S> {
    let page = page::Page::new(signup_fields);
    let page = move || async move { page.into_response() };
    Router::new()
        .route("/dev/inbox", get(inbox))
        .route("/dev/inbox/{number}/html", get(html))
        .layer(middleware::from_fn(only_for_the_page))
        .route("/dev", get(page))
        .layer(middleware::from_fn(only_from_here))
        .with_state(mailbox)
}

/// Refuses pages of other origins, even those of other servers on this machine.
async fn only_from_here(request: Request, next: Next) -> Response {
    let own = text(request.headers(), header::HOST).map(|host| format!("http://{host}"));
    let origin = text(request.headers(), header::ORIGIN);
    if origin.is_some_and(|origin| own.is_none_or(|own| origin != own)) {
        return (StatusCode::FORBIDDEN, "not for this origin\n").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().extend([
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ]);
    response
}

/// Refuses requests of other sites. They may still link to the page.
async fn only_for_the_page(request: Request, next: Next) -> Response {
    match text(request.headers(), SEC_FETCH_SITE) {
        None | Some("same-origin" | "none") => next.run(request).await,
        Some(_) => (StatusCode::FORBIDDEN, "only for the console itself\n").into_response(),
    }
}

/// Returns a header's value. One that is not text equals no known value.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let value = headers.get(name)?;
    Some(value.to_str().unwrap_or("(no text)"))
}

/// The last message that the page has seen.
#[derive(Deserialize)]
struct Seen {
    /// The ID of the mailbox.
    #[serde(default)]
    mailbox: String,
    /// The number of the message in that mailbox.
    #[serde(default)]
    after: u64,
}

async fn inbox(State(mailbox): State<Arc<DevMailbox>>, Query(seen): Query<Seen>) -> Response {
    let json = HeaderValue::from_static("application/json");
    let messages = mailbox.list_after(&seen.mailbox, seen.after);
    ([(header::CONTENT_TYPE, json)], messages).into_response()
}

async fn html(State(mailbox): State<Arc<DevMailbox>>, Path(number): Path<u64>) -> Response {
    let Some(html) = mailbox.html(number) else {
        return (StatusCode::NOT_FOUND, "the email does not exist any more\n").into_response();
    };
    let policy = HeaderValue::from_static(EMAIL_POLICY);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
