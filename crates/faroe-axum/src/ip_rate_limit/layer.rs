//! A budget as a layer.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Method, Request, header},
    response::{IntoResponse, Response},
};
use tower::{Layer, Service};

use super::{Clock, IpRateLimit, MonotonicClock};
/// The budget that a request counts against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Budget {
    Attempts,
    Requests,
}

/// Responds with a 429 and `Retry-After` when a budget is used up, before the body is read. Created by
/// [`IpRateLimit::requests_layer`] and [`IpRateLimit::attempts_layer`].
pub struct IpRateLimitLayer<C: Clock = MonotonicClock> {
    limit: IpRateLimit<C>,
    budget: Budget,
}

impl<C: Clock> IpRateLimitLayer<C> {
    pub(super) fn new(limit: &IpRateLimit<C>, budget: Budget) -> Self {
        Self {
            limit: limit.clone(),
            budget,
        }
    }

    /// Counts a request, for a service that cannot be behind a layer. Returns the response if the request is refused.
    pub fn refusal<B: HttpBody>(&self, request: &Request<B>) -> Option<Response> {
        let is_safe = [Method::GET, Method::HEAD].contains(request.method());
        if is_safe && matches!(self.budget, Budget::Attempts) {
            return None;
        }
        let client = self
            .limit
            .client_of(request.extensions(), request.headers());
        let address = match client {
            Ok(address) => address,
            Err(error) => return Some(error.into_response()),
        };
        let checked = match self.budget {
            Budget::Attempts => self.limit.check_attempt(address),
            Budget::Requests => self.limit.check_request(address),
        };
        let mut response = checked.err()?.into_response();
        if !request.body().is_end_stream() {
            // The body is not read, so the connection cannot be reused.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Some(response)
    }
}

impl<C: Clock> Clone for IpRateLimitLayer<C> {
    fn clone(&self) -> Self {
        Self::new(&self.limit, self.budget)
    }
}

impl<C: Clock> fmt::Debug for IpRateLimitLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpRateLimitLayer")
            .field("limit", &self.limit)
            .field("budget", &self.budget)
            .finish()
    }
}

impl<S, C: Clock> Layer<S> for IpRateLimitLayer<C> {
    type Service = IpRateLimitService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        IpRateLimitService {
            layer: self.clone(),
            inner,
        }
    }
}

/// The service that an [`IpRateLimitLayer`] creates.
#[derive(Debug)]
pub struct IpRateLimitService<S, C: Clock = MonotonicClock> {
    layer: IpRateLimitLayer<C>,
    inner: S,
}

impl<S: Clone, C: Clock> Clone for IpRateLimitService<S, C> {
    fn clone(&self) -> Self {
        Self {
            layer: self.layer.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<S, C: Clock> Service<Request<Body>> for IpRateLimitService<S, C>
where
    S: Service<Request<Body>, Response: IntoResponse, Future: Send + 'static>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(refusal) = self.layer.refusal(&request) {
            return Box::pin(async { Ok(refusal) });
        }
        let answer = self.inner.call(request);
        Box::pin(async { Ok(answer.await?.into_response()) })
    }
}
