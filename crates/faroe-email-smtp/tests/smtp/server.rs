//! A strict SMTP server that misbehaves on request.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::{Duration, sleep},
};
use tokio_rustls::TlsAcceptor;

/// A stage of the SMTP conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Banner,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Recipient,
    Data,
    /// The answer to the message.
    Message,
    Noop,
}

/// The server's behaviour instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    /// Sends nothing and keeps the connection open.
    Silent,
    /// Sends this line.
    Says(&'static str),
    /// Sends this line and closes the connection.
    Leaves(&'static str),
    /// Resets the connection.
    Resets,
    /// Closes the connection.
    Closes,
    /// Sends the correct answer after this time.
    Hesitates(Duration),
    /// Sends an answer of endless lines.
    ManyLines,
    /// Sends one endless line.
    LongLine,
    /// Sends the correct answer, one byte a second.
    Drips,
}

impl Misbehaviour {
    /// Checks whether the server gives its correct answer in the end.
    fn accepts(self) -> bool {
        matches!(self, Self::Hesitates(_))
    }
}

/// The behaviour of a server.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// The name in the certificate. `None` disables TLS.
    pub(crate) certificate_for: Option<&'static str>,
    /// TLS from the first byte.
    pub(crate) implicit_tls: bool,
    /// Offers STARTTLS. If false, STARTTLS is missing, as if a network attacker had stripped it.
    pub(crate) offers_starttls: bool,
    /// Data that follows the answer to STARTTLS, before TLS.
    pub(crate) injects: &'static str,
    /// Requires authentication as `user` with `password`.
    pub(crate) wants_auth: bool,
    /// The line of the reply to EHLO that offers mechanisms.
    pub(crate) mechanisms: &'static str,
    /// The answer to AUTH PLAIN. A prompt asks for the credentials although they were part of the command.
    pub(crate) answer_to_plain: &'static str,
    /// The prompts for the user name and the password of AUTH LOGIN. `None` disables LOGIN.
    pub(crate) prompts: Option<[&'static str; 2]>,
    /// Sends codes without text, wherever the text has no meaning.
    pub(crate) is_terse: bool,
    pub(crate) misbehaves: Option<(Stage, Misbehaviour)>,
    /// The number of messages after which a connection misbehaves.
    pub(crate) behaves_for: usize,
    /// The number of messages after which the server closes a connection without notice.
    pub(crate) closes_after: Option<usize>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            certificate_for: None,
            implicit_tls: false,
            offers_starttls: false,
            injects: "",
            wants_auth: false,
            mechanisms: "AUTH PLAIN LOGIN",
            answer_to_plain: WELCOME,
            prompts: Some(["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]),
            is_terse: false,
            misbehaves: None,
            behaves_for: 0,
            closes_after: None,
        }
    }
}

pub(crate) const WELCOME: &str = "235 2.7.0 welcome";

const USER: &str = "dXNlcg==";
const PASSWORD: &str = "cGFzc3dvcmQ=";
const IDENTITY: &str = "AHVzZXIAcGFzc3dvcmQ=";

/// An accepted message.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) data: Vec<u8>,
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
}

/// Everything that the server has received.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    /// The number of open connections, and its maximum.
    open: AtomicUsize,
    pub(crate) most_open: AtomicUsize,
    pub(crate) messages: Mutex<Vec<Received>>,
    /// The lines received without TLS.
    pub(crate) in_clear: Mutex<Vec<String>>,
    /// The lines received over TLS.
    pub(crate) encrypted: Mutex<Vec<String>>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    /// In PEM.
    pub(crate) certificate: Option<String>,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let (acceptor, certificate) = behaviour.certificate_for.map(tls).unzip();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let session = Session {
                    behaviour: behaviour.clone(),
                    acceptor: acceptor.clone(),
                    seen: Arc::clone(&shared),
                    number,
                    accepted: AtomicUsize::new(0),
                };
                tokio::spawn(session.serve(stream));
            }
        });
        Self {
            port,
            certificate,
            seen,
        }
    }

    pub(crate) fn messages(&self) -> Vec<Received> {
        self.seen.messages.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Checks whether any part of the credentials arrived, with or without TLS.
    pub(crate) fn has_seen_credentials(&self) -> bool {
        let has_auth = |lines: &Mutex<Vec<String>>| {
            let lines = lines.lock().unwrap();
            lines
                .iter()
                .any(|line| line.to_uppercase().starts_with("AUTH"))
        };
        has_auth(&self.seen.in_clear) || has_auth(&self.seen.encrypted)
    }
}

fn tls(name: &str) -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(configuration)), cert.pem())
}

