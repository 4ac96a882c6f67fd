//! As much HTTP/1.1 as a load generator needs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// A connection that is kept alive.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// The bytes of a request with this body.
pub(crate) fn post(body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The bytes of a request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("could not connect")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends a request and returns the body of the response, which has to be a 200.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            self.receive().await?;
            if let Some(end) = self
                .received
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break end + 4;
            }
        };
        let size = body_size(&self.received[..head])?;
        while self.received.len() < head + size {
            self.receive().await?;
        }
        Ok(&self.received[head..])
    }

    async fn receive(&mut self) -> Result<()> {
        let count = self.stream.read_buf(&mut self.received).await?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

fn body_size(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!(
            "the server answered {}",
            head.lines().next().unwrap_or_default()
        );
    }
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let size = fields
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value)
        .next();
    Ok(size
        .context("a response without a length")?
        .trim()
        .parse()?)
}

/// Sends a request again and again on each of some connections, and returns how many were answered per second.
pub(crate) async fn load(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    time: Duration,
) -> Result<f64> {
    let mut all = Vec::new();
    for _ in 0..connections {
        all.push(Connection::open(address).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in all {
        let request = request.to_vec();
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

    #[test]
    fn only_a_200_with_a_length_is_a_response() {
        assert_eq!(
            body_size(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n").unwrap(),
            12
        );
        assert!(
            body_size(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 12\r\n\r\n").is_err()
        );
        assert!(body_size(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
