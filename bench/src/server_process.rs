//! A server in a process of its own.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::process::{self, Memory};

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    child: Child,
    /// The output, kept open so that the server can print more.
    _output: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts a server whose first line of output is `listening on URL`.
    pub(crate) async fn start(mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("start a server; was it built?")?;
        let mut output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.context("the server printed no address")?.parse()?;
        Ok(Self {
            address,
            child,
            _output: output,
        })
    }

    /// Returns the memory that it holds now, and the peak.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.id()?)
    }

    /// Returns the seconds of CPU time that it has taken.
    pub(crate) fn cpu_time(&self) -> Result<f64> {
        process::cpu_time(self.id()?)
    }

    /// Ends the server with `SIGTERM`, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let process = i32::try_from(self.id()?).ok().and_then(Pid::from_raw);
        kill_process(process.context("process without an ID")?, Signal::TERM)?;
        ensure!(self.child.wait().await?.success(), "the server failed");
        Ok(())
    }

    fn id(&self) -> Result<u32> {
        self.child.id().context("the server has stopped")
    }
}
