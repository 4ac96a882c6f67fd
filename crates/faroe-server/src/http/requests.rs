//! A request: which path it takes, and what surrounds its answer.

use std::{borrow::Cow, convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Method, Request, StatusCode, header},
    response::Response,
};
use futures::{FutureExt, future::ready};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

use super::App;
use crate::answers::{Answers, RequestBody};

/// What has to be answered however much was asked: whoever runs the server relies on it.
const UNLIMITED: [&str; 2] = ["/health", "/ready"];

/// What answers the requests of a connection. Not a router with layers: each of those costs every request two allocations.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(super) paths: Arc<Paths>,
    /// Who has made the connection.
    pub(super) peer: SocketAddr,
}

/// All paths of the server.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) app: Arc<App>,
    /// Knows every path. Nearly all requests go to the first, and are not kept waiting by it.
    pub(super) router: Router,
    /// For what a browser asks on behalf of a page: such a request names its origin. Nothing else is of interest to CORS.
    pub(super) cors: Option<CorsLayer>,
}

/// Futures are made by functions that are not `async`, and all but that of an action is boxed: so the one that hyper
/// moves about for each request does not hold the request once more for each function that it passes through.
impl Answers for Requests {
    fn answer<B: RequestBody>(&self, request: Request<B>) -> impl Future<Output = Response> + Send {
        let seen = Seen::new(&request);
        let answer = match &self.paths.cors {
            Some(cors) if request.headers().contains_key(header::ORIGIN) => {
                let inner = service_fn(|request| self.find(request).map(Ok::<_, Infallible>));
                let answer = cors.layer(inner).oneshot(request);
                answer.map(|Ok(response)| response).boxed().right_future()
            }
            _ => self.find(request).left_future(),
        };
        answer.map(|mut response| {
            set_headers(&self.paths.app, &mut response);
            seen.log(&response);
            response
        })
    }
}

impl Requests {
    /// The answer of the path that the request asks for.
    fn find<B: RequestBody>(
        &self,
        mut request: Request<B>,
    ) -> impl Future<Output = Response> + Send {
        let app = &self.paths.app;
        if let Some(refusal) = self.count(&mut request) {
            ready(refusal).boxed().right_future()
        } else if request.method() == Method::POST && request.uri().path() == "/" {
            app.endpoint.answer(request).left_future()
        } else {
            let answer = self.paths.router.answer(request.map(Body::new));
            answer.boxed().right_future()
        }
    }

    /// Counts the request, where that is wanted, and lets it carry who has sent it, for attempts to be counted later. The
    /// answer is the one that refuses it.
    fn count<B: RequestBody>(&self, request: &mut Request<B>) -> Option<Response> {
        let limit = self.paths.app.ip_rate_limit.as_ref()?;
        if UNLIMITED.contains(&request.uri().path()) {
            return None;
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        limit.refusal(request)
    }
}

/// What is remembered of a request until it is answered.
struct Seen {
    started: Instant,
    method: Method,
    path: Cow<'static, str>,
}

impl Seen {
    fn new<B>(request: &Request<B>) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            path: match request.uri().path() {
                "/" => Cow::Borrowed("/"),
                path => Cow::Owned(path.to_owned()),
            },
        }
    }

    fn log(self, response: &Response) {
        let Self {
            method,
            path,
            started,
        } = self;
        let status = response.status().as_u16();
        // A path that is none of ours is the caller's own text.
        let path = match response.status() {
            StatusCode::NOT_FOUND => "(none)",
            _ => &*path,
        };
        if response.status().is_server_error() {
            tracing::warn!(%method, path, status, elapsed = ?started.elapsed(), "a request failed");
        } else {
            tracing::debug!(%method, path, status, elapsed = ?started.elapsed(), "a request");
        }
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
