//! An SMTP server that takes everything, for a program on this machine.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use crate::support::PATIENCE;

/// The extensions on offer. Only `user` can sign in, with `password`.
const WELCOME: &str = "235 2.7.0 welcome\r\n";
const CREDENTIALS: &str = "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=";

pub(crate) struct MailServer {
    pub(crate) port: u16,
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                // The conversation ends when the other side has gone.
                thread::spawn(move || converse(stream.unwrap(), &sender));
            }
        });
        Self { port, messages }
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

fn converse(mut stream: TcpStream, messages: &Sender<Message>) -> Option<()> {
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
                messages.send(Message { recipient, data }).ok()?;
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
