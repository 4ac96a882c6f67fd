//! What a URL points to, and how to connect to it.

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    cluster::ClusterClient,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::time::timeout;

use crate::{connection::Connection, failure::Failure};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Shorter than what routers and load balancers take for silence.
const KEEPALIVE: Duration = Duration::from_secs(30);

pub(crate) struct Target {
    /// The server, or nodes of the cluster.
    nodes: Vec<ConnectionInfo>,
    cluster: Option<ClusterClient>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let (scheme, rest) = url.split_once("://").ok_or(NOT_A_URL)?;
        let Some(scheme) = scheme.strip_suffix("+cluster") else {
            return Ok(Self {
                nodes: vec![node(url)?],
                cluster: None,
            });
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (credentials, addresses) = match authority.rfind('@') {
            Some(position) => authority.split_at(position + 1),
            None => ("", authority),
        };
        let nodes: Vec<ConnectionInfo> = addresses
            .split(',')
            .map(|address| node(&format!("{scheme}://{credentials}{address}{tail}")))
            .collect::<Result<_, _>>()?;
        // Without retries: the client's own repeat a command that was on its way when a connection broke.
        let cluster = ClusterClient::builder(nodes.clone())
            .retries(0)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .overall_response_timeout(Some(RESPONSE_TIMEOUT))
            .tcp_settings(tcp_settings())
            .build()
            .map_err(|_| NOT_A_URL)?;
        Ok(Self {
            nodes,
            cluster: Some(cluster),
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let Some(cluster) = &self.cluster else {
            return connect_to(&self.nodes[0]).await;
        };
        let connecting = Box::pin(cluster.get_async_connection());
        let connected = timeout(CONNECT_TIMEOUT, connecting).await;
        Ok(Connection::Cluster {
            connection: connected.map_err(|_| Failure::TimedOut)??,
            node: Arc::new(self.nodes[0].clone()),
        })
    }

    /// Connects to the server itself, or to the first node of the URL that lets us in.
    pub(crate) async fn connect_to_one_node(&self) -> Result<Connection, Failure> {
        let mut failure = NOT_A_URL;
        for node in &self.nodes {
            match connect_to(node).await {
                Ok(connection) => return Ok(connection),
                Err(next) => failure = next,
            }
        }
        Err(failure)
    }
}

pub(crate) async fn connect_to(node: &ConnectionInfo) -> Result<Connection, Failure> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let client = Client::open(node.clone())?;
    let connecting = Box::pin(client.get_multiplexed_async_connection_with_config(&config));
    Ok(Connection::Server(connecting.await?))
}

const NOT_A_URL: Failure = Failure::Settings(
    "the URL has to look like redis://user:password@host:6379, rediss://… for TLS, redis+unix:///path or redis+cluster://host:6379,host:6379",
);

const INSECURE: Failure =
    Failure::Settings("the check of the certificate cannot be turned off by #insecure");

fn node(url: &str) -> Result<ConnectionInfo, Failure> {
    let node = url.into_connection_info().map_err(|_| NOT_A_URL)?;
    if let ConnectionAddr::TcpTls { insecure, .. } = node.addr() {
        if *insecure {
            return Err(INSECURE);
        }
        choose_cryptography();
    }
    Ok(node.set_tcp_settings(tcp_settings()))
}

fn tcp_settings() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE))
}

/// TLS panics in a process that has not chosen, if two are built in. Whoever has chosen already is left alone.
fn choose_cryptography() {
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<String> {
        let target = Target::parse(url).map_err(|failure| failure.to_string());
        let nodes = target.expect("it is a URL").nodes;
        nodes.iter().map(|node| node.addr().to_string()).collect()
    }

    #[test]
    fn a_url_names_one_server_or_the_nodes_of_a_cluster() {
        assert_eq!(addresses("redis://a"), ["a:6379"]);
        assert_eq!(addresses("rediss://user:p%40ss@a:1/2"), ["a:1"]);
        assert_eq!(addresses("redis+unix:///run/redis"), ["/run/redis"]);
        assert_eq!(
            addresses("redis+cluster://a:1,b:2,c"),
            ["a:1", "b:2", "c:6379"]
        );
        assert_eq!(addresses("rediss+cluster://user:p@a:1,b:2"), ["a:1", "b:2"]);
    }

    #[test]
    fn all_nodes_of_a_cluster_get_the_credentials() {
        let Ok(target) = Target::parse("redis+cluster://me:p%2F@a:1,b:2") else {
            panic!("it names a cluster");
        };
        for node in target.nodes {
            assert_eq!(node.redis_settings().username(), Some("me"));
            assert_eq!(node.redis_settings().password(), Some("p/"));
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_being_repeated() {
        for url in [
            "",
            "redis",
            "redis:hunter2",
            "postgres://me:hunter2@a",
            "redis://me:hunter2@",
            "redis://me:hunter2@a:port",
            "redis://me:hunter2@a:1,b:2",
            "redis://me:hunter2@a/database",
            "redis+cluster://",
            "redis+cluster://me:hunter2@a:1,,b:2",
            "redis+unix+cluster:///hunter2",
            "rediss://me:hunter2@a#insecure",
            "rediss+cluster://me:hunter2@a,b#insecure",
        ] {
            let Err(failure) = Target::parse(url) else {
                panic!("{url} was accepted");
            };
            assert!(matches!(failure, Failure::Settings(_)), "{url}");
            assert!(!failure.to_string().contains("hunter2"), "{url}");
        }
    }
}
