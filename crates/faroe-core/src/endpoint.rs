//! The action invocation endpoint, for any HTTP framework: a request body in, a response out.

use std::{collections::HashMap, fmt, pin::Pin, sync::Arc, time::Duration};

use faroe_protocol::{
    action::Action,
    envelope::{self, InvalidRequest, Request},
    id::ActionInvocationId,
};

use crate::{
    invocation::Run,
    random,
    server::{InvocationErrorKind, Server},
};

/// The response to a request.
#[derive(Clone, PartialEq, Eq)]
pub enum EndpointResponse {
    /// 200 with this body, of content type `application/json`.
    Completed(String),
    /// 400 with the text of the reason, of content type `text/plain`, or 413 if the body is too large. Nothing was
    /// invoked.
    InvalidRequest(InvalidRequest),
    /// 503 with `Retry-After`. Nothing was invoked.
    Overloaded {
        /// The time that the client should wait before it retries.
        retry_after: Duration,
    },
}

/// Hides the body, which may contain a token.
impl fmt::Debug for EndpointResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed(_) => f.write_str("Completed([REDACTED])"),
            Self::InvalidRequest(reason) => write!(f, "InvalidRequest({reason:?})"),
            Self::Overloaded { retry_after } => write!(f, "Overloaded({retry_after:?})"),
        }
    }
}

/// The action invocation endpoint of a server, for all of its actions or some. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    server: Server,
    /// The actions that may be invoked, by name.
    allowed: Arc<Handlers>,
}

/// The error for a name that no action has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown action `{}`", self.0)
    }
}

impl std::error::Error for UnknownAction {}

impl Server {
    /// Returns an endpoint for every action.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            server: self.clone(),
            allowed: Arc::new(handlers()),
        }
    }

    /// Returns an endpoint for every action except these.
    ///
    /// # Errors
    ///
    /// Returns the first name that no action has.
    pub fn endpoint_with_blocklist<'a>(
        &self,
        blocked: impl IntoIterator<Item = &'a str>,
    ) -> Result<Endpoint, UnknownAction> {
        let mut allowed = handlers();
        for name in blocked {
            let (name, _) = known(name)?;
            allowed.remove(name);
        }
        Ok(Endpoint {
            server: self.clone(),
            allowed: Arc::new(allowed),
        })
    }

    /// Returns an endpoint for these actions only.
    ///
    /// # Errors
    ///
    /// Returns the first name that no action has.
    pub fn endpoint_with_allowlist<'a>(
        &self,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Endpoint, UnknownAction> {
        Ok(Endpoint {
            server: self.clone(),
            allowed: Arc::new(allowed.into_iter().map(known).collect::<Result<_, _>>()?),
        })
    }
}

impl Endpoint {
    /// Answers a request with any body.
    pub async fn invoke(&self, body: &[u8]) -> EndpointResponse {
        let request = match Request::parse(body) {
            Ok(request) => request,
            Err(reason) => return EndpointResponse::InvalidRequest(reason),
        };
        match self.allowed.get(&*request.action) {
            Some(handler) => handler(&self.server, request).await,
            None => EndpointResponse::InvalidRequest(InvalidRequest::UnknownAction),
        }
    }
}

type Handler = for<'a> fn(
    &'a Server,
    Request<'a>,
) -> Pin<Box<dyn Future<Output = EndpointResponse> + Send + 'a>>;

type Handlers = HashMap<&'static str, Handler>;

macro_rules! dispatch {
    ($($action:ty,)*) => {
        fn handlers() -> Handlers {
            HashMap::from([$((<$action as Action>::NAME, handle::<$action> as Handler)),*])
        }
    };
}

faroe_protocol::for_each_server_action!(dispatch);

fn handle<'a, A: Run>(
    server: &'a Server,
    request: Request<'a>,
) -> Pin<Box<dyn Future<Output = EndpointResponse> + Send + 'a>> {
    Box::pin(async move {
        let action: A = match request.arguments() {
            Ok(action) => action,
            Err(reason) => return EndpointResponse::InvalidRequest(reason),
        };
        let id = ActionInvocationId::from(random::id());
        let kind = match server.run(action, &id).await {
            Ok(values) => {
                return EndpointResponse::Completed(envelope::encode_values::<A>(&id, &values));
            }
            Err(kind) => kind,
        };
        match (kind, kind.error_code()) {
            (InvocationErrorKind::Overloaded { retry_after }, _) => {
                EndpointResponse::Overloaded { retry_after }
            }
            (_, code) => {
                let code = code.expect("only an overloaded server has no error code");
                EndpointResponse::Completed(envelope::encode_error(&id, code))
            }
        }
    })
}

/// Looks up the action with this name.
fn known(name: &str) -> Result<(&'static str, Handler), UnknownAction> {
    handlers()
        .remove_entry(name)
        .ok_or_else(|| UnknownAction(name.to_owned()))
}
