//! Range queries over HTTP.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use faroe_core::error::AdapterError;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    redirect,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{BaseUrl, OPERATION, range::Range};

/// The maximum size of an answer in bytes, several times the size of the largest padded range of the public list.
const MAX_ANSWER_SIZE: usize = 512 * 1024;

/// The time after which an unused connection is closed, shorter than the usual timeouts of servers and firewalls.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct RangeService {
    client: Client,
    base_url: BaseUrl,
}

impl RangeService {
    pub(crate) fn new(base_url: BaseUrl) -> Self {
        let builder = Client::builder()
            .tls_backend_preconfigured(tls())
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            // Only the configured service receives requests.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(IDLE_TIMEOUT);
        let builder = if base_url.is_plain() {
            // `localhost` is not resolved: the request must not leave this machine.
            let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let loopback = loopback.map(|address: IpAddr| (address, 0).into());
            builder.resolve_to_addrs("localhost", &loopback)
        } else {
            builder
        };
        Self {
            client: builder.build().expect("the settings are valid"),
            base_url,
        }
    }

    /// Requests a range. The caller sets the deadline.
    pub(crate) async fn range(&self, prefix: &str) -> Result<Range, AdapterError> {
        let request = self.client.get(self.base_url.range(prefix));
        // With padding, the size of an answer does not reveal which range it is.
        let request = request.header("add-padding", "true");
        let response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(unusable(format!(
                "the service answered {}",
                response.status()
            )));
        }
        if !has_an_end(&response) {
            return Err(unusable("the answer has neither a length nor chunks"));
        }
        let body = read(response).await?;
        Range::parse(&body).ok_or_else(|| unusable("the answer is not a list of hashes"))
    }
}

/// Checks whether truncation can be detected: the answer has a length, or chunks with a marked end.
fn has_an_end(response: &Response) -> bool {
    let headers = response.headers();
    match headers.get(TRANSFER_ENCODING) {
        Some(encoding) => encoding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        None => headers.contains_key(CONTENT_LENGTH),
    }
}

/// Reads the answer to its end. Fails if it is too large.
async fn read(mut response: Response) -> Result<Vec<u8>, AdapterError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER_SIZE {
            return Err(unusable(format!(
                "the answer exceeds {MAX_ANSWER_SIZE} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Creates an error without the URL, which contains the prefix.
fn failed(error: reqwest::Error) -> AdapterError {
    AdapterError::new(OPERATION, error.without_url())
}

fn unusable(reason: impl Into<String>) -> AdapterError {
    AdapterError::new(OPERATION, reason.into())
}

/// Returns settings for TLS 1.2 or 1.3 with ring and the public certificate authorities.
fn tls() -> ClientConfig {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.into(),
    };
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has both versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
