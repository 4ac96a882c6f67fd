//! A server in another process.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::process::{self, Memory};

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
        Memory::of(self.id()?)
    }

    /// The seconds that it has had the processors for.
    pub(crate) fn cpu_time(&self) -> Result<f64> {
        process::cpu_time(self.id()?)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let process = i32::try_from(self.id()?).ok().and_then(Pid::from_raw);
        kill_process(process.context("a process without an ID")?, Signal::TERM)?;
        ensure!(self.child.wait().await?.success(), "the server failed");
        Ok(())
    }

    fn id(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }
}
