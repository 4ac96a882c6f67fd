//! The sender and its pool of connections.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_email_templates::EmailRenderer;
use lettre::{address::Envelope, transport::smtp::client::AsyncSmtpConnection};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{
    connection::{Connector, send},
    message::Composer,
    options::SmtpOptions,
};

/// The maximum number of messages on one connection. Servers have limits of their own, often a few hundred.
const MOST_MESSAGES: u32 = 100;

/// The time limit for probing an idle connection. Opening a new one takes little longer.
const PROBE: Duration = Duration::from_secs(1);

/// Sends emails over SMTP.
///
/// # Guarantees
///
/// - Each message has exactly one recipient and one sender, fixed headers, a fresh Message-ID and a date.
/// - A call returns within [`SmtpOptions::timeout`]. At most 4 KiB of an answer are read.
/// - Credentials and messages are only sent after the server's certificate has been verified. The exception is
///   [`SmtpSecurity::Plain`](crate::SmtpSecurity::Plain), which only connects to this machine.
/// - A message is sent at most once. A connection is not reused after an error.
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
    idle: Mutex<Vec<Idle>>,
    timeout: Duration,
    idle_timeout: Duration,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    /// The number of messages sent over the connection.
    messages: u32,
}

impl SmtpEmailSender {
    /// Creates a sender without connecting to the server.
    ///
    /// # Errors
    ///
    /// Fails if `from` or `reply_to` is not an address, if the host name is invalid, if the root certificates cannot be
    /// read, or if the number of connections or the timeout is zero.
    pub fn new(
        options: &SmtpOptions,
        renderer: Arc<dyn EmailRenderer>,
    ) -> Result<Self, AdapterError> {
        if options.connections == 0 || options.timeout.is_zero() {
            return Err(AdapterError::message(
                "create an SMTP sender: `connections` and `timeout` must be greater than zero",
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
        })
    }

    /// Connects and authenticates without sending a message, to check the configuration.
    ///
    /// # Errors
    ///
    /// Returns the errors that sending a message would return up to that point.
    pub async fn check(&self) -> Result<(), AdapterError> {
        self.in_time(async {
            let mut connection = self.connector.connect().await?;
            // A failed QUIT does not matter.
            let _ = connection.quit().await;
            Ok(())
        })
        .await
    }

    async fn in_time(
        &self,
        work: impl Future<Output = Result<(), AdapterError>>,
    ) -> Result<(), AdapterError> {
        let late = |_| {
            let cause = format!("timed out after {:?}", self.timeout);
            AdapterError::new("wait for the SMTP server", cause)
        };
        timeout(self.timeout, work).await.map_err(late)?
    }

    async fn hand_over(&self, envelope: &Envelope, message: &[u8]) -> Result<(), AdapterError> {
        let _place = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let (mut connection, messages) = match self.reuse().await {
            Some(Idle {
                connection,
                messages,
                ..
            }) => (connection, messages),
            None => (self.connector.connect().await?, 0),
        };
        send(&mut connection, envelope, message).await?;
        let idle = Idle {
            connection,
            since: Instant::now(),
            messages: messages + 1,
        };
        if idle.messages < MOST_MESSAGES {
            self.idle().push(idle);
        }
        Ok(())
    }

    /// Returns the most recently used idle connection if it still works. Servers close idle connections, and firewalls drop
    /// them silently. If it no longer works, the others, which have been idle for longer, are closed too.
    async fn reuse(&self) -> Option<Idle> {
        let mut idle = self.idle().pop()?;
        let is_fresh = idle.since.elapsed() < self.idle_timeout;
        if is_fresh && timeout(PROBE, idle.connection.test_connected()).await == Ok(true) {
            return Some(idle);
        }
        self.idle().clear();
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EmailSender for SmtpEmailSender {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let email = self.renderer.render(&message)?;
        let (envelope, bytes) = self.composer.compose(&message.to, &email)?;
        self.in_time(self.hand_over(&envelope, &bytes)).await
    }
}

impl fmt::Debug for SmtpEmailSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpEmailSender")
            .field("composer", &self.composer)
            .finish_non_exhaustive()
    }
}