/// A connection with or without TLS.
trait Stream: tokio::io::AsyncRead + AsyncWrite + Send + Unpin {
    /// Resets the connection when it is dropped.
    fn reset(&self);
}

impl Stream for TcpStream {
    fn reset(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// The end of a conversation: the client disconnected, or the server misbehaved.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

struct Session {
    behaviour: Behaviour,
    acceptor: Option<TlsAcceptor>,
    seen: Arc<Seen>,
    number: usize,
    /// The number of messages accepted on this connection.
    accepted: AtomicUsize,
}

/// The outcome of a conversation.
enum End {
    Over,
    TurnsToTls,
}

impl Session {
    async fn serve(self, stream: TcpStream) {
        let open = self.seen.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.most_open.fetch_max(open, Ordering::SeqCst);
        self.converse(stream).await;
        self.seen.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn converse(&self, stream: TcpStream) {
        if self.behaviour.implicit_tls {
            if let Ok(stream) = self.acceptor.as_ref().unwrap().accept(stream).await {
                let _ = self.talk(&mut BufReader::new(stream), true, true).await;
            }
            return;
        }
        let mut stream = BufReader::new(stream);
        if let Ok(End::TurnsToTls) = self.talk(&mut stream, false, true).await {
            let accepted = self
                .acceptor
                .as_ref()
                .unwrap()
                .accept(stream.into_inner())
                .await;
            if let Ok(stream) = accepted {
                let _ = self.talk(&mut BufReader::new(stream), true, false).await;
            }
        }
    }

    async fn talk<S: Stream>(
        &self,
        stream: &mut BufReader<S>,
        is_encrypted: bool,
        is_greeted: bool,
    ) -> Result<End, Over> {
        let Behaviour {
            offers_starttls,
            wants_auth,
            ..
        } = self.behaviour;
        if is_greeted {
            self.answer(stream, Stage::Banner, "220 localhost ESMTP\r\n")
                .await?;
        }
        let (mut has_signed_in, mut from, mut recipients) = (!wants_auth, None, Vec::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(End::Over);
            }
            let line = line.strip_suffix("\r\n").ok_or(Over)?.to_owned();
            let lines = if is_encrypted {
                &self.seen.encrypted
            } else {
                &self.seen.in_clear
            };
            lines.lock().unwrap().push(line.clone());
            match line.as_str() {
                _ if line.starts_with("EHLO ") => {
                    let mut answer = "250-localhost\r\n".to_owned();
                    if offers_starttls && !is_encrypted {
                        answer.push_str("250-STARTTLS\r\n");
                    }
                    if wants_auth {
                        answer.push_str(&format!("250-{}\r\n", self.behaviour.mechanisms));
                    }
                    answer.push_str("250 SIZE 100000\r\n");
                    self.answer(stream, Stage::Ehlo, &answer).await?;
                }
                "STARTTLS" if offers_starttls && !is_encrypted => {
                    let answer = format!("220 go ahead\r\n{}", self.behaviour.injects);
                    self.answer(stream, Stage::StartTls, &answer).await?;
                    return Ok(End::TurnsToTls);
                }
                "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=" if wants_auth => {
                    let mut answer = self.behaviour.answer_to_plain;
                    if answer.starts_with("334") {
                        answer = match self.prompt(stream, answer).await? == IDENTITY {
                            true => WELCOME,
                            false => "535 5.7.8 wrong",
                        };
                    }
                    self.answer(stream, Stage::Auth, &format!("{answer}\r\n"))
                        .await?;
                    has_signed_in = answer == WELCOME;
                }
                "AUTH LOGIN" if wants_auth && self.behaviour.prompts.is_some() => {
                    let [username, password] = self.behaviour.prompts.unwrap();
                    let username = self.prompt(stream, username).await?;
                    let password = self.prompt(stream, password).await?;
                    has_signed_in = (username.as_str(), password.as_str()) == (USER, PASSWORD);
                    let answer = match has_signed_in {
                        true => "235 2.7.0 welcome\r\n",
                        false => "535 5.7.8 wrong\r\n",
                    };
                    self.answer(stream, Stage::Auth, answer).await?;
                }
                "NOOP" => self.answer(stream, Stage::Noop, "250 well\r\n").await?,
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(End::Over);
                }
                _ if line.starts_with("MAIL FROM:<") && has_signed_in && from.is_none() => {
                    from = Some(
                        line["MAIL FROM:<".len()..]
                            .strip_suffix('>')
                            .ok_or(Over)?
                            .to_owned(),
                    );
                    self.answer(stream, Stage::Mail, "250 fine\r\n").await?;
                }
                _ if line.starts_with("RCPT TO:<") && from.is_some() => {
                    recipients.push(
                        line["RCPT TO:<".len()..]
                            .strip_suffix('>')
                            .ok_or(Over)?
                            .to_owned(),
                    );
                    self.answer(stream, Stage::Recipient, "250 fine\r\n")
                        .await?;
                }
                "DATA" if !recipients.is_empty() => {
                    self.answer(stream, Stage::Data, "354 go ahead\r\n").await?;
                    let data = self.message(stream).await?;
                    let received = Received {
                        from: from.take().unwrap(),
                        recipients: std::mem::take(&mut recipients),
                        data,
                        connection: self.number,
                    };
                    if self
                        .misbehaviour(Stage::Message)
                        .is_none_or(Misbehaviour::accepts)
                    {
                        self.seen.messages.lock().unwrap().push(received);
                    }
                    self.answer(stream, Stage::Message, "250 2.0.0 taken\r\n")
                        .await?;
                    self.accepted.fetch_add(1, Ordering::SeqCst);
                    if self.behaviour.closes_after == Some(self.accepted()) {
                        return Ok(End::Over);
                    }
                }
                _ => stream.write_all(b"503 5.5.1 not now\r\n").await?,
            }
        }
    }

    /// Reads a message up to the dot. Every line must end with CRLF and have at most 998 characters.
    async fn message<S: Stream>(&self, stream: &mut BufReader<S>) -> Result<Vec<u8>, Over> {
        let mut data = Vec::new();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(Over);
            }
            let text = line
                .strip_suffix(b"\r\n")
                .unwrap_or_else(|| panic!("a bare line feed"));
            assert!(
                text.len() <= 998 && !text.contains(&b'\r') && text.is_ascii(),
                "{line:?}"
            );
            match text {
                b"." => return Ok(data),
                [b'.', rest @ ..] => data.extend_from_slice(rest),
                _ => data.extend_from_slice(text),
            }
            data.extend_from_slice(b"\r\n");
        }
    }

    /// Sends a prompt and returns the client's answer.
    async fn prompt<S: Stream>(
        &self,
        stream: &mut BufReader<S>,
        prompt: &str,
    ) -> Result<String, Over> {
        stream.write_all(format!("{prompt}\r\n").as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        Ok(line.strip_suffix("\r\n").ok_or(Over)?.to_owned())
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn misbehaviour(&self, at: Stage) -> Option<Misbehaviour> {
        let misbehaviour = self.behaviour.misbehaves.filter(|(stage, _)| *stage == at);
        let (_, misbehaviour) = misbehaviour?;
        (self.accepted() >= self.behaviour.behaves_for).then_some(misbehaviour)
    }

    /// Sends the answer, or misbehaves if the script says so for this stage.
    async fn answer<S: Stream>(
        &self,
        stream: &mut BufReader<S>,
        at: Stage,
        answer: &str,
    ) -> Result<(), Over> {
        let Some(misbehaviour) = self.misbehaviour(at) else {
            let answer = match self.behaviour.is_terse {
                true if at == Stage::Ehlo => {
                    format!("250-\r\n{}", answer.replace("250-localhost", "250-"))
                }
                true => format!("{}\r\n", &answer[..3]),
                false => answer.to_owned(),
            };
            return Ok(stream.write_all(answer.as_bytes()).await?);
        };
        match misbehaviour {
            Misbehaviour::Silent => {
                // Until the client disconnects.
                tokio::io::copy(stream, &mut tokio::io::sink()).await?;
            }
            Misbehaviour::Says(line) => {
                stream.write_all(line.as_bytes()).await?;
                stream.write_all(b"\r\n").await?;
                return Ok(());
            }
            Misbehaviour::Hesitates(time) => {
                sleep(time).await;
                stream.write_all(answer.as_bytes()).await?;
                return Ok(());
            }
            Misbehaviour::Leaves(line) => {
                stream.write_all(format!("{line}\r\n").as_bytes()).await?;
            }
            Misbehaviour::Resets => stream.get_ref().reset(),
            Misbehaviour::Closes => {}
            Misbehaviour::ManyLines => loop {
                stream
                    .write_all("250-and\r\n".repeat(100).as_bytes())
                    .await?;
            },
            Misbehaviour::LongLine => loop {
                stream.write_all(&[b'2'; 1024]).await?;
            },
            Misbehaviour::Drips => {
                for byte in answer.bytes() {
                    stream.write_all(&[byte]).await?;
                    sleep(Duration::from_secs(1)).await;
                }
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
            }
        }
        Err(Over)
    }
}
