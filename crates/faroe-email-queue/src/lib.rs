#![doc = include_str!("../README.md")]

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailContent, EmailMessage, EmailSender},
    error::{AdapterError, ErrorChain},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

/// How notifications are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailQueueOptions {
    /// How many notifications there may be that are not sent yet; any more are dropped. At least 1. Default: 1,000.
    pub capacity: usize,
    /// How many are sent at once; at least 1. Fewer than the sender can do, so that codes do not wait for notifications.
    /// Default: 2.
    pub concurrency: usize,
    /// How long one attempt may take. Default: 10 seconds.
    pub attempt_timeout: Duration,
    /// How long to wait before each further attempt; after the last one a notification is given up. Default: 1 second, 10
    /// seconds, 1 minute, 5 minutes, 15 minutes.
    pub pauses: Vec<Duration>,
}

impl Default for EmailQueueOptions {
    fn default() -> Self {
        Self {
            capacity: 1000,
            concurrency: 2,
            attempt_timeout: Duration::from_secs(10),
            pauses: [1, 10, 60, 300, 900].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Hands codes and temporary passwords over at once, and sends notifications later.
///
/// # Guarantees
///
/// - A code or a temporary password goes straight to the sender, and its failure is returned.
/// - A notification is taken or refused at once, without waiting for anything. It is refused when there are
///   [`EmailQueueOptions::capacity`] of them already.
/// - What was taken is tried until it is sent, until there were as many attempts as there are pauses and one, or until
///   [`EmailQueue::flush`] ends. A notification that is given up is told in one line of the log, without its recipient.
/// - Nothing is written to disk. What is not sent when the process ends is lost.
///
/// # Concurrency
///
/// Called from many tasks at once, within a tokio runtime that has time. Notifications are tried in no particular order.
pub struct EmailQueue {
    worker: Arc<Worker>,
    /// A permit for each notification that there may be.
    places: Arc<Semaphore>,
    capacity: u32,
}

struct Worker {
    sender: Arc<dyn EmailSender>,
    /// A permit for each attempt that there may be at once.
    attempts: Semaphore,
    attempt_timeout: Duration,
    pauses: Vec<Duration>,
    stopping: watch::Sender<bool>,
}

impl EmailQueue {
    /// A queue in front of this sender.
    ///
    /// # Panics
    ///
    /// With a capacity or a concurrency of zero, or a capacity of more than four billion.
    pub fn new(sender: Arc<dyn EmailSender>, options: EmailQueueOptions) -> Self {
        let EmailQueueOptions {
            capacity,
            concurrency,
            attempt_timeout,
            pauses,
        } = options;
        assert!(capacity > 0 && concurrency > 0, "nothing could be sent");
        Self {
            worker: Arc::new(Worker {
                sender,
                attempts: Semaphore::new(concurrency),
                attempt_timeout,
                pauses,
                stopping: watch::Sender::new(false),
            }),
            places: Arc::new(Semaphore::new(capacity)),
            capacity: u32::try_from(capacity).expect("a capacity of less than four billion"),
        }
    }

    /// Waits until every notification is sent or given up, for so long at most. From now on there are no pauses: what
    /// waits for another attempt has it now, and it is the last one.
    ///
    /// Returns how many are lost. To be called when no more actions are invoked.
    pub async fn flush(&self, time: Duration) -> usize {
        self.worker.stopping.send_replace(true);
        let all = self.places.acquire_many(self.capacity);
        match timeout(time, all).await {
            Ok(_) => 0,
            Err(_) => self.capacity as usize - self.places.available_permits(),
        }
    }

    fn queue(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let capacity = self.capacity;
            AdapterError::new(
                "queue a notification",
                format!("{capacity} are waiting already, and this one is dropped"),
            )
        })?;
        tokio::spawn(Arc::clone(&self.worker).deliver(message, place));
        Ok(())
    }
}

impl Worker {
    async fn deliver(self: Arc<Self>, message: EmailMessage, _place: OwnedSemaphorePermit) {
        let mut pauses = self.pauses.iter();
        loop {
            let Err(error) = self.attempt(message.clone()).await else {
                return;
            };
            let r#type = message.content.type_name();
            let error = ErrorChain(&error).to_string();
            let pause = pauses.next().filter(|_| !*self.stopping.borrow());
            let Some(pause) = pause else {
                tracing::warn!(r#type, error, "a notification is given up");
                return;
            };
            tracing::debug!(r#type, error, ?pause, "a notification is tried again");
            let mut stopping = self.stopping.subscribe();
            tokio::select! {
                () = sleep(*pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }

    async fn attempt(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let _permit = self
            .attempts
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let deadline = Instant::now() + self.attempt_timeout;
        let sent = timeout_at(deadline, self.sender.send(message)).await;
        sent.unwrap_or_else(|_| {
            let cause = format!("it took longer than {:?}", self.attempt_timeout);
            Err(AdapterError::new("send a notification", cause))
        })
    }
}

#[async_trait]
impl EmailSender for EmailQueue {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        if is_notification(&message.content) {
            self.queue(message)
        } else {
            self.worker.sender.send(message).await
        }
    }
}

impl fmt::Debug for EmailQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailQueue")
            .field("sender", &self.worker.sender)
            .field("capacity", &self.capacity)
            .field("free", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

/// Whether a message tells what has happened. The others hold a secret that someone waits for.
fn is_notification(content: &EmailContent) -> bool {
    match content {
        EmailContent::SignupEmailAddressVerificationCode { .. }
        | EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode { .. }
        | EmailContent::UserPasswordResetTemporaryPassword { .. } => false,
        EmailContent::UserSignedInNotification { .. }
        | EmailContent::UserPasswordUpdatedNotification { .. }
        | EmailContent::UserEmailAddressUpdatedNotification { .. } => true,
    }
}
