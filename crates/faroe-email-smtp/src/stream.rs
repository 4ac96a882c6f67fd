//! A connection that a server cannot misuse.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is read for an answer. It is a line or a few; the longest is the certificates of a server.
const LONGEST_ANSWER: usize = 32 * 1024;

/// Hands over one line at a time, and no more than [`LONGEST_ANSWER`] until the next thing is said to the server.
///
/// By lines, because the SMTP client keeps what it has read when the connection turns to TLS: an attacker on the way could
/// put answers behind the one to STARTTLS, and they would be taken for the server's. What has come too early is now read as
/// TLS, which it is not, and the connection is refused.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    peer: SocketAddr,
    /// What was read and not handed over yet.
    ahead: Vec<u8>,
    /// How much more may be read.
    left: usize,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            ahead: Vec::new(),
            left: LONGEST_ANSWER,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            let mut chunk = [0; 2048];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk))?;
            let read = chunk.filled();
            let Some(left) = this.left.checked_sub(read.len()) else {
                return Poll::Ready(Err(io::Error::other("the server sends without end")));
            };
            this.left = left;
            this.ahead.extend_from_slice(read);
        }
        let line = this.ahead.iter().position(|byte| *byte == b'\n');
        let length = line.map_or(this.ahead.len(), |end| end + 1);
        let length = length.min(buffer.remaining());
        buffer.put_slice(&this.ahead[..length]);
        this.ahead.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.left = LONGEST_ANSWER;
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S> AsyncTokioStream for Guarded<S>
where
    S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
