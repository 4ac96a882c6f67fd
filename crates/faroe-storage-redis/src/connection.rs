//! A connection to a server or to a cluster.

use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisResult, ServerErrorKind, Value,
    aio::MultiplexedConnection, cluster_async::ClusterConnection,
};

use crate::{failure::Failure, target::connect_to};

/// How often a command follows a key that moves. Each time the nodes' places are looked up anew.
const REDIRECTIONS: usize = 4;

/// A connection that any number of commands share. It does not mend itself, apart from learning where the nodes of the
/// cluster are.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster {
        connection: ClusterConnection,
        /// One of the nodes, as a pattern for connecting to others.
        node: ConnectionInfo,
    },
}

impl Connection {
    /// Sends a command, and has it carried out at most once.
    pub(crate) async fn send(&mut self, command: &Cmd) -> Result<Value, Failure> {
        let (connection, node) = match self {
            Self::Server(connection) => return Ok(command.query_async(connection).await?),
            Self::Cluster { connection, node } => (connection, node),
        };
        let mut redirections = 0;
        loop {
            let answer: RedisResult<Value> = command.query_async(connection).await;
            let Err(error) = answer else {
                return Ok(answer?);
            };
            // Both say that the command was not carried out.
            match error.kind() {
                ErrorKind::Server(ServerErrorKind::Moved) if redirections < REDIRECTIONS => {
                    redirections += 1;
                }
                ErrorKind::Server(ServerErrorKind::Ask) => {
                    let address = error
                        .redirect_node()
                        .and_then(|(address, _)| parse(address));
                    let Some((host, port)) = address else {
                        return Err(error.into());
                    };
                    return ask(&at(node, host, port), command).await;
                }
                _ => return Err(error.into()),
            }
        }
    }
}

/// Sends a command to the node that its slot is being moved to right now. That lasts for a moment, so the connection is
/// for this command only.
async fn ask(node: &ConnectionInfo, command: &Cmd) -> Result<Value, Failure> {
    let Connection::Server(mut connection) = connect_to(node).await? else {
        return Err(Failure::Unexpected("a node is not a cluster"));
    };
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").ignore().add_command(command.clone());
    let [answer]: [Value; 1] = pipeline.query_async(&mut connection).await?;
    Ok(answer)
}

fn parse(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// The same way to connect, to another place.
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
