//! A panic is a 500, and the server lives.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    task::{Context, Poll},
    thread,
};

use axum::{
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use futures::{
    FutureExt,
    future::{CatchUnwind, Map},
};
use tower::Service;

/// Answers with a 500 where a handler has panicked. The response is passed on as it is, and not in a box of its own.
#[derive(Clone, Debug)]
pub(crate) struct Caught<S>(pub(crate) S);

type Answer = Result<Response, Infallible>;

impl<S, B> Service<Request<B>> for Caught<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future =
        Map<CatchUnwind<AssertUnwindSafe<S::Future>>, fn(thread::Result<Answer>) -> Answer>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = AssertUnwindSafe(self.0.call(request)).catch_unwind();
        answer.map(|answer| {
            answer.unwrap_or_else(|_panic| {
                Ok((StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response())
            })
        })
    }
}
