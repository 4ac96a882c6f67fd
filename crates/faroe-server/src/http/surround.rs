//! What surrounds every answer: the headers that all have, and a line in the log.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    http::{HeaderValue, Method, Request, StatusCode, Uri, header},
    response::Response,
};
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;

use super::App;
use crate::caught::Caught;

/// A service whose answers are surrounded.
#[derive(Clone, Debug)]
pub(crate) struct Surround<S> {
    app: Arc<App>,
    /// For what a browser asks on behalf of a page: such a request names its origin. Nothing else is of interest to CORS.
    cors: Option<Arc<CorsLayer>>,
    inner: Caught<S>,
}

impl<S> Surround<S> {
    pub(super) fn new(app: Arc<App>, cors: Option<Arc<CorsLayer>>, inner: S) -> Self {
        Self {
            app,
            cors,
            inner: Caught(inner),
        }
    }
}

impl<S, B> Service<Request<B>> for Surround<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let seen = Seen {
            app: Arc::clone(&self.app),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        };
        match &self.cors {
            Some(cors) if request.headers().contains_key(header::ORIGIN) => {
                Box::pin(seen.finish(cors.layer(self.inner.clone()).call(request)))
            }
            _ => Box::pin(seen.finish(self.inner.call(request))),
        }
    }
}

/// What is remembered of a request until it is answered.
struct Seen {
    app: Arc<App>,
    started: Instant,
    method: Method,
    uri: Uri,
}

impl Seen {
    async fn finish(
        self,
        answer: impl Future<Output = Result<Response, Infallible>>,
    ) -> Result<Response, Infallible> {
        let mut response = answer.await?;
        set_headers(&self.app, &mut response);
        let Self {
            method,
            uri,
            started,
            ..
        } = self;
        let status = response.status().as_u16();
        // A path that is none of ours is the caller's own text.
        let path = match response.status() {
            StatusCode::NOT_FOUND => "(none)",
            _ => uri.path(),
        };
        if response.status().is_server_error() {
            tracing::warn!(%method, path, status, elapsed = ?started.elapsed(), "a request failed");
        } else {
            tracing::debug!(%method, path, status, elapsed = ?started.elapsed(), "a request");
        }
        Ok(response)
    }
}

fn set_headers(app: &App, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if app.places.available_permits() == 0 {
        // Others may be waiting for a place: this client can queue up again.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
