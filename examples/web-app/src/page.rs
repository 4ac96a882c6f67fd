//! Pages from templates.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use crate::{
    message::{Message, Words},
    visitor::Visitor,
};

/// A page as a response.
#[derive(Debug)]
pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => {
                tracing::error!(%error, "page not rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A page with only a message.
#[derive(Debug, Template)]
#[template(path = "only-message.html")]
struct OnlyMessage<'a> {
    visitor: Visitor,
    title: &'a str,
    words: Words,
}

/// Returns the page for a missing page.
pub(crate) fn not_found(visitor: Visitor) -> Response {
    let page = OnlyMessage {
        visitor,
        title: "Not found",
        words: Message::NotFound.words(),
    };
    (StatusCode::NOT_FOUND, Page(page)).into_response()
}

/// Returns the page for a page that cannot be shown now.
pub(crate) fn failed(message: &Message) -> Response {
    let page = OnlyMessage {
        visitor: Visitor::default(),
        title: "This page is not available right now",
        words: message.words(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, Page(page)).into_response()
}

/// The page for repeating the last step of a flow after it failed.
#[derive(Debug, Template)]
#[template(path = "finish.html")]
pub(crate) struct FinishPage {
    pub(crate) visitor: Visitor,
    /// The result of the earlier steps.
    pub(crate) done: &'static str,
    /// The target of the form.
    pub(crate) action: &'static str,
    /// The text of the button.
    pub(crate) button: &'static str,
}
