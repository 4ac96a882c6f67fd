//! Starts the program and speaks plain HTTP with it.

use std::{
    collections::HashMap,
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program, not started, in this folder and with no environment variable of its own.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faroe-server"));
    command.current_dir(folder);
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("FAROE_") {
            command.env_remove(variable);
        }
    }
    command
}

/// Runs a program that must not start, and returns what it wrote to standard error.
pub(crate) fn refusal(command: &mut Command) -> String {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(
        line.is_empty() && !output.status.success(),
        "it started: {line}"
    );
    String::from_utf8(output.stderr).unwrap()
}

/// Asserts that a program does not start, and says why in one line with this in it and no secret.
pub(crate) fn assert_refused(command: &mut Command, named: &str) {
    let reason = refusal(command);
    assert_eq!(reason.lines().count(), 1, "{reason}");
    assert!(reason.starts_with("faroe-server: "), "{reason}");
    assert!(reason.contains(named), "{command:?}: {reason}");
    assert!(!reason.contains("canary"), "{reason}");
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// The program, running; killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    pub(crate) stderr: BufReader<Box<dyn Read + Send + Sync>>,
    /// Standard output after the first line.
    pub(crate) stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it on a free port in a folder of its own, with this configuration file.
    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_with(configuration, |command| {
            command.args(["--listen", "127.0.0.1:0"])
        })
    }

    pub(crate) fn start_with(
        configuration: &str,
        prepare: impl Fn(&mut Command) -> &mut Command,
    ) -> Self {
        Self::start_logging_to(Stdio::piped(), configuration, prepare)
    }

    /// Starts it with this standard error, which is in `stderr` if it is a new pipe.
    pub(crate) fn start_logging_to(
        log: Stdio,
        configuration: &str,
        prepare: impl Fn(&mut Command) -> &mut Command,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_private(&folder.path().join("faroe.toml"), configuration);
        let mut command = command(folder.path());
        prepare(command.args(["--config", "faroe.toml"]));
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr: Box<dyn Read + Send + Sync> = match child.stderr.take() {
            Some(stderr) => Box::new(stderr),
            None => Box::new(io::empty()),
        };
        let mut stderr = BufReader::new(stderr);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let mut reason = String::new();
            stderr.read_to_string(&mut reason).unwrap();
            panic!("the program did not start: {reason}");
        };
        Self {
            address: address.parse().unwrap(),
            child,
            folder,
            stderr,
            stdout,
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends this to the letter, and returns what is answered until the connection ends.
    pub(crate) fn send_raw(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Response::read(&mut stream)
    }

    /// Sends a request on a connection of its own. `head` is the request line and headers, without the last empty line.
    pub(crate) fn send(&self, head: &str, body: &[u8]) -> Response {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!(
            "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        // The server may have refused the request before it is sent to the end.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        Response::read(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(&format!("GET {path} HTTP/1.1"), b"")
    }

    pub(crate) fn post(&self, body: &[u8]) -> Response {
        self.send("POST / HTTP/1.1", body)
    }

    pub(crate) fn invoke(&self, action: &str, arguments: &Value) -> Response {
        self.post(
            json!({ "action": action, "arguments": arguments })
                .to_string()
                .as_bytes(),
        )
    }

    /// Invokes an action that succeeds.
    pub(crate) fn values(&self, action: &str, arguments: &Value) -> Value {
        let response = self.invoke(action, arguments);
        let mut body = response.json();
        assert_eq!(
            (response.status, &body["ok"]),
            (200, &json!(true)),
            "{action}: {body}"
        );
        body["values"].take()
    }

    /// Signs a user up, in development mode, and returns what that gives.
    pub(crate) fn sign_up(&self) -> Value {
        let address = json!({ "email_address": "ada@example.com" });
        let signup = self.values("create_signup", &address)["signup_token"].take();
        let code = self.get("/dev/emails").json()[0]["code"].take();
        let verify = json!({ "signup_token": signup, "email_address_verification_code": code });
        self.values("verify_signup_email_address_verification_code", &verify);
        let set = json!({ "signup_token": signup, "password": "seven wet umbrellas" });
        self.values("set_signup_password", &set);
        self.values("complete_signup", &json!({ "signup_token": signup }))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Reads the log up to a line with this text.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "the log ended without `{text}`"
            );
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response, read to the end of the connection.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no response: {text:?}"));
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let header = |line: &str| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        Self {
            status,
            headers: lines.filter_map(header).collect(),
            body: body.to_owned(),
        }
    }

    /// The header with this lower-case name, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}
