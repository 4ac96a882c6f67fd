#![doc = include_str!("../README.md")]

mod error;

use std::sync::Arc;

use faroe_core::{
    Server, ServerAction,
    client::ActionInvocationEndpointClient,
    protocol::{envelope::encode_request, response::Response},
};

#[cfg(feature = "http")]
pub use faroe_http_client as http;

pub use self::error::{ClientError, ClientErrorKind};

/// A server to invoke actions on: one in this process, or one that is somewhere else. Cheap to clone.
///
/// What is written against a `Client` does not change when the server moves.
///
/// # Concurrency
///
/// Any number of invocations run at once. Each ends within a bounded time. Dropping the future of an invocation gives up
/// waiting for it; what it has done stays done.
#[derive(Clone, Debug)]
pub enum Client {
    /// A server in this process. Nothing is encoded and nothing is sent.
    Embedded(Server),
    /// A server behind an action invocation endpoint.
    Remote(Arc<dyn ActionInvocationEndpointClient>),
}

impl Client {
    /// The client of the endpoint at this URL, over HTTP and TLS. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A URL that cannot be used: see [`HttpClient::new`](http::HttpClient::new).
    #[cfg(feature = "http")]
    pub fn http(
        url: &str,
        options: http::HttpOptions,
    ) -> Result<Self, faroe_core::error::AdapterError> {
        Ok(Self::new(Arc::new(http::HttpClient::new(url, options)?)))
    }

    /// The client of an endpoint that is reached in a way of your own.
    pub fn new(endpoint: Arc<dyn ActionInvocationEndpointClient>) -> Self {
        Self::Remote(endpoint)
    }

    /// Invokes an action, once: nothing is ever sent twice.
    ///
    /// # Errors
    ///
    /// The action's error code, or why there is neither a code nor values. Each [`ClientErrorKind`] says whether
    /// anything was done.
    pub async fn invoke<A: ServerAction>(
        &self,
        action: A,
    ) -> Result<A::Values, ClientError<A::ErrorCode>> {
        match self {
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

impl From<Server> for Client {
    fn from(server: Server) -> Self {
        Self::Embedded(server)
    }
}
