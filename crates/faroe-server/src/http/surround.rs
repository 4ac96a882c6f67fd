//! What surrounds every answer: the headers that all have, and a line in the log.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use tower::{Layer, Service, layer::layer_fn};
use tower_http::cors::CorsLayer;

use super::App;

/// Surrounds the answers of a service.
pub(super) fn surround<S>(
    app: Arc<App>,
    cors: Option<CorsLayer>,
) -> impl Layer<S, Service = Surround<S>> + Clone {
    let cors = cors.map(Arc::new);
    layer_fn(move |inner| Surround {
        app: Arc::clone(&app),
        cors: cors.clone(),
        inner,
    })
}

#[derive(Clone)]
pub(super) struct Surround<S> {
    app: Arc<App>,
    /// For what a browser asks on behalf of a page: such a request names its origin. Nothing else is of interest to CORS.
    cors: Option<Arc<CorsLayer>>,
    inner: S,
}

impl<S, B> Service<Request> for Surround<S>
where
    S: Service<Request, Response = Response<B>, Error = Infallible> + Clone,
    S::Future: Send + 'static,
    Response<B>: IntoResponse,
    B: Default + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let seen = Seen {
            app: Arc::clone(&self.app),
            started: Instant::now(),
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
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
    /// Only a path that is one of ours: any other is the caller's own text.
    path: Option<MatchedPath>,
}

impl Seen {
    async fn finish<R: IntoResponse>(
        self,
        answer: impl Future<Output = Result<R, Infallible>>,
    ) -> Result<Response, Infallible> {
        let mut response = answer.await?.into_response();
        set_headers(&self.app, &mut response);
        let Self { method, path, .. } = self;
        let (status, elapsed) = (response.status().as_u16(), self.started.elapsed());
        let path = path.as_ref().map_or("(none)", MatchedPath::as_str);
        if response.status().is_server_error() {
            tracing::warn!(%method, path, status, ?elapsed, "a request failed");
        } else {
            tracing::debug!(%method, path, status, ?elapsed, "a request");
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
