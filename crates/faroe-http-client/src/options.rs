//! What a client may be told.

use std::{sync::Arc, time::Duration};

use crate::protection::{NoProtection, RequestProtection};

/// How to reach an endpoint. The default is safe for any endpoint on the internet.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// What is added to each request so that the endpoint accepts it. Default: nothing.
    pub protection: Arc<dyn RequestProtection>,
    /// From the call to the last byte of the answer. Default: 20 seconds, more than a Faroe server takes.
    pub timeout: Duration,
    /// For a connection, TLS included. Default: 3 seconds.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. It has to be shorter than the endpoint keeps it, or requests are lost on
    /// connections that the endpoint is closing. Default: 3 seconds; many servers keep one for 5.
    pub idle_timeout: Duration,
    /// Whether `http://` may leave this machine, where everyone on the way reads passwords and credentials. Default:
    /// `false`, so that only a loopback address and `localhost` can be reached without TLS.
    pub allow_plain_http: bool,
    /// The only certificate authorities to trust, in PEM. Default: those that browsers trust (Mozilla's list, compiled
    /// in).
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
