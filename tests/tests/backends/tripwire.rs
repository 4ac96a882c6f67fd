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
    wire: Arc<Wire>,
    _listening: JoinSet<()>,
}

#[derive(Debug)]
struct Wire {
    kind: Kind,
    plan: Mutex<Plan>,
    /// A connection has reached the cut.
    reached: Notify,
    /// The cut is removed.
    removed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
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
        let wire = Arc::new(Wire {
            kind,
            plan: Mutex::new(Plan::Pass),
            reached: Notify::new(),
            removed: Notify::new(),
        });
        let (mut listening, accepted) = (JoinSet::new(), Arc::clone(&wire));
        listening.spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                relays.spawn(relay(client, server.clone(), Arc::clone(&accepted)));
            }
        });
        Self {
            port,
            wire,
            _listening: listening,
        }
    }

    /// Cuts before the answer to the statement with this number, from 1 on.
    pub(crate) fn cut_at(&self, number: usize) {
        self.wire.set(Plan::CutAt(number));
    }

    /// Holds the next statement, and all after it.
    pub(crate) fn hold(&self) {
        self.wire.set(Plan::Hold);
    }

    /// Waits until a statement has reached the cut, or is held.
    pub(crate) async fn reached(&self) {
        self.wire.reached.notified().await;
    }

    /// Lets everything pass again on new connections.
    pub(crate) fn remove(&self) {
        self.wire.set(Plan::Pass);
        self.wire.removed.notify_waiters();
    }
}

impl Wire {
    fn set(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn plan(&self) -> Plan {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match *plan {
            Plan::CutAt(1) => {
                *plan = Plan::Cut;
                self.reached.notify_one();
                false
            }
            Plan::CutAt(number) => {
                *plan = Plan::CutAt(number - 1);
                true
            }
            Plan::Cut => false,
            Plan::Pass | Plan::Hold => true,
        }
    }

    async fn wait_while_held(&self) {
        loop {
            let removed = self.removed.notified();
            if self.plan() != Plan::Hold {
                return;
            }
            self.reached.notify_one();
            removed.await;
        }
    }
}

async fn relay(client: TcpStream, server: String, wire: Arc<Wire>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The number of statements of this connection without an answer.
    let open = Mutex::new(0);
    tokio::select! {
        () = requests(from_client, to_server, &wire, &open) => {}
        () = answers(from_server, to_client, &wire, &open) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: &Wire,
    open: &Mutex<usize>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut bytes).await {
        if wire.is_statement(&bytes[..size]) {
            wire.wait_while_held().await;
            *open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        if wire.plan() != Plan::Cut && to.write_all(&bytes[..size]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: &Wire,
    open: &Mutex<usize>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut bytes).await {
        let is_answer = {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *open) > 0
        };
        let passes = if is_answer {
            wire.passes_answer()
        } else {
            wire.plan() != Plan::Cut
        };
        if passes && to.write_all(&bytes[..size]).await.is_err() {
            return;
        }
    }
}
