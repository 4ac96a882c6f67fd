//! A connection to a server or to a cluster.

use std::sync::Arc;

use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, ServerErrorKind, Value,
    aio::MultiplexedConnection, cluster_async::ClusterConnection,
};
use tokio::time::timeout;

use crate::{
    commands,
    failure::Failure,
    node::{self, RESPONSE_TIMEOUT},
};

/// The times that a command follows a key that moves. Each time the addresses of the nodes are looked up again.
const REDIRECTIONS: usize = 4;

/// A connection that any number of commands share. It does not reconnect, but learns the addresses of the cluster's nodes.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster {
        connection: ClusterConnection,
        /// One of the nodes, whose settings are used for the others.
        node: Arc<ConnectionInfo>,
    },
}

impl Connection {
    /// Checks that the connection works and, of a single server, that it takes writes: deletes a key that does not exist,
    /// which changes nothing and which a replica refuses. A replica in a cluster refuses every command by itself.
    pub(crate) async fn check(&mut self, key: &str) -> Result<(), Failure> {
        let answer = match self {
            Self::Server(_) => self.send(&commands::delete(key)).await,
            Self::Cluster { .. } => self.send(&redis::cmd("PING")).await,
        };
        match answer {
            Err(failure) if failure.ends_connection() => Err(failure),
            _ => Ok(()),
        }
    }

    /// Checks a connection that was just made. A cluster of which a node is down can be used.
    pub(crate) async fn check_new(&mut self, key: &str) -> Result<(), Failure> {
        match self {
            Self::Server(_) => self.check(key).await,
            Self::Cluster { .. } => Ok(()),
        }
    }

    /// Sends a command, which is executed at most once.
    pub(crate) async fn send(&mut self, command: &Cmd) -> Result<Value, Failure> {
        match self {
            Self::Server(connection) => Ok(command.query_async(connection).await?),
            Self::Cluster { connection, node } => {
                Box::pin(send_to_cluster(connection, node, command)).await
            }
        }
    }
}

async fn send_to_cluster(
    connection: &mut ClusterConnection,
    node: &ConnectionInfo,
    command: &Cmd,
) -> Result<Value, Failure> {
    match command.query_async(connection).await {
        Err(error) if is_redirection(&error) => {
            let following = follow(connection, node, command, error);
            let followed = timeout(RESPONSE_TIMEOUT, following).await;
            followed.unwrap_or(Err(Failure::TimedOut))
        }
        answer => Ok(answer?),
    }
}

/// Checks whether the answer names another node, on which the command would be executed.
fn is_redirection(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask)
    )
}

/// Sends a command again, to the node that its key has moved to.
async fn follow(
    connection: &mut ClusterConnection,
    node: &ConnectionInfo,
    command: &Cmd,
    mut error: RedisError,
) -> Result<Value, Failure> {
    for _ in 0..REDIRECTIONS {
        if error.kind() == ErrorKind::Server(ServerErrorKind::Ask) {
            let address = error
                .redirect_node()
                .and_then(|(address, _)| parse(address));
            let Some((host, port)) = address else {
                return Err(error.into());
            };
            return ask(&at(node, host, port), command).await;
        }
        match command.query_async(connection).await {
            Err(next) if is_redirection(&next) => error = next,
            answer => return Ok(answer?),
        }
    }
    Err(error.into())
}

/// Sends a command to the node that its slot is being moved to. The move is short, so the connection is for this command
/// only.
async fn ask(node: &ConnectionInfo, command: &Cmd) -> Result<Value, Failure> {
    let mut connection = node::connect(node).await?;
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").ignore().add_command(command.clone());
    let [answer]: [Value; 1] = pipeline.query_async(&mut connection).await?;
    Ok(answer)
}

fn parse(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// The same settings for another address.
fn at(node: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = host.to_owned();
    let address = match node.addr() {
        ConnectionAddr::TcpTls { tls_params, .. } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    };
    node.clone().set_addr(address)
}
