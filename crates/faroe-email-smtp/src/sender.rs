//! The sender and its pool of connections.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailFate, EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_email_templates::EmailRenderer;
use lettre::{address::Envelope, transport::smtp::client::AsyncSmtpConnection};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    connection::Connector,
    message::Composer,
    options::SmtpOptions,
    transaction::{announce, end, transmit},
};

/// The time limit for probing an idle connection. Opening a new one takes little longer.
const PROBE: Duration = Duration::from_secs(1);

/// The additional time for the answer to a message. A message that is accepted this late is sent all the same, and giving it
/// up would only cost the user its code. The core's own time limit comes first, unless it was raised.
const LATE_ACCEPTANCE: Duration = Duration::from_secs(3);

const WAIT: &str = "wait for the SMTP server";

/// Sends emails over SMTP.
///
/// # Guarantees
///
/// - Each message has exactly one recipient and one sender, fixed headers, a fresh Message-ID and a date.
/// - A call returns within [`SmtpOptions::timeout`], and no more than three seconds later if the server has the message and
///   has not answered yet. At most 4 KiB of an answer are read.
/// - Credentials and messages are only sent after the server's certificate has been verified. The exception is
///   [`SmtpSecurity::Plain`](crate::SmtpSecurity::Plain), which only connects to this machine.
/// - A message is accepted at most once. If it is refused on a connection that was used before, or if that connection turns
///   out to be closed, it is sent once more on a new connection: many servers limit the messages of a connection. A refusal on
///   a new connection is final. After an unclear answer to the message itself, nothing is repeated.
/// - An error has an [`EmailFate`].
/// - A connection is not reused after an error.
///
/// # Concurrency
///
/// Can be used from any number of tasks at once, which share at most [`SmtpOptions::connections`] connections. Requires a
/// Tokio runtime with I/O and time enabled. Dropping a call's future closes its connection.
pub struct SmtpEmailSender {
    renderer: Arc<dyn EmailRenderer>,
    composer: Composer,
    connector: Connector,
    /// One permit for each connection that may be open.
    places: Semaphore,
    /// The idle connections, the most recently used one last.
    idle: Mutex<Vec<Pooled>>,
    timeout: Duration,
    idle_timeout: Duration,
    messages_per_connection: u32,
}

/// A connection that is used for several messages.
struct Pooled {
    connection: AsyncSmtpConnection,
    used_at: Instant,
    /// The number of messages sent over the connection.
    messages: u32,
}

impl SmtpEmailSender {
    /// Creates a sender without connecting to the server.
    ///
    /// # Errors
    ///
    /// Fails if `from` or `reply_to` is not an address, if the host name is invalid, if the root certificates cannot be
    /// read, or if a number of connections or messages or the timeout is zero.
    pub fn new(
        options: &SmtpOptions,
        renderer: Arc<dyn EmailRenderer>,
    ) -> Result<Self, AdapterError> {
        let limits = [
            options.connections,
            options.messages_per_connection as usize,
        ];
        if limits.contains(&0) || options.timeout.is_zero() {
            return Err(AdapterError::message(
                "create an SMTP sender: `connections`, `messages_per_connection` and `timeout` must be greater than zero",
            ));
        }
        let composer = Composer::new(&options.from, options.reply_to.as_deref())?;
        Ok(Self {
            renderer,
            connector: Connector::new(options, composer.domain())?,
            composer,
            places: Semaphore::new(options.connections),
            idle: Mutex::default(),
            timeout: options.timeout,
            idle_timeout: options.idle_timeout,
            messages_per_connection: options.messages_per_connection,
        })
    }

    /// Connects and authenticates without sending a message, to check the configuration.
    ///
    /// # Errors
    ///
    /// Returns the errors that sending a message would return up to that point.
    pub async fn check(&self) -> Result<(), AdapterError> {
        let deadline = self.deadline();
        let connection = self.by(deadline, self.connector.connect()).await??;
        end(connection).await;
        Ok(())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Waits for a step until the deadline. Before the message is transmitted, nothing can have been accepted.
    async fn by<T>(
        &self,
        deadline: Instant,
        step: impl Future<Output = T>,
    ) -> Result<T, AdapterError> {
        timeout_at(deadline, step).await.map_err(|_| {
            let cause = format!("timed out after {:?}", self.timeout);
            EmailFate::NotAccepted.error(WAIT, cause)
        })
    }

    async fn hand_over(&self, envelope: &Envelope, message: &[u8]) -> Result<(), AdapterError> {
        let deadline = self.deadline();
        let _place = self
            .by(deadline, self.places.acquire())
            .await?
            .expect("the semaphore is never closed");
        if let Some(idle) = self.by(deadline, self.reuse()).await? {
            match self.deliver(idle, envelope, message, deadline).await {
                Err(error) if EmailFate::of(&error) != EmailFate::Unknown => {}
                done => return done,
            }
        }
        let fresh = Pooled {
            connection: self
                .by(deadline, self.connector.connect())
                .await?
                .map_err(not_accepted)?,
            used_at: Instant::now(),
            messages: 0,
        };
        self.deliver(fresh, envelope, message, deadline).await
    }

    /// Sends a message over a connection, and keeps the connection if that succeeds.
    async fn deliver(
        &self,
        mut pooled: Pooled,
        envelope: &Envelope,
        message: &[u8],
        deadline: Instant,
    ) -> Result<(), AdapterError> {
        let connection = &mut pooled.connection;
        let mut sent = self.by(deadline, announce(connection, envelope)).await?;
        if sent.is_ok() {
            let transmitted = timeout_at(deadline + LATE_ACCEPTANCE, transmit(connection, message));
            sent = transmitted.await.unwrap_or_else(|_| {
                Err(EmailFate::Unknown.error(WAIT, "no answer to the message in time"))
            });
        }
        pooled.used_at = Instant::now();
        pooled.messages += 1;
        if sent.is_ok() && pooled.messages < self.messages_per_connection {
            self.idle().push(pooled);
        } else {
            end(pooled.connection).await;
        }
        sent
    }

    /// Returns the most recently used idle connection if it still works. Servers close idle connections, and firewalls drop
    /// them silently. If it no longer works, the others, which have been idle for longer, are closed too.
    async fn reuse(&self) -> Option<Pooled> {
        let mut idle = self.idle().pop()?;
        let is_fresh = idle.used_at.elapsed() < self.idle_timeout;
        if is_fresh && timeout(PROBE, idle.connection.test_connected()).await == Ok(true) {
            return Some(idle);
        }
        self.idle().clear();
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_accepted(error: AdapterError) -> AdapterError {
    EmailFate::NotAccepted.error("send an email", error)
}

#[async_trait]
impl EmailSender for SmtpEmailSender {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let email = self.renderer.render(&message).map_err(not_accepted)?;
        let (envelope, bytes) = self.composer.compose(&message.to, &email)?;
        self.hand_over(&envelope, &bytes).await
    }
}

impl fmt::Debug for SmtpEmailSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpEmailSender")
            .field("composer", &self.composer)
            .finish_non_exhaustive()
    }
}
