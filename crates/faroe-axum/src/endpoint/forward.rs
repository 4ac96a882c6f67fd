//! Requests forwarded to a remote server.

use std::{collections::HashSet, sync::Arc};

use axum::{
    body::Bytes,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use faroe_core::{
    client::{ActionInvocationEndpointClient, SendError},
    endpoint::UnknownAction,
    error::ErrorChain,
    protocol::{
        action::Action,
        envelope::{InvalidRequest, Request},
        for_each_server_action, response,
    },
};

use super::{completed, overloaded, refuse};

/// A remote endpoint and the actions that are forwarded to it.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    endpoint: Arc<dyn ActionInvocationEndpointClient>,
    /// The names of the actions that may be invoked.
    allowed: Arc<HashSet<&'static str>>,
}

impl Forward {
    pub(super) fn everything(endpoint: Arc<dyn ActionInvocationEndpointClient>) -> Self {
        Self::of(endpoint, ACTIONS.iter().map(|(name, _)| *name).collect())
    }

    pub(super) fn all_but<'a>(
        endpoint: Arc<dyn ActionInvocationEndpointClient>,
        blocked: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownAction> {
        let blocked = known_names(blocked)?;
        let names = ACTIONS.iter().map(|(name, _)| *name);
        let allowed = names.filter(|name| !blocked.contains(name)).collect();
        Ok(Self::of(endpoint, allowed))
    }

    pub(super) fn only<'a>(
        endpoint: Arc<dyn ActionInvocationEndpointClient>,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownAction> {
        Ok(Self::of(endpoint, known_names(allowed)?))
    }

    fn of(
        endpoint: Arc<dyn ActionInvocationEndpointClient>,
        allowed: HashSet<&'static str>,
    ) -> Self {
        Self {
            endpoint,
            allowed: Arc::new(allowed),
        }
    }

    /// Forwards a valid request to an allowed action, and responds with the answer.
    pub(super) async fn answer(&self, body: Bytes) -> Result<Response, Response> {
        self.check(&body).map_err(refuse)?;
        let body = String::from_utf8(body.into()).expect("a request is UTF-8");
        match self.endpoint.send(body).await {
            Ok(body) => match response::Response::parse(&body) {
                Ok(_) => Ok(completed(body)),
                Err(reason) => Err(no_answer(&reason)),
            },
            Err(SendError::Overloaded { retry_after }) => Err(overloaded(retry_after)),
            Err(error @ SendError::NotInvoked(_)) => {
                tracing::warn!(error = %ErrorChain(&error), "auth server unreachable");
                let reason = "the auth server is unreachable\n";
                Err((StatusCode::SERVICE_UNAVAILABLE, reason).into_response())
            }
            Err(error @ SendError::NoAnswer(_)) => Err(no_answer(&error)),
        }
    }

    fn check(&self, body: &[u8]) -> Result<(), InvalidRequest> {
        let request = Request::parse(body)?;
        let action = ACTIONS.iter().find(|(name, _)| *name == request.action);
        match action {
            Some((name, check)) if self.allowed.contains(name) => check(request),
            _ => Err(InvalidRequest::UnknownAction),
        }
    }
}

fn no_answer(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::warn!(error = %ErrorChain(error), "auth server gave no answer");
    let reason = "the auth server gave no answer; the outcome is unknown\n";
    (StatusCode::BAD_GATEWAY, reason).into_response()
}

type Check = fn(Request<'_>) -> Result<(), InvalidRequest>;

macro_rules! actions {
    ($($action:ty,)*) => {
        /// The name of every action, and the check of its arguments.
        const ACTIONS: &[(&str, Check)] = &[$((<$action as Action>::NAME, arguments_fit::<$action>),)*];
    };
}

for_each_server_action!(actions);

fn arguments_fit<A: Action>(request: Request<'_>) -> Result<(), InvalidRequest> {
    request.arguments::<A>().map(drop)
}

fn known_names<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<HashSet<&'static str>, UnknownAction> {
    let known = |name: &str| {
        let mut names = ACTIONS.iter().map(|(known, _)| *known);
        names
            .find(|known| *known == name)
            .ok_or_else(|| UnknownAction(name.to_owned()))
    };
    names.into_iter().map(known).collect()
}
