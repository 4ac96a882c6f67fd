//! A server that speaks as much of the protocol of Redis as a test needs, and answers what the test wants.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The answer to a command, as bytes on the wire. Without an answer the connection is closed.
type Answer = dyn Fn(&[String]) -> Option<String> + Send + Sync;

pub(crate) struct FakeRedis {
    pub(crate) port: u16,
    scripts: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

impl FakeRedis {
    /// Starts one that says `answer`, or what an ordinary server of Redis says where that says nothing special.
    pub(crate) async fn start(
        answer: impl Fn(&[String]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, scripts): (Arc<Answer>, _) = (Arc::new(answer), Arc::default());
        let count = Arc::clone(&scripts);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&answer), Arc::clone(&count)));
            }
        });
        Self {
            port,
            scripts,
            _connections: connections,
        }
    }

    /// The number of scripts that it was asked to run.
    pub(crate) fn scripts(&self) -> usize {
        self.scripts.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, answer: Arc<Answer>, scripts: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    while let Some(command) = read(&mut stream).await {
        if command[0] == "EVAL" {
            scripts.fetch_add(1, Ordering::SeqCst);
        }
        let Some(answer) = answer(&command) else {
            return;
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a command, which is an array of strings.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = number(stream, '*').await?;
    let mut command = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; number(stream, '$').await? + "\r\n".len()];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(word.len() - "\r\n".len());
        command.push(String::from_utf8_lossy(&word).into_owned());
    }
    Some(command)
}

async fn number(stream: &mut BufReader<TcpStream>, kind: char) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_prefix(kind)?.trim().parse().ok()
}

/// The answers of an ordinary server.
pub(crate) fn ordinary(command: &[String]) -> Option<String> {
    Some(match command[0].as_str() {
        "INFO" => information("noeviction", false),
        "PING" => "+PONG\r\n".to_owned(),
        "GET" => "$-1\r\n".to_owned(),
        "EVAL" => ":1\r\n".to_owned(),
        _ => "+OK\r\n".to_owned(),
    })
}

/// The answers of the only node of a cluster.
pub(crate) fn cluster_node(command: &[String], port: u16) -> Option<String> {
    match command[0].as_str() {
        "INFO" => Some(information("noeviction", true)),
        "CLUSTER" => Some(format!(
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n"
        )),
        _ => ordinary(command),
    }
}

pub(crate) fn information(policy: &str, is_cluster: bool) -> String {
    let is_cluster = u8::from(is_cluster);
    let text = format!("maxmemory_policy:{policy}\r\ncluster_enabled:{is_cluster}\r\n");
    format!("${}\r\n{text}\r\n", text.len())
}
