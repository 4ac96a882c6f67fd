#![doc = include_str!("../README.md")]

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailFate, EmailMessage, EmailSender},
    error::{AdapterError, ErrorChain},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

/// The settings of an [`EmailQueue`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmailQueueOptions {
    /// The maximum number of unsent notifications; further ones are dropped. At least 1. Default: 1,000.
    pub capacity: usize,
    /// The maximum number of notifications being sent at once. At least 1, and less than the sender's own limit, so that
    /// codes do not wait behind notifications. Default: 2.
    pub concurrency: usize,
    /// The time limit for one attempt. Default: 10 seconds.
    pub attempt_timeout: Duration,
    /// The delay before each retry. A notification whose last retry fails is dropped. Default: 1 second, 10 seconds, 1
    /// minute, 5 minutes, 15 minutes.
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

/// Sends codes and temporary passwords immediately, and notifications in the background.
///
/// # Guarantees
///
/// - A code or temporary password is passed to the sender within the call, and the sender's error is returned.
/// - A notification is queued or rejected without waiting. It is rejected if the queue already holds
///   [`EmailQueueOptions::capacity`] notifications.
/// - A queued notification is attempted until it is sent, until its recipient is refused for good
///   ([`EmailFate::RecipientRefused`]), until its last retry has failed, or until [`EmailQueue::flush`] returns. A notification that is dropped is logged once, without its recipient.
/// - Nothing is written to disk. Notifications that are unsent when the process exits are lost.
///
/// # Concurrency
///
/// Can be used from many tasks at once. Requires a Tokio runtime with time enabled. Notifications are sent in no
/// particular order.
pub struct EmailQueue {
    worker: Arc<Worker>,
    /// One permit for each notification that the queue can hold.
    places: Arc<Semaphore>,
    capacity: u32,
}

struct Worker {
    sender: Arc<dyn EmailSender>,
    /// One permit for each concurrent attempt.
    attempts: Semaphore,
    attempt_timeout: Duration,
    pauses: Vec<Duration>,
    stopping: watch::Sender<bool>,
}

impl EmailQueue {
    /// Creates an empty queue in front of `sender`.
    ///
    /// # Panics
    ///
    /// Panics if the capacity or the concurrency is zero, or if the capacity exceeds `u32::MAX`.
    pub fn new(sender: Arc<dyn EmailSender>, options: EmailQueueOptions) -> Self {
        let EmailQueueOptions {
            capacity,
            concurrency,
            attempt_timeout,
            pauses,
        } = options;
        assert!(
            capacity > 0 && concurrency > 0,
            "capacity and concurrency must be at least 1"
        );
        Self {
            worker: Arc::new(Worker {
                sender,
                attempts: Semaphore::new(concurrency),
                attempt_timeout,
                pauses,
                stopping: watch::Sender::new(false),
            }),
            places: Arc::new(Semaphore::new(capacity)),
            capacity: u32::try_from(capacity).expect("the capacity is at most u32::MAX"),
        }
    }

    /// Waits until every notification is sent or dropped, for `time` at most. Notifications that are waiting for a retry
    /// are retried immediately, for the last time.
    ///
    /// Returns the number of notifications that are lost. Call it once no more actions are invoked.
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
                format!("the queue is full ({capacity}); the notification is dropped"),
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
            let fate = EmailFate::of(&error);
            let error = ErrorChain(&error).to_string();
            let is_last = fate == EmailFate::RecipientRefused || *self.stopping.borrow();
            let pause = pauses.next().filter(|_| !is_last);
            let Some(pause) = pause else {
                tracing::warn!(r#type, error, "notification dropped");
                return;
            };
            tracing::debug!(r#type, error, ?pause, "notification failed, retrying");
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
            let cause = format!("timed out after {:?}", self.attempt_timeout);
            Err(AdapterError::new("send a notification", cause))
        })
    }
}

#[async_trait]
impl EmailSender for EmailQueue {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        if message.content.is_notification() {
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
