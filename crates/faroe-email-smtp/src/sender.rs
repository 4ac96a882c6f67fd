//! The sender: connections that are shared, bounded and used again.

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

/// How many messages one connection carries: servers refuse more after some hundreds, or less.
const MOST_MESSAGES: u32 = 100;

/// How long an idle connection may take to show that it is there; a new one takes little more.
const PROBE: Duration = Duration::from_secs(1);

/// Sends emails by SMTP.
///
/// # Guarantees
///
/// - Each message has exactly one recipient and one sender, fixed headers, a fresh Message-ID and a date.
/// - A call ends within [`SmtpOptions::timeout`]. At most 32 KiB are read for an answer.
/// - Nobody signs in and nothing is sent before the server has shown a certificate for its name, except to this machine
///   with [`SmtpSecurity::Plain`](crate::SmtpSecurity::Plain).
/// - A message is handed over at most once. A connection on which something failed is not used again.
///
/// # Concurrency
///
/// Any number of calls run at once, on at most [`SmtpOptions::connections`] connections, within a tokio runtime that has
/// I/O and time. A call that is given up closes its connection.
pub struct SmtpEmailSender {
    renderer: Arc<dyn EmailRenderer>,
    composer: Composer,
    connector: Connector,
    /// A permit for each connection that there may be.
    places: Semaphore,
    /// The connections that nobody uses, the last used at the end.
    idle: Mutex<Vec<Idle>>,
    timeout: Duration,
    idle_timeout: Duration,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    /// How many messages it has carried.
    messages: u32,
}

impl SmtpEmailSender {
    /// A sender. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `from` or `reply_to` is no address, the host no name, the certificates to trust cannot be read, or there may be no
    /// connection at all.
    pub fn new(
        options: &SmtpOptions,
        renderer: Arc<dyn EmailRenderer>,
    ) -> Result<Self, AdapterError> {
        if options.connections == 0 || options.timeout.is_zero() {
            return Err(AdapterError::message(
                "send by SMTP without any connection or time: both must be more than zero",
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

    /// Connects and signs in, and sends nothing: for a check of the configuration.
    ///
    /// # Errors
    ///
    /// What a message would fail with.
    pub async fn check(&self) -> Result<(), AdapterError> {
        self.in_time(async {
            let mut connection = self.connector.connect().await?;
            // Whether it says goodbye as well does not matter.
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
            let cause = format!("it was not done after {:?}", self.timeout);
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

    /// The connection that was used last, if it is still there: servers close one that was idle for long, and a firewall
    /// in between forgets it without a word. If it is gone, the others, idle for longer, are not tried either.
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
