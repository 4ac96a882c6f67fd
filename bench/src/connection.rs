//! The part of HTTP/1.1 that a load generator needs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Returns a request with this body.
pub(crate) fn post(body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Returns a request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("connect to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends a request and returns the body of the response, which must be a 200.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<&[u8]> {
        let answer = self.request(request).await?;
        ensure!(
            answer.status == 200,
            "the server answered {}",
            answer.status
        );
        Ok(answer.body)
    }

    /// Sends a request and returns the response.
    pub(crate) async fn request(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let end = loop {
            self.receive().await?;
            if let Some(end) = self
                .received
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break end + 4;
            }
        };
        let size = Answer::parse(&self.received[..end], &[])?.body_size()?;
        while self.received.len() < end + size {
            self.receive().await?;
        }
        let (head, body) = self.received.split_at(end);
        Answer::parse(head, body)
    }

    async fn receive(&mut self) -> Result<()> {
        let count = self.stream.read_buf(&mut self.received).await?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

/// A response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    headers: &'a str,
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    fn parse(head: &'a [u8], body: &'a [u8]) -> Result<Self> {
        let head = std::str::from_utf8(head)?;
        let (line, headers) = head
            .split_once("\r\n")
            .context("response without a status line")?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| status.parse().ok());
        Ok(Self {
            status: status.with_context(|| format!("the server answered {line}"))?,
            headers,
            body,
        })
    }

    /// Returns the value of a header, whatever the letter case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.headers.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    }

    fn body_size(&self) -> Result<usize> {
        let length = self.header("content-length");
        Ok(length
            .context("response without a content length")?
            .parse()?)
    }
}

/// Repeats requests on many connections at once and returns the responses per second. Connections are spread evenly over
/// the addresses and the requests.
pub(crate) async fn load(
    addresses: &[SocketAddr],
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> Result<f64> {
    let mut all = Vec::new();
    for address in addresses.iter().cycle().take(connections) {
        all.push(Connection::open(*address).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut connection, request) in all.into_iter().zip(requests.iter().cycle()) {
        let request = request.clone();
        tasks.spawn(async move {
            let mut count = 0_u32;
            while start.elapsed() < time {
                connection.exchange(&request).await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut sum = 0;
    while let Some(count) = tasks.join_next().await {
        sum += count??;
    }
    Ok(f64::from(sum) / start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_size(head: &str) -> Result<(u16, usize)> {
        let answer = Answer::parse(head.as_bytes(), &[])?;
        Ok((answer.status, answer.body_size()?))
    }

    #[test]
    fn a_response_has_a_status_and_a_content_length() {
        assert_eq!(
            body_size("HTTP/1.1 200 OK\r\nContent-length: 12\r\n\r\n").unwrap(),
            (200, 12)
        );
        assert!(body_size("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(body_size("HTTP/1.1 OK\r\ncontent-length: 12\r\n\r\n").is_err());
    }
}
