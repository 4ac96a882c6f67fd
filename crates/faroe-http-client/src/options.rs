//! The settings of a client.

use std::{sync::Arc, time::Duration};

use crate::protection::{NoProtection, RequestProtection};

/// The settings of a client. Start from `HttpOptions::default()`, which is safe for any endpoint on the internet, and change
/// fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The credentials that are added to each request. Default: none.
    pub protection: Arc<dyn RequestProtection>,
    /// The time limit from the call to the last byte of the answer. Default: 20 seconds, longer than a Faroe server takes.
    pub timeout: Duration,
    /// The time limit of connecting, TLS included. Default: 3 seconds.
    pub connect_timeout: Duration,
    /// The time after which an idle connection is closed. It must be shorter than the endpoint's own, or requests are lost on
    /// connections that the endpoint closes. Default: 3 seconds; many servers close after 5.
    pub idle_timeout: Duration,
    /// Allows `http://` to other machines, which exposes passwords and credentials to the network. Default: `false`: only
    /// loopback addresses and `localhost` are reachable without TLS.
    pub allow_plain_http: bool,
    /// The only trusted certificate authorities, in PEM, or the endpoint's own certificate, also a self-signed one. Default: the
    /// authorities that browsers trust (Mozilla's list, compiled in).
    pub root_certificates: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            protection: Arc::new(NoProtection),
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(3),
            allow_plain_http: false,
            root_certificates: None,
        }
    }
}
