//! The real server: the program, in development mode, with a data folder of its own.

use std::{ops::Deref, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    client::{Client, Inbox},
    wire::Wire,
};

/// Where the path of the program is found.
pub const BINARY: &str = "FAROE_SERVER_BINARY";

/// A process that serves until this is dropped. It dereferences to its client.
#[derive(Debug)]
pub struct Binary {
    client: Client,
    _process: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _data: TempDir,
}

impl Deref for Binary {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Binary {
    /// Starts the program that the environment names, and waits until it listens.
    pub async fn start() -> Self {
        let program = std::env::var_os(BINARY).unwrap_or_else(|| panic!("{BINARY} is not set"));
        let data = TempDir::new().unwrap();
        let mut process = Command::new(program)
            .args([
                "--mode",
                "development",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "error",
            ])
            .arg("--data-dir")
            .arg(data.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let first_line = output
            .next_line()
            .await
            .unwrap()
            .expect("the server says where it listens");
        let url = first_line
            .strip_prefix("listening on ")
            .expect(&first_line)
            .to_owned();
        let client = Client {
            wire: Wire::new(url.as_str()),
            inbox: Inbox::Development(url),
        };
        Self {
            client,
            _process: process,
            _output: output,
            _data: data,
        }
    }
}
