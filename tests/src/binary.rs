//! The server program, in development mode, with a data folder of its own.

use std::{
    env, fs,
    ops::Deref,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    thread,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::mpsc::{self, UnboundedReceiver},
};

use crate::{
    client::{Client, Inbox},
    wire::{Wire, http_client},
};

/// Returns the program that `FAROE_SERVER_BINARY` names, or else the one that was built beside these tests.
fn program() -> PathBuf {
    env::var_os("FAROE_SERVER_BINARY").map_or_else(|| built("faroe-server"), PathBuf::from)
}

/// Returns a program of the workspace that was built beside these tests.
pub fn built(package: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let beside = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join(package)
        .with_extension(env::consts::EXE_EXTENSION);
    assert!(
        beside.exists(),
        "{} is not there: run `cargo build -p {package}`",
        beside.display()
    );
    beside
}

/// A process that serves until this is dropped. It dereferences to its client.
#[derive(Debug)]
pub struct Binary {
    client: Client,
    process: Child,
    _output: Lines<BufReader<ChildStdout>>,
    log: UnboundedReceiver<String>,
    data: TempDir,
}

/// The settings with which the program starts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The configuration file.
    pub configuration: String,
    /// The log filter; `warn` if this is empty.
    pub log: &'static str,
    /// Environment variables without their prefix: `STORAGE` sets `FAROE_STORAGE`.
    pub environment: Vec<(&'static str, String)>,
    /// A file with the certificates that it trusts, in place of the operating system's.
    pub certificates: Option<PathBuf>,
}

impl Settings {
    /// Returns a command that runs the program in a folder of its own.
    fn command(&self) -> (Command, TempDir) {
        let data = TempDir::new().unwrap();
        let file = data.path().join("faroe.toml");
        fs::write(&file, &self.configuration).unwrap();
        let mut command = Command::new(program());
        command
            .args(["--mode", "development", "--listen", "127.0.0.1:0"])
            .args([
                "--log",
                if self.log.is_empty() {
                    "warn"
                } else {
                    self.log
                },
            ])
            .arg("--config")
            .arg(file)
            .arg("--data-dir")
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("FAROE_") {
                command.env_remove(name);
            }
        }
        for (name, value) in &self.environment {
            command.env(format!("FAROE_{name}"), value);
        }
        if let Some(file) = &self.certificates {
            command.env("SSL_CERT_FILE", file);
        }
        (command, data)
    }

    /// Runs a program that does not start, and returns its message.
    pub async fn refusal(&self) -> String {
        let (mut command, _data) = self.command();
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Deref for Binary {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Binary {
    /// Returns the URL, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        let Inbox::Development(url) = &self.client.inbox else {
            unreachable!("the program has no other inbox")
        };
        url
    }

    /// Starts the program, and waits until it listens.
    pub async fn start() -> Self {
        Self::start_with(&Settings::default()).await
    }

    /// Starts the program with these settings, and waits until it listens.
    pub async fn start_with(settings: &Settings) -> Self {
        let (mut command, data) = settings.command();
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut log = follow(process.stderr.take().unwrap());
        let Some(first_line) = output.next_line().await.unwrap() else {
            panic!("it did not start: {:?}", log.recv().await);
        };
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
            process,
            _output: output,
            log,
            data,
        }
    }

    /// Kills the program with `SIGKILL`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Asks the program to end with `SIGTERM`.
    pub fn terminate(&self) {
        let id = self.process.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", "TERM", &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the program has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.wait().await.unwrap()
    }

    /// Returns the next line of the log.
    pub async fn next_log_line(&mut self) -> Option<String> {
        self.log.recv().await
    }

    /// Kills the program. Returns the rest of its log and the contents of its files.
    pub async fn remains(mut self) -> (String, Vec<Vec<u8>>) {
        self.kill().await;
        let mut log = String::new();
        while let Some(line) = self.log.recv().await {
            log += &line;
            log.push('\n');
        }
        let files = fs::read_dir(self.data.path()).unwrap();
        let files = files.map(|file| fs::read(file.unwrap().path()).unwrap());
        (log, files.collect())
    }

    /// Returns the status and the text of `GET /ready`.
    pub async fn readiness(&self) -> (u16, String) {
        let request = http_client().get(format!("{}/ready", self.url()));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// Prints the rest of the log of a failed test.
impl Drop for Binary {
    fn drop(&mut self) {
        while thread::panicking()
            && let Ok(line) = self.log.try_recv()
        {
            eprintln!("{line}");
        }
    }
}

/// Reads a log as it is written, so that the program never waits for its reader.
fn follow(log: ChildStderr) -> UnboundedReceiver<String> {
    let (lines, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut log = BufReader::new(log).lines();
        while let Ok(Some(line)) = log.next_line().await {
            // The receiver may be gone before the program.
            let _ = lines.send(line);
        }
    });
    receiver
}
