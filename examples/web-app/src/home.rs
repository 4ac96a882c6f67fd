//! The front page, and the page for missing pages.

use askama::Template;
use axum::{Router, response::Response, routing::get};

use crate::{
    app::App,
    page::{self, Page},
    visitor::Visitor,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(front_page))
}

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct HomePage {
    visitor: Visitor,
}

async fn front_page(visitor: Visitor) -> Page<HomePage> {
    Page(HomePage { visitor })
}

pub(crate) async fn not_found(visitor: Visitor) -> Response {
    page::not_found(visitor)
}
