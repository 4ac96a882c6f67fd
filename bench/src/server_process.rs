//! A server in another process.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::memory::Memory;

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Kept open, so that the server can go on printing.
    _output: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts a server that prints `listening on URL` first.
    pub(crate) async fn start(mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .context("could not start a server; was it built?")?;
        let mut output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let address = line.trim().strip_prefix("listening on http://");
        let address = address
            .context("the server did not say where it listens")?
            .parse()?;
        Ok(Self {
            address,
            child,
            _output: output,
        })
    }

    /// What it holds now, and the most that it ever held.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.child.id().context("the server has ended")?)
    }
}
