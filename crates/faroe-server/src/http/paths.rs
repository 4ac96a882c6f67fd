//! Which path a request takes.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    http::{Method, Request},
    response::Response,
    routing::future::RouteFuture,
};
use futures::future::Either;
use tower::Service;

use super::App;

/// All paths of the server: nearly all requests go to the first, and need no router to find it.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    app: Arc<App>,
    router: Router,
}

impl Paths {
    /// The router knows every path, the first one too: for other methods.
    pub(super) fn new(app: Arc<App>, router: Router) -> Self {
        Self { app, router }
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() == Method::POST && request.uri().path() == "/" {
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
