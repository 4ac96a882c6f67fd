//! The real server: the program, in development mode, with a data folder of its own.

use std::{env, ops::Deref, path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    client::{Client, Inbox},
    wire::Wire,
};

/// The program: the one that `FAROE_SERVER_BINARY` names, or else the one that was built beside these tests.
fn program() -> PathBuf {
    if let Some(named) = env::var_os("FAROE_SERVER_BINARY") {
        return named.into();
    }
    let test = env::current_exe().unwrap();
    let beside = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("faroe-server")
        .with_extension(env::consts::EXE_EXTENSION);
    assert!(
        beside.exists(),
        "{} is not there: run `cargo build -p faroe-server`",
        beside.display()
    );
    beside
}

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
    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        let Inbox::Development(url) = &self.client.inbox else {
            unreachable!("the program has no other inbox")
        };
        url
    }

    /// Starts the program, and waits until it listens.
    pub async fn start() -> Self {
        let data = TempDir::new().unwrap();
        let mut process = Command::new(program())
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
