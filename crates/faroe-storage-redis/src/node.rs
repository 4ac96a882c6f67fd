//! One server, or one node of a cluster.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    aio::MultiplexedConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use crate::failure::Failure;

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Shorter than the time after which routers and load balancers drop a silent connection.
const KEEPALIVE: Duration = Duration::from_secs(30);

pub(crate) const NOT_A_URL: Failure = Failure::Settings(
    "the URL must look like redis://user:password@host:6379, rediss://… for TLS, redis+unix:///path or redis+cluster://host:6379,host:6379",
);

const INSECURE: Failure =
    Failure::Settings("#insecure in the URL would turn the check of the certificate off");

/// Reads the URL of one node.
pub(crate) fn parse(url: &str) -> Result<ConnectionInfo, Failure> {
    let node = url.into_connection_info().map_err(|_| NOT_A_URL)?;
    if let ConnectionAddr::TcpTls { insecure, .. } = node.addr() {
        if *insecure {
            return Err(INSECURE);
        }
        choose_cryptography();
    }
    Ok(node.set_tcp_settings(tcp_settings()))
}

/// Connects to one node.
pub(crate) async fn connect(node: &ConnectionInfo) -> Result<MultiplexedConnection, Failure> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let client = Client::open(node.clone())?;
    Ok(Box::pin(client.get_multiplexed_async_connection_with_config(&config)).await?)
}

pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE))
}

/// Makes ring the process's provider of cryptography unless it has one: TLS panics if two are built in and none is chosen.
fn choose_cryptography() {
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
}
