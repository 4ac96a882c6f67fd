//! A stream that limits what a server can send, and writes its replies as the SMTP client reads them.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum size of a reply. Most are a few lines. The SMTP client parses the whole reply again after each line, so a
/// longer one would take seconds of processor time in an unoptimized build.
const LONGEST_REPLY: usize = 4 * 1024;

/// The text of a line that has none.
const NO_TEXT: u8 = b'.';

/// Returns one complete line per read, and at most [`LONGEST_REPLY`] bytes until the client writes again.
///
/// Real servers send lines that the SMTP client does not understand. They are written in the form that it does: a code alone
/// (RFC 5321, section 4.2) and an empty line get a text, a bare line feed gets its carriage return, bytes outside of printable
/// ASCII become `?`, and the keywords of a reply to EHLO become capitals, without the `=` that old servers write after AUTH.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    peer: SocketAddr,
    /// Bytes that were read from the stream and not used yet.
    ahead: Vec<u8>,
    /// The rest of a line, ready for the client.
    line: Vec<u8>,
    /// The number of bytes that may still be read.
    left: usize,
    /// Set if the last command was EHLO.
    greets: bool,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            ahead: Vec::new(),
            line: Vec::new(),
            left: LONGEST_REPLY,
            greets: false,
        }
    }

    /// Returns a stream whose server has greeted before, as after STARTTLS. The client reads a greeting nevertheless.
    pub(crate) fn greeted(stream: S, peer: SocketAddr) -> Self {
        Self {
            line: b"220 .\r\n".to_vec(),
            ..Self::new(stream, peer)
        }
    }

    /// Returns the stream, unless the server has sent more than was read.
    pub(crate) fn into_stream(self) -> Option<S> {
        (self.ahead.is_empty() && self.line.is_empty()).then_some(self.stream)
    }

    /// Takes the next line out of the bytes read ahead, or what is left of one at the end of the stream.
    fn take_line(&mut self, is_at_end: bool) -> bool {
        let line_feed = self.ahead.iter().position(|byte| *byte == b'\n');
        let Some(end) = line_feed else {
            if is_at_end {
                self.line = std::mem::take(&mut self.ahead);
            }
            return is_at_end;
        };
        let rest = self.ahead.split_off(end + 1);
        let line = std::mem::replace(&mut self.ahead, rest);
        self.line = readable(&line, self.greets);
        true
    }
}

/// Writes a line of a reply in the form that the SMTP client reads.
fn readable(line: &[u8], is_greeting: bool) -> Vec<u8> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let printable = |byte: &u8| match byte {
        b'\t' | b' '..=b'~' => *byte,
        _ => b'?',
    };
    let mut line: Vec<u8> = text.iter().map(printable).collect();
    if line.len() == 3 {
        line.push(b' ');
    }
    if line.len() >= 4 && line[4..].trim_ascii().is_empty() {
        line.push(NO_TEXT);
    }
    if is_greeting {
        line.make_ascii_uppercase();
        if line.get(4..9) == Some(b"AUTH=") {
            line[8] = b' ';
        }
    }
    line.extend_from_slice(b"\r\n");
    line
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut is_at_end = false;
        while this.line.is_empty() && !this.take_line(is_at_end) {
            let mut chunk = [0; 2048];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk))?;
            let read = chunk.filled();
            let Some(left) = this.left.checked_sub(read.len()) else {
                return Poll::Ready(Err(io::Error::other("the answer is too long")));
            };
            this.left = left;
            this.ahead.extend_from_slice(read);
            is_at_end = read.is_empty();
        }
        let length = this.line.len().min(buffer.remaining());
        buffer.put_slice(&this.line[..length]);
        this.line.drain(..length);
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
        this.left = LONGEST_REPLY;
        this.greets = bytes.starts_with(b"EHLO ");
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[test]
    fn every_line_of_a_reply_has_a_code_and_a_text() {
        for (sent, read) in [
            ("250 fine\r\n", "250 fine\r\n"),
            ("250\r\n", "250 .\r\n"),
            ("250 \r\n", "250 .\r\n"),
            ("250-\r\n", "250-.\r\n"),
            ("354\n", "354 .\r\n"),
            ("250 \u{fc}ber\r\n", "250 ??ber\r\n"),
            ("garbage\r\n", "garbage\r\n"),
            ("\r\n", "\r\n"),
        ] {
            assert_eq!(
                readable(sent.as_bytes(), false),
                read.as_bytes(),
                "{sent:?}"
            );
        }
    }

    /// A server whose bytes arrive in pieces of this size.
    struct Pieces(Vec<u8>, usize);

    impl AsyncRead for Pieces {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Self(bytes, size) = self.get_mut();
            let length = bytes.len().min(*size).min(buffer.remaining());
            buffer.put_slice(&bytes[..length]);
            bytes.drain(..length);
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn a_reply_does_not_depend_on_the_pieces_in_which_it_arrives(
            lines in prop::collection::vec("[2-5][0-5][0-9]?[ -]?[ -~\\PC]{0,20}\r?\n", 0..20),
            rest in "[ -~]{0,10}",
            size in 1_usize..100,
        ) {
            let mut expected: Vec<u8> = Vec::new();
            for line in &lines {
                expected.extend(readable(line.as_bytes(), false));
            }
            expected.extend(rest.as_bytes());
            let sent = (lines.concat() + &rest).into_bytes();
            let peer = SocketAddr::from(([127, 0, 0, 1], 25));
            let mut stream = Guarded::new(Pieces(sent, size), peer);
            let mut read = Vec::new();
            let reading = stream.read_to_end(&mut read).now_or_never();
            prop_assert!(reading.expect("no piece is waited for").is_ok());
            prop_assert!(read.is_ascii());
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_greeting_names_extensions_in_capitals() {
        for (sent, read) in [
            ("250-auth login plain\r\n", "250-AUTH LOGIN PLAIN\r\n"),
            ("250-AUTH=LOGIN PLAIN\r\n", "250-AUTH LOGIN PLAIN\r\n"),
            ("250 StartTLS\r\n", "250 STARTTLS\r\n"),
        ] {
            assert_eq!(readable(sent.as_bytes(), true), read.as_bytes());
        }
    }
}
