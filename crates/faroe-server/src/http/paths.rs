//! Which path a request takes.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{Method, Request},
    response::Response,
    routing::future::RouteFuture,
};
use futures::future::Either;
use tower::Service;

use super::App;

/// What has to be answered however much was asked: whoever runs the server relies on it.
const UNLIMITED: [&str; 2] = ["/health", "/ready"];

/// All paths of the server: nearly all requests go to the first, and need no router to find it.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    app: Arc<App>,
    router: Router,
    peer: SocketAddr,
}

impl Paths {
    /// The paths for who has made a connection. The router knows every path, the first one too: for other methods.
    pub(super) fn new(app: Arc<App>, router: Router, peer: SocketAddr) -> Self {
        Self { app, router, peer }
    }

    /// Counts the request, where that is wanted, and lets it carry who has sent it, for attempts to be counted later. The
    /// answer is the one that refuses it.
    fn count<B: HttpBody>(&self, request: &mut Request<B>) -> Option<Response> {
        let limit = self.app.ip_rate_limit.as_ref()?;
        if UNLIMITED.contains(&request.uri().path()) {
            return None;
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        limit.refusal(request)
    }
}

type Answer = Result<Response, Infallible>;

impl<B> Service<Request<B>> for Paths
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Pin<Box<dyn Future<Output = Answer> + Send>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(refusal) = self.count(&mut request) {
            Either::Left(Box::pin(ready(Ok(refusal))))
        } else if request.method() == Method::POST && request.uri().path() == "/" {
            let app = Arc::clone(&self.app);
            let request = request.map(Body::new);
            Either::Left(Box::pin(
                async move { Ok(app.endpoint.answer(request).await) },
            ))
        } else {
            Either::Right(self.router.call(request))
        }
    }
}
