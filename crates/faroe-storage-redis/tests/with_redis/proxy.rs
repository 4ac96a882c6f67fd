//! A proxy to a server whose connections tests can break.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinSet,
};

/// The treatment of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They pass.
    Open,
    /// There are no connections, and new ones are closed at once, as if the server were restarting.
    Down,
    /// They disappear, and nothing is closed.
    BlackHole,
    /// Requests pass. Where an answer should, the connection breaks.
    LoseAnswers,
    /// Where a request should pass, the connection breaks.
    LoseRequests,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    server: watch::Sender<String>,
    /// The number of connections so far.
    count: Arc<AtomicUsize>,
    /// The number of the first connection that is not silenced.
    silenced: watch::Sender<usize>,
    connections: Arc<Mutex<JoinSet<()>>>,
    _listening: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, current) = watch::channel(Mode::Open);
        let (server, target) = watch::channel(server);
        let (silenced, first_loud) = watch::channel(0);
        let count: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&count);
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let accepted = Arc::clone(&connections);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *current.borrow() == Mode::Down {
                    continue;
                }
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let treatment = Treatment {
                    mode: current.clone(),
                    first_loud: first_loud.clone(),
                    number,
                };
                let server = target.borrow().clone();
                let relay = relay(client, server, treatment);
                accepted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .spawn(relay);
            }
        });
        Self {
            port,
            mode,
            server,
            count,
            silenced,
            connections,
            _listening: listening,
        }
    }

    /// Changes what happens from now on. Connections stay as they are.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Leads new connections to another server. Connections stay as they are.
    pub(crate) fn switch(&self, server: &str) {
        self.server.send_replace(server.to_owned());
    }

    /// Drops all bytes of the present connections from now on. Nothing is closed, and new connections work.
    pub(crate) fn silence(&self) {
        self.silenced
            .send_replace(self.count.load(Ordering::SeqCst));
    }

    /// Breaks all connections.
    pub(crate) async fn cut(&self) {
        let mut cut = {
            let mut connections = self
                .connections
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *connections)
        };
        cut.shutdown().await;
    }
}

/// The treatment of one connection.
struct Treatment {
    mode: watch::Receiver<Mode>,
    first_loud: watch::Receiver<usize>,
    number: usize,
}

impl Treatment {
    fn mode(&self) -> Mode {
        if self.number < *self.first_loud.borrow() {
            Mode::BlackHole
        } else {
            *self.mode.borrow()
        }
    }
}

async fn relay(client: TcpStream, server: String, treatment: Treatment) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = copy(from_client, to_server, &treatment, Mode::LoseRequests) => {}
        () = copy(from_server, to_client, &treatment, Mode::LoseAnswers) => {}
    }
}

/// Copies until either side has closed, or something comes while the mode is `breaking`.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    treatment: &Treatment,
    breaking: Mode,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut bytes).await {
        let now = treatment.mode();
        if now == breaking {
            return;
        }
        if now != Mode::BlackHole && to.write_all(&bytes[..size]).await.is_err() {
            return;
        }
    }
}
