#![doc = include_str!("../README.md")]

#[cfg(feature = "embedded")]
mod embedded;
mod error;
#[cfg(not(feature = "embedded"))]
mod remote;

use std::sync::Arc;

#[cfg(feature = "http")]
pub use faroe_http_client as http;
pub use faroe_protocol as protocol;
use faroe_protocol::{
    client::ActionInvocationEndpointClient, envelope::encode_request, response::Response,
};

#[cfg(feature = "embedded")]
pub use self::embedded::ServerAction;
pub use self::error::{ClientError, ClientErrorKind};
#[cfg(not(feature = "embedded"))]
pub use self::remote::ServerAction;

/// A server to invoke actions on, in this process or elsewhere. Cheap to clone.
///
/// Code written against a `Client` does not change when the server moves.
///
/// # Concurrency
///
/// Any number of invocations run at once. Each ends within a bounded time. Dropping the future of an invocation stops
/// waiting for it; completed steps are not undone.
// Another crate may enable `embedded`: without it, a `match` needs an arm for the variant that is not there yet.
#[cfg_attr(not(feature = "embedded"), non_exhaustive)]
#[derive(Clone, Debug)]
pub enum Client {
    /// A server in this process. Nothing is encoded or sent.
    #[cfg(feature = "embedded")]
    Embedded(faroe_core::Server),
    /// A server behind an action invocation endpoint.
    Remote(Arc<dyn ActionInvocationEndpointClient>),
}

impl Client {
    /// Creates a client of the endpoint at this URL, over HTTP and TLS. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or the options cannot be used: see [`HttpClient::new`](http::HttpClient::new).
    #[cfg(feature = "http")]
    pub fn http(
        url: &str,
        options: http::HttpOptions,
    ) -> Result<Self, protocol::error::AdapterError> {
        Ok(Self::new(Arc::new(http::HttpClient::new(url, options)?)))
    }

    /// Creates a client of an endpoint that is reached by another transport.
    pub fn new(endpoint: Arc<dyn ActionInvocationEndpointClient>) -> Self {
        Self::Remote(endpoint)
    }

    /// Invokes an action once. A request is never sent again.
    ///
    /// # Errors
    ///
    /// Returns the action's error code, or the reason why there are neither values nor a code. Each [`ClientErrorKind`]
    /// says whether anything was changed.
    pub async fn invoke<A: ServerAction>(
        &self,
        action: A,
    ) -> Result<A::Values, ClientError<A::ErrorCode>> {
        match self {
            #[cfg(feature = "embedded")]
            Self::Embedded(server) => Ok(server.invoke(action).await?),
            Self::Remote(endpoint) => {
                let body = encode_request(&action);
                drop(action);
                let answer = endpoint.send(body).await?;
                let response = Response::parse(&answer)?;
                let id = response.action_invocation_id.clone();
                match response.result::<A>() {
                    Ok(Ok(values)) => Ok(values),
                    Ok(Err(error)) => Err(ClientError::answered(id, error.into())),
                    Err(reason) => Err(ClientError::answered(id, reason.into())),
                }
            }
        }
    }
}
