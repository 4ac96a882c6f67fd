//! The client.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use faroe_address::names_this_machine;
use faroe_protocol::{
    client::{ActionInvocationEndpointClient, SendError},
    error::AdapterError,
    response::MAX_RESPONSE_SIZE,
};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use reqwest::{Request, Response, Url, redirect, retry};

use crate::{options::HttpOptions, protection::RequestProtection};

const USE_URL: &str = "use the URL of the endpoint";
const ASK: &str = "ask the endpoint";

/// A client of one action invocation endpoint, over HTTP/1.1. Cheap to clone; clones share their connections.
///
/// # Guarantees
///
/// - A request is sent at most once. No redirect is followed, no proxy used, no cookie kept.
/// - A call ends within [`HttpOptions::timeout`]. At most 1 MiB of an answer is read; interim answers (1xx) do not count
///   and are discarded.
/// - Nothing is sent before the endpoint presents a certificate for its name, except to this machine by `http://`.
///
/// # Concurrency
///
/// Any number of calls run at once, each on its own connection, within a tokio runtime with I/O and time enabled.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    url: Uri,
    protection: Arc<dyn RequestProtection>,
}

impl HttpClient {
    /// Creates a client of the endpoint at this URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not `https://…` (or `http://…` where [`HttpOptions::allow_plain_http`] allows it) or
    /// holds credentials, or if the trusted certificates cannot be read. The error does not show the URL.
    pub fn new(url: &str, options: HttpOptions) -> Result<Self, AdapterError> {
        let url = parse(url, options.allow_plain_http)?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(faroe_tls::client_config(
                options.root_certificates.as_deref(),
            )?)
            .https_only(url.scheme() == "https")
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(options.idle_timeout);
        if url.scheme() == "http" && !options.allow_plain_http {
            // Whatever a name server answers, the request does not leave the machine.
            let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let loopback = loopback.map(|address: IpAddr| (address, 0).into());
            builder = builder.resolve_to_addrs("localhost", &loopback);
        }
        let client = builder.build();
        Ok(Self {
            client: client.map_err(|error| AdapterError::new("make an HTTP client", error))?,
            url: Uri::try_from(url.as_str()).map_err(|error| AdapterError::new(USE_URL, error))?,
            protection: options.protection,
        })
    }

    fn request(&self, body: String) -> Result<Request, AdapterError> {
        let request = http::Request::post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(());
        let (mut head, ()) = request.expect("its parts are valid").into_parts();
        let protection = self.protection.headers(&head, body.as_bytes())?;
        for (name, value) in &protection {
            head.headers.insert(name, value.clone());
        }
        let request = Request::try_from(http::Request::from_parts(head, body));
        request.map_err(|error| AdapterError::new(USE_URL, error.without_url()))
    }
}

#[async_trait]
impl ActionInvocationEndpointClient for HttpClient {
    async fn send(&self, body: String) -> Result<Vec<u8>, SendError> {
        let request = self.request(body).map_err(SendError::NotInvoked)?;
        let response = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() {
                SendError::NotInvoked(failure(error))
            } else {
                SendError::NoAnswer(failure(error))
            }
        })?;
        match response.status() {
            StatusCode::OK => read(response).await.map_err(SendError::NoAnswer),
            StatusCode::SERVICE_UNAVAILABLE => Err(SendError::Overloaded {
                retry_after: retry_after(response.headers()),
            }),
            status => {
                let error = AdapterError::new(ASK, UnexpectedStatus(status));
                Err(
                    if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
                        SendError::NotInvoked(error)
                    } else {
                        SendError::NoAnswer(error)
                    },
                )
            }
        }
    }
}

/// The cause of an error after an answer with a status other than 200 and 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnexpectedStatus(pub StatusCode);

impl fmt::Display for UnexpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it answered with status {}", self.0)
    }
}

impl Error for UnexpectedStatus {}

/// Shows the host and not the rest of the URL, which may hold a secret.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("host", &self.url.host())
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

fn parse(text: &str, allow_plain_http: bool) -> Result<Url, AdapterError> {
    let refused = |reason: &'static str| Err(AdapterError::new(USE_URL, reason));
    let Ok(mut url) = Url::parse(text) else {
        return refused("it is no URL");
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_plain_http || url.host_str().is_some_and(names_this_machine) => {}
        "http" => {
            return refused(
                "http:// is for this machine only (localhost, 127.0.0.1, [::1]): use https://",
            );
        }
        _ => return refused("it begins neither with https:// nor with http://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it holds credentials, which are not used there");
    }
    url.set_fragment(None);
    Ok(url)
}

async fn read(mut response: Response) -> Result<Vec<u8>, AdapterError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_RESPONSE_SIZE {
            let reason = format!("its answer is larger than {MAX_RESPONSE_SIZE} bytes");
            return Err(AdapterError::new(ASK, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failure(error: reqwest::Error) -> AdapterError {
    let is_away = (error.is_connect() || error.is_timeout()) && !is_of_tls(&error);
    if is_away {
        AdapterError::unavailable(ASK, error.without_url())
    } else {
        AdapterError::new(ASK, error.without_url())
    }
}

/// Checks whether a certificate was refused, or the like: that does not pass.
fn is_of_tls(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let error_of_io = error.downcast_ref::<std::io::Error>();
        if error_of_io.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = error.source();
    }
    false
}

/// A date, the other form of the header, is for programs that stop for maintenance.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
