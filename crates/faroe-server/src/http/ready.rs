//! `GET /ready`: checks that every role can be read and written.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::App;
use crate::readiness::Readiness;

pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.drains.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: stopping\n").into_response();
    }
    answer(&app.readiness).await
}

/// Tells whether a server is ready, or the names of the roles that keep it from being so.
pub(crate) async fn answer(readiness: &Readiness) -> Response {
    let state = readiness.state().await;
    if !state.failed.is_empty() {
        let text = format!("not ready: {}\n", state.failed.join(", "));
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    match &state.failed_optional[..] {
        [] => "ready\n".into_response(),
        failed => format!("ready, without {}\n", failed.join(", ")).into_response(),
    }
}
