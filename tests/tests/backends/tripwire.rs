//! A proxy in front of a database that cuts the connection after a certain statement, before the program gets the answer.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinSet,
};

use crate::backend::Kind;

#[derive(Debug)]
pub(crate) struct Tripwire {
    pub(crate) port: u16,
    link: Arc<Link>,
    _listening: JoinSet<()>,
}

/// The state that all connections through the proxy share.
#[derive(Debug)]
struct Link {
    kind: Kind,
    mode: Mutex<Mode>,
    /// A connection has reached the cut.
    reached: Notify,
    /// The cut is removed.
    removed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Neither the answer to this statement passes, nor anything after it.
    CutAt(usize),
    /// Nothing passes, and nothing is closed.
    Cut,
    /// No further statement passes until the hold is removed.
    Hold,
}

impl Tripwire {
    pub(crate) async fn start(kind: Kind, server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let link = Arc::new(Link {
            kind,
            mode: Mutex::new(Mode::Pass),
            reached: Notify::new(),
            removed: Notify::new(),
        });
        let (mut listening, accepted) = (JoinSet::new(), Arc::clone(&link));
        listening.spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                relays.spawn(relay(client, server.clone(), Arc::clone(&accepted)));
            }
        });
        Self {
            port,
            link,
            _listening: listening,
        }
    }

    /// Cuts before the answer to the statement with this number, from 1 on.
    pub(crate) fn cut_at(&self, number: usize) {
        self.link.set(Mode::CutAt(number));
    }

    /// Holds the next statement, and all after it.
    pub(crate) fn hold(&self) {
        self.link.set(Mode::Hold);
    }

    /// Waits until a statement has reached the cut, or is held.
    pub(crate) async fn reached(&self) {
        self.link.reached.notified().await;
    }

    /// Lets everything pass again on new connections.
    pub(crate) fn remove(&self) {
        self.link.set(Mode::Pass);
        self.link.removed.notify_waiters();
    }
}

impl Link {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks whether a message executes a statement, rather than prepares one or tests
    /// the connection.
    fn is_statement(&self, bytes: &[u8]) -> bool {
        match self.kind {
            // Bind, or a query by itself.
            Kind::Postgres => matches!(bytes.first(), Some(b'B' | b'Q')),
            // COM_QUERY, COM_STMT_EXECUTE.
            Kind::Mysql => matches!(bytes.get(4), Some(0x03 | 0x17)),
            _ => true,
        }
    }

    /// Checks whether the answer to a statement may pass.
    fn passes_answer(&self) -> bool {
        let mut mode = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        match *mode {
            Mode::CutAt(1) => {
                *mode = Mode::Cut;
                self.reached.notify_one();
                false
            }
            Mode::CutAt(number) => {
                *mode = Mode::CutAt(number - 1);
                true
            }
            Mode::Cut => false,
            Mode::Pass | Mode::Hold => true,
        }
    }

    async fn wait_while_held(&self) {
        loop {
            let removed = self.removed.notified();
            if self.mode() != Mode::Hold {
                return;
            }
            self.reached.notify_one();
            removed.await;
        }
    }
}

async fn relay(client: TcpStream, server: String, link: Arc<Link>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The number of statements of this connection without an answer.
    let open = Mutex::new(0);
    tokio::select! {
        () = requests(from_client, to_server, &link, &open) => {}
        () = answers(from_server, to_client, &link, &open) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: &Link,
    open: &Mutex<usize>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut bytes).await {
        if link.is_statement(&bytes[..size]) {
            link.wait_while_held().await;
            *open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        if link.mode() != Mode::Cut && to.write_all(&bytes[..size]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: &Link,
    open: &Mutex<usize>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut bytes).await {
        let is_answer = {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *open) > 0
        };
        let passes = if is_answer {
            link.passes_answer()
        } else {
            link.mode() != Mode::Cut
        };
        if passes && to.write_all(&bytes[..size]).await.is_err() {
            return;
        }
    }
}
