//! Services that answer the requests of a connection.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::{
    BoxError, Router,
    body::{Bytes, HttpBody},
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::ready};
use tower::ServiceExt;

/// Answers the requests of a connection.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers one request.
    fn answer<B: RequestBody>(&self, request: Request<B>) -> impl Future<Output = Response> + Send;

    /// Answers one request, with a 500 if that panics.
    fn answer_whatever_happens<B: RequestBody>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response> + Send {
        let answer = match catch_unwind(AssertUnwindSafe(|| self.answer(request))) {
            Ok(answer) => AssertUnwindSafe(answer).catch_unwind().left_future(),
            Err(panic) => ready(Err(panic)).right_future(),
        };
        answer.map(|answer| {
            answer.unwrap_or_else(|_panic| {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
            })
        })
    }
}

/// The body of a request.
pub(crate) trait RequestBody:
    HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static
{
}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static> RequestBody for B {}

impl Answers for Router {
    async fn answer<B: RequestBody>(&self, request: Request<B>) -> Response {
        let Ok(response) = self.clone().oneshot(request).await;
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// Panics before it returns a future, or in it.
    struct Panics {
        at_once: bool,
    }

    impl Answers for Panics {
        fn answer<B: RequestBody>(&self, _: Request<B>) -> impl Future<Output = Response> + Send {
            assert!(!self.at_once, "canary");
            async { panic!("canary") }
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_500_wherever_it_happens() {
        for at_once in [true, false] {
            let request = Request::new(Body::empty());
            let response = Panics { at_once }.answer_whatever_happens(request).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}
