//! The server or cluster that a URL names.

use std::sync::Arc;

use faroe_address::ServiceUrl;
use redis::{ConnectionInfo, cluster::ClusterClient};
use tokio::time::timeout;

use crate::{
    connection::Connection,
    failure::Failure,
    node::{self, CONNECT_TIMEOUT, NOT_A_URL, RESPONSE_TIMEOUT},
};

pub(crate) struct Target {
    /// The server, or nodes of the cluster.
    nodes: Vec<ConnectionInfo>,
    cluster: Option<ClusterClient>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let url: ServiceUrl = url.parse().map_err(|_| NOT_A_URL)?;
        let Some(scheme) = url.scheme().strip_suffix("+cluster") else {
            return Ok(Self {
                nodes: vec![node::parse(url.expose())?],
                cluster: None,
            });
        };
        let (credentials, tail) = (url.credentials(), url.tail());
        let nodes = url
            .hosts()
            .split(',')
            .map(|host| node::parse(&format!("{scheme}://{credentials}{host}{tail}")));
        let nodes: Vec<ConnectionInfo> = nodes.collect::<Result<_, _>>()?;
        // Without retries: the client's own would repeat a command that was in flight when a connection broke.
        let cluster = ClusterClient::builder(nodes.clone())
            .retries(0)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .overall_response_timeout(Some(RESPONSE_TIMEOUT))
            .tcp_settings(node::tcp_settings())
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
            return Ok(Connection::Server(node::connect(&self.nodes[0]).await?));
        };
        let connecting = Box::pin(cluster.get_async_connection());
        let connected = timeout(CONNECT_TIMEOUT, connecting).await;
        Ok(Connection::Cluster {
            connection: connected.map_err(|_| Failure::TimedOut)??,
            node: Arc::new(self.nodes[0].clone()),
        })
    }

    /// Connects to the server itself, or to the first node of the URL that accepts the connection.
    pub(crate) async fn connect_to_one_node(&self) -> Result<Connection, Failure> {
        let mut failure = NOT_A_URL;
        for node in &self.nodes {
            match node::connect(node).await {
                Ok(connection) => return Ok(Connection::Server(connection)),
                Err(next) => failure = next,
            }
        }
        Err(failure)
    }
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
