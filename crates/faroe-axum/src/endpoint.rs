//! The action invocation endpoint as a route.

mod body;
mod forward;
mod guard;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract,
    http::{HeaderValue, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use faroe_client::Client;
use faroe_core::{
    endpoint::{Endpoint, EndpointResponse, UnknownAction},
    protocol::{
        envelope::{self, InvalidRequest},
        id::ActionInvocationId,
    },
    random,
    time::until,
};
use tokio::time::Instant;

pub use self::guard::{InvocationGuard, Refusal};
use self::{body::too_large, forward::Forward};
use crate::{
    TooManyRequests,
    actions::{RATE_LIMITED, has_code},
    cookies::keep_out_of_caches,
    unavailable::retry_after,
};

/// The action invocation endpoint: all actions of a server, or some. Cheap to clone.
///
/// It responds as the protocol defines: 200 with a result, 400 with a short reason, 408 and 413 for bodies that arrive too
/// slowly or are larger than 64 KiB, 503 when nothing was invoked. For a remote server, 502 means that it gave no answer and
/// the outcome is unknown; invalid requests are refused here and not forwarded.
///
/// Tokens are in the bodies and not in cookies, so pages of any site may call it as far as your CORS layer allows. Put it
/// beside the layer [`Auth`](crate::Auth), not behind it, unless only your own pages call it.
/// [`IpRateLimit`](crate::ip_rate_limit::IpRateLimit) limits each IP address.
#[derive(Clone, Debug)]
pub struct ActionInvocationEndpoint {
    target: Target,
    guard: Option<Arc<dyn InvocationGuard>>,
    body_timeout: Duration,
    request_timeout: Duration,
}

#[derive(Clone, Debug)]
enum Target {
    Embedded(Endpoint),
    Remote(Forward),
}

impl ActionInvocationEndpoint {
    /// Creates an endpoint of every action.
    pub fn new(client: impl Into<Client>) -> Self {
        match client.into() {
            Client::Embedded(server) => Self::of(Target::Embedded(server.endpoint())),
            Client::Remote(endpoint) => Self::of(Target::Remote(Forward::everything(endpoint))),
        }
    }

    /// Creates an endpoint of every action except these.
    ///
    /// # Errors
    ///
    /// Returns an error for a name that no action has.
    pub fn with_blocklist<'a>(
        client: impl Into<Client>,
        blocked: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownAction> {
        Ok(Self::of(match client.into() {
            Client::Embedded(server) => Target::Embedded(server.endpoint_with_blocklist(blocked)?),
            Client::Remote(endpoint) => Target::Remote(Forward::all_but(endpoint, blocked)?),
        }))
    }

    /// Creates an endpoint of these actions only.
    ///
    /// # Errors
    ///
    /// Returns an error for a name that no action has.
    pub fn with_allowlist<'a>(
        client: impl Into<Client>,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownAction> {
        Ok(Self::of(match client.into() {
            Client::Embedded(server) => Target::Embedded(server.endpoint_with_allowlist(allowed)?),
            Client::Remote(endpoint) => Target::Remote(Forward::only(endpoint, allowed)?),
        }))
    }

    fn of(target: Target) -> Self {
        Self {
            target,
            guard: None,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
        }
    }

    /// Asks a guard before each invocation: a captcha, an API key, a limit per IP address. An endpoint has one guard, which may
    /// ask others.
    #[must_use]
    pub fn guarded_by(self, guard: impl InvocationGuard) -> Self {
        Self {
            guard: Some(Arc::new(guard)),
            ..self
        }
    }

    /// Sets the time in which a body must arrive. Default: 10 seconds.
    #[must_use]
    pub fn with_body_timeout(self, body_timeout: Duration) -> Self {
        Self {
            body_timeout,
            ..self
        }
    }

    /// Sets the time limit of a whole request. Default: 15 seconds. A request that exceeds it gets a 500, and its outcome is
    /// unknown.
    #[must_use]
    pub fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Self {
            request_timeout,
            ..self
        }
    }

    /// Returns a router with the one route `POST /`, for [`Router::nest`].
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let answer = move |request: extract::Request| {
            let endpoint = self.clone();
            async move { endpoint.answer(request).await }
        };
        Router::new().route("/", post(answer))
    }

    /// Answers a request with any path and method.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response> + Send
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let (parts, body) = request.into_parts();
        // Nothing else needs the parts, and dropping them here keeps the future small.
        let guard = self.guard.as_ref().map(|guard| (guard, Box::new(parts)));
        self.answer_body(guard, body)
    }

    async fn answer_body<B>(&self, guard: Option<Guarded<'_>>, body: B) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let answer = pin!(self.try_answer(guard, body));
        let deadline = || Instant::now() + self.request_timeout;
        let mut response = match until(deadline, answer).await {
            Some(Ok(response) | Err(response)) => response,
            None => {
                let reason = "the request timed out; its outcome is unknown\n";
                (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response()
            }
        };
        keep_out_of_caches(response.headers_mut());
        response
    }

    async fn try_answer<B>(&self, guard: Option<Guarded<'_>>, body: B) -> Result<Response, Response>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let body = body::read(body, self.body_timeout).await?;
        if let Some((guard, parts)) = guard {
            check(guard, &parts, &body).await?;
        }
        match &self.target {
            Target::Embedded(endpoint) => Ok(respond(endpoint.invoke(&body).await)),
            Target::Remote(forward) => Box::pin(forward.answer(body)).await,
        }
    }
}

/// A guard and the parts of the request.
type Guarded<'a> = (&'a Arc<dyn InvocationGuard>, Box<Parts>);

async fn check(
    guard: &Arc<dyn InvocationGuard>,
    parts: &Parts,
    body: &Bytes,
) -> Result<(), Response> {
    let request = envelope::Request::parse(body).map_err(refuse)?;
    match guard.check(&request.action, parts).await {
        Ok(()) => Ok(()),
        Err(Refusal::Response(response)) => Err(response),
        Err(Refusal::RateLimited { retry_after }) => {
            Err(rate_limited(&request.action, retry_after))
        }
    }
}

fn respond(response: EndpointResponse) -> Response {
    match response {
        EndpointResponse::Completed(body) => completed(body),
        EndpointResponse::InvalidRequest(reason) => refuse(reason),
        EndpointResponse::Overloaded { retry_after } => overloaded(Some(retry_after)),
    }
}

fn completed(body: impl Into<Body>) -> Response {
    let json = HeaderValue::from_static("application/json");
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refuse(reason: InvalidRequest) -> Response {
    match reason {
        InvalidRequest::TooLarge => too_large(),
        reason => (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response(),
    }
}

/// Answers with the action's own code if it has one: existing clients handle it.
fn rate_limited(action: &str, retry_after: Duration) -> Response {
    if !has_code(action, RATE_LIMITED) {
        return TooManyRequests { retry_after }.into_response();
    }
    let id = ActionInvocationId::from(random::id());
    tracing::debug!(action, action_invocation_id = %id, "rate limited by a guard");
    completed(envelope::encode_error(&id, RATE_LIMITED))
}

fn overloaded(time: Option<Duration>) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, "overloaded\n").into_response();
    if let Some(time) = time {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after(time));
    }
    response
}
