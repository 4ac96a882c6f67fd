//! A stream that limits what a server can send.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum size of an answer. Most are a few lines. The SMTP client parses the whole answer again after each line, so a
/// longer one would take seconds of processor time in an unoptimized build.
const LONGEST_ANSWER: usize = 4 * 1024;

/// The maximum size of the server's part of a TLS handshake, which contains its certificate chain.
const LONGEST_HANDSHAKE: usize = 32 * 1024;

/// The first byte of a TLS record with a handshake message. No SMTP command begins with it.
const HANDSHAKE_RECORD: u8 = 22;

/// Returns one line per read, and at most [`LONGEST_ANSWER`] bytes until the client writes again.
///
/// The SMTP client keeps its read buffer across STARTTLS. If a read returned more than one line, a network attacker could
/// append answers to the one for STARTTLS, and the client would take them for answers received over TLS. With one line per
/// read, injected bytes go to the TLS handshake, which fails.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    peer: SocketAddr,
    /// Bytes that were read from the stream and not returned yet.
    ahead: Vec<u8>,
    /// The number of bytes that may still be read.
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
                return Poll::Ready(Err(io::Error::other("the answer is too long")));
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
        this.left = match bytes.first() {
            Some(&HANDSHAKE_RECORD) => LONGEST_HANDSHAKE,
            _ => LONGEST_ANSWER,
        };
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
