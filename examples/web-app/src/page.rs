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

/// A page, as an answer.
#[derive(Debug)]
pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => {
                tracing::error!(%error, "could not render a page");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A page with nothing but a message.
#[derive(Debug, Template)]
#[template(path = "only-message.html")]
struct OnlyMessage<'a> {
    visitor: Visitor,
    title: &'a str,
    words: Words,
}

/// There is no such page.
pub(crate) fn not_found(visitor: Visitor) -> Response {
    let page = OnlyMessage {
        visitor,
        title: "Not found",
        words: Message::NotFound.words(),
    };
    (StatusCode::NOT_FOUND, Page(page)).into_response()
}

/// A page that cannot be shown now.
pub(crate) fn failed(message: &Message) -> Response {
    let page = OnlyMessage {
        visitor: Visitor::default(),
        title: "This does not work right now",
        words: message.words(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, Page(page)).into_response()
}

/// A flow of which only the last step is left, after it failed.
#[derive(Debug, Template)]
#[template(path = "finish.html")]
pub(crate) struct FinishPage {
    pub(crate) visitor: Visitor,
    /// What is there already.
    pub(crate) done: &'static str,
    /// Where the form goes, and what its button says.
    pub(crate) action: &'static str,
    pub(crate) button: &'static str,
}
