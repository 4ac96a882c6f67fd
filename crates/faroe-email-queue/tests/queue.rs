//! Tests of delivery times. They run on paused time, which only advances to the next timer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailContent, EmailFate, EmailMessage, EmailSender},
    error::AdapterError,
    time::UnixTime,
};
use faroe_email_queue::{EmailQueue, EmailQueueOptions};
use tokio::time::{Instant, sleep};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The outcome of one attempt.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Sent,
    Fails,
    Refused,
    Hangs,
}

/// A sender that follows a script and records when each attempt began. The last fate applies to all further attempts.
#[derive(Debug)]
struct Scripted {
    fates: Vec<Fate>,
    began: Instant,
    attempts: Mutex<Vec<(String, Duration)>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Scripted {
    fn new(fates: &[Fate]) -> Arc<Self> {
        Arc::new(Self {
            fates: fates.to_vec(),
            began: Instant::now(),
            attempts: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        })
    }

    fn attempts(&self) -> Vec<(String, u64)> {
        let attempts = self.attempts.lock().unwrap();
        let attempts = attempts.iter();
        attempts
            .map(|(to, at)| (to.clone(), at.as_secs()))
            .collect()
    }

    fn times(&self) -> Vec<u64> {
        self.attempts().into_iter().map(|(_, at)| at).collect()
    }
}

#[async_trait]
impl EmailSender for Scripted {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let fate = {
            let mut attempts = self.attempts.lock().unwrap();
            attempts.push((message.to, self.began.elapsed()));
            *self
                .fates
                .get(attempts.len() - 1)
                .or(self.fates.last())
                .unwrap()
        };
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        let result = match fate {
            Fate::Sent => {
                sleep(seconds(1)).await;
                Ok(())
            }
            Fate::Fails => Err(AdapterError::message("deliver an undeliverable message")),
            Fate::Refused => {
                Err(EmailFate::RecipientRefused.error("deliver to nobody", "no such user"))
            }
            Fate::Hangs => std::future::pending().await,
        };
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

fn notification(to: &str) -> EmailMessage {
    EmailMessage::new(
        to,
        EmailContent::UserSignedInNotification {
            display_name: "Ada".to_owned(),
            timestamp: UnixTime::from_milliseconds(0),
        },
    )
}

fn code(to: &str) -> EmailMessage {
    EmailMessage::new(
        to,
        EmailContent::SignupEmailAddressVerificationCode {
            code: "ABCDEFGH".into(),
        },
    )
}

fn queue(sender: &Arc<Scripted>, options: EmailQueueOptions) -> EmailQueue {
    EmailQueue::new(sender.clone(), options)
}

#[tokio::test(start_paused = true)]
async fn a_code_is_sent_within_the_call_and_its_failure_is_returned() {
    let sender = Scripted::new(&[Fate::Sent, Fate::Fails]);
    let queue = queue(&sender, EmailQueueOptions::default());
    queue.send(code("a")).await.unwrap();
    assert_eq!(sender.began.elapsed(), seconds(1));
    assert!(queue.send(code("b")).await.is_err());
    assert_eq!(sender.times(), [0, 1], "a code is not retried");
}

#[tokio::test(start_paused = true)]
async fn queueing_a_notification_takes_no_time_whatever_the_sender_does() {
    for fate in [Fate::Sent, Fate::Fails, Fate::Hangs] {
        let sender = Scripted::new(&[fate]);
        let queue = queue(&sender, EmailQueueOptions::default());
        for _ in 0..10 {
            queue.send(notification("a")).await.unwrap();
        }
        assert_eq!(sender.began.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_notification_is_retried_with_growing_pauses_and_then_dropped() {
    let sender = Scripted::new(&[Fate::Fails]);
    let queue = queue(&sender, EmailQueueOptions::default());
    queue.send(notification("a")).await.unwrap();
    sleep(seconds(86_400)).await;
    assert_eq!(sender.times(), [0, 1, 11, 71, 371, 1271]);
    assert_eq!(queue.flush(Duration::ZERO).await, 0, "the queue is empty");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_times_out_and_is_retried() {
    let sender = Scripted::new(&[Fate::Hangs, Fate::Fails, Fate::Sent]);
    let queue = queue(&sender, EmailQueueOptions::default());
    queue.send(notification("a")).await.unwrap();
    sleep(seconds(86_400)).await;
    assert_eq!(sender.times(), [0, 11, 21]);
}

#[tokio::test(start_paused = true)]
async fn an_undeliverable_notification_does_not_delay_the_others() {
    let sender = Scripted::new(&[Fate::Fails, Fate::Sent]);
    let mut options = EmailQueueOptions::default();
    options.concurrency = 1;
    let queue = queue(&sender, options);
    queue.send(notification("bad")).await.unwrap();
    queue.send(notification("good")).await.unwrap();
    sleep(seconds(86_400)).await;
    let expected = [("bad", 0), ("good", 0), ("bad", 1)];
    assert_eq!(
        sender.attempts(),
        expected.map(|(to, at)| (to.to_owned(), at))
    );
}

#[tokio::test(start_paused = true)]
async fn concurrent_attempts_are_limited_and_codes_do_not_wait_for_them() {
    let sender = Scripted::new(&[Fate::Sent]);
    let queue = queue(&sender, EmailQueueOptions::default());
    for _ in 0..10 {
        queue.send(notification("a")).await.unwrap();
    }
    queue.send(code("b")).await.unwrap();
    assert_eq!(
        sender.began.elapsed(),
        seconds(1),
        "a code does not wait for notifications"
    );
    assert_eq!(queue.flush(seconds(60)).await, 0);
    assert_eq!(
        sender.most_at_once.load(Ordering::SeqCst),
        3,
        "two notifications and the code"
    );
    assert_eq!(sender.times().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_notification_whose_recipient_is_refused_is_dropped_at_once() {
    let sender = Scripted::new(&[Fate::Fails, Fate::Refused]);
    let queue = queue(&sender, EmailQueueOptions::default());
    queue.send(notification("a")).await.unwrap();
    sleep(seconds(86_400)).await;
    assert_eq!(sender.times(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_does_not_fit_is_dropped_with_an_error() {
    let sender = Scripted::new(&[Fate::Hangs]);
    let mut options = EmailQueueOptions::default();
    options.capacity = 3;
    let queue = queue(&sender, options);
    for _ in 0..3 {
        queue.send(notification("a")).await.unwrap();
    }
    let error = queue.send(notification("canary")).await.unwrap_err();
    let text = faroe_core::error::ErrorChain(&error).to_string();
    assert!(
        text.contains("dropped") && !text.contains("canary"),
        "{text}"
    );
    assert_eq!(sender.began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn flush_sends_all_notifications() {
    let sender = Scripted::new(&[Fate::Sent]);
    let queue = queue(&sender, EmailQueueOptions::default());
    for _ in 0..5 {
        queue.send(notification("a")).await.unwrap();
    }
    assert_eq!(queue.flush(seconds(10)).await, 0);
    assert_eq!(
        sender.began.elapsed(),
        seconds(3),
        "two at once, a second each"
    );
}

#[tokio::test(start_paused = true)]
async fn flush_retries_waiting_notifications_once_without_a_pause() {
    let sender = Scripted::new(&[Fate::Fails]);
    let queue = queue(&sender, EmailQueueOptions::default());
    queue.send(notification("a")).await.unwrap();
    sleep(seconds(5)).await;
    assert_eq!(queue.flush(seconds(10)).await, 0);
    assert_eq!(sender.times(), [0, 1, 5]);
    assert_eq!(sender.began.elapsed(), seconds(5));
}

#[tokio::test(start_paused = true)]
async fn flush_ends_in_time_and_returns_the_number_of_lost_notifications() {
    let sender = Scripted::new(&[Fate::Hangs]);
    let queue = queue(&sender, EmailQueueOptions::default());
    for _ in 0..5 {
        queue.send(notification("a")).await.unwrap();
    }
    assert_eq!(queue.flush(seconds(3)).await, 5);
    assert_eq!(sender.began.elapsed(), seconds(3));
}
