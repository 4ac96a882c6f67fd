//! An SMTP server that takes everything, unless it is told not to, for a program on this machine.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use crate::support::PATIENCE;

/// The extensions on offer. Only `user` can sign in, with `password`.
const WELCOME: &str = "235 2.7.0 welcome\r\n";
const CREDENTIALS: &str = "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=";

pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// If set, every sender is refused.
    refuses: Arc<AtomicBool>,
    messages: Receiver<Message>,
}

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) recipient: String,
    pub(crate) data: String,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        Self::with_limit(usize::MAX)
    }

    /// Starts a server that takes so many messages on each connection.
    pub(crate) fn with_limit(messages_per_connection: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, messages) = mpsc::channel();
        let refuses = Arc::<AtomicBool>::default();
        let refusal = Arc::clone(&refuses);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let conversation = Conversation {
                    messages: sender.clone(),
                    left: messages_per_connection,
                    refuses: Arc::clone(&refusal),
                };
                // The conversation ends when the other side has gone.
                thread::spawn(move || conversation.hold(stream.unwrap()));
            }
        });
        Self {
            port,
            refuses,
            messages,
        }
    }

    /// From now on refuses every sender, or none.
    pub(crate) fn set_refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Checks whether every message was looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.try_recv().is_err()
    }

    /// The next message, when it comes.
    pub(crate) fn next(&self) -> Message {
        self.messages.recv_timeout(PATIENCE).unwrap()
    }
}

struct Conversation {
    messages: Sender<Message>,
    /// The number of messages that may still come.
    left: usize,
    refuses: Arc<AtomicBool>,
}

impl Conversation {
    fn hold(mut self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut say = move |answer: &str| stream.write_all(answer.as_bytes()).ok();
        say("220 localhost\r\n")?;
        let mut recipient = String::new();
        loop {
            let line = lines.next()?.ok()?;
            match line.split(' ').next()? {
                "EHLO" => say("250-localhost\r\n250 AUTH PLAIN\r\n")?,
                "AUTH" if line == CREDENTIALS => say(WELCOME)?,
                "AUTH" => say("535 5.7.8 canary\r\n")?,
                "MAIL" if self.refuses.load(Ordering::SeqCst) => say("451 4.3.0 not now\r\n")?,
                "MAIL" if self.left == 0 => say("452 4.5.3 too many messages\r\n")?,
                "RCPT" => {
                    recipient = line;
                    say("250 fine\r\n")?;
                }
                "DATA" => {
                    say("354 go ahead\r\n")?;
                    let mut data = String::new();
                    loop {
                        let line = lines.next()?.ok()?;
                        if line == "." {
                            break;
                        }
                        data.push_str(&line);
                        data.push('\n');
                    }
                    let recipient = recipient.clone();
                    self.messages.send(Message { recipient, data }).ok()?;
                    self.left -= 1;
                    say("250 taken\r\n")?;
                }
                "QUIT" => {
                    say("221 bye\r\n")?;
                    return None;
                }
                _ => say("250 fine\r\n")?,
            }
        }
    }
}
