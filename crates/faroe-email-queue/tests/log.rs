//! A test of the log. It is alone in its program, because a log that is being set up can miss an event that another thread
//! reports for the first time at that moment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use faroe_core::{
    email::{EmailContent, EmailMessage, EmailSender},
    time::UnixTime,
};
use faroe_email_queue::{EmailQueue, EmailQueueOptions};
use faroe_testkit::mailbox::Mailbox;

#[tokio::test(start_paused = true)]
async fn a_dropped_notification_is_logged_without_its_recipient() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let mailbox = Mailbox::default();
    mailbox.set_failing(true);
    let queue = EmailQueue::new(Arc::new(mailbox), EmailQueueOptions::default());
    let content = EmailContent::UserSignedInNotification {
        display_name: "Ada".to_owned(),
        timestamp: UnixTime::from_milliseconds(0),
    };
    let message = EmailMessage::new("canary@example.com", content);
    queue.send(message).await.unwrap();
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("notification dropped").count(), 1, "{log}");
    assert!(log.contains("user_signed_in_notification"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
