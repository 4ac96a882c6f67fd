//! Routing requests, and the headers, limits and logging around their responses.

use std::{
    borrow::Cow,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

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

/// The paths that are never limited, because the operator relies on them.
const UNLIMITED: [&str; 2] = ["/health", "/ready"];

/// Answers the requests of a connection. It is not a router with layers: the router alone would add 11 % to the instructions of a
/// request, and each layer two allocations.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(super) paths: Arc<Paths>,
    /// The address of the client.
    pub(super) peer: SocketAddr,
}

/// The paths of the server.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) app: Arc<App>,
    /// A router with every path. Nearly all requests go to the first path, which bypasses it.
    pub(super) router: Router,
    /// CORS, for requests of browsers on behalf of a page. Such a request has an origin; others do not need CORS.
    pub(super) cors: Option<CorsLayer>,
}

/// Futures are created by functions that are not `async`, and all except that of an action are boxed. Otherwise the future that
/// hyper moves for each request would contain the request once for each function on its way.
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
    /// Returns the response of the request's path.
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

    /// Counts the request if limits are enabled, and attaches the client's address to it, so that attempts can be counted later.
    /// Returns a response if the request is rejected.
    fn count<B: RequestBody>(&self, request: &mut Request<B>) -> Option<Response> {
        let limit = self.paths.app.ip_rate_limit.as_ref()?;
        if UNLIMITED.contains(&request.uri().path()) {
            return None;
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        limit.refusal(request)
    }
}

/// The data of a request that is needed until it is answered.
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
        // An unknown path is text from the client, so it is not logged.
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
    if app.places.are_short() || app.drains.load(Ordering::Relaxed) {
        // Another client is waiting for a place, or will find this server stopped; this one can reconnect.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
