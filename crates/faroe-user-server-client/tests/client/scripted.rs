//! A user server that answers with whatever bytes a test wants.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The server's reaction to a request.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes and keeps the connection open in silence.
    SendAndHold(Vec<u8>),
    /// Sends the first bytes at once and then the others one by one.
    Drip(Vec<u8>, Vec<u8>),
    /// Sends the first bytes and then the others again and again, without end.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends these bytes and breaks the connection.
    Reset(Vec<u8>),
}

/// The number of bytes that a server of this kind has sent, including those in the system's buffers.
pub(crate) type Sent = Arc<AtomicUsize>;

/// Starts a server that does this to every request.
pub(crate) async fn serve(deed: Deed) -> (SocketAddr, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Sent::default();
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = Connection {
                stream,
                sent: Arc::clone(&count),
            };
            tokio::spawn(connection.serve(deed.clone()));
        }
    });
    (address, sent)
}

struct Connection {
    stream: TcpStream,
    sent: Sent,
}

impl Connection {
    async fn serve(mut self, deed: Deed) {
        // Requests end with the closing brace of the body.
        let mut request = Vec::new();
        while !request.ends_with(b"}}") {
            if self.stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        // A client that has had enough closes the connection, which ends all of this.
        let _ = self.act(deed).await;
    }

    async fn act(&mut self, deed: Deed) -> std::io::Result<()> {
        match deed {
            Deed::Send(bytes) => {
                self.send(&bytes).await?;
                self.stream.shutdown().await
            }
            Deed::SendAndHold(bytes) => {
                self.send(&bytes).await?;
                self.stream.read_u8().await.map(|_| ())
            }
            Deed::Drip(first, rest) => {
                self.send(&first).await?;
                for byte in rest {
                    sleep(Duration::from_millis(10)).await;
                    self.send(&[byte]).await?;
                }
                Ok(())
            }
            Deed::Flood(first, rest) => {
                self.send(&first).await?;
                loop {
                    self.send(&rest).await?;
                }
            }
            Deed::Reset(bytes) => {
                self.send(&bytes).await?;
                self.stream.set_zero_linger()
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        Ok(())
    }
}
