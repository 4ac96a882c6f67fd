//! The mailbox of development mode: emails are kept and shown instead of sent.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailMessage, EmailSender},
    error::AdapterError,
    protocol::types::Timestamp,
    random,
    time::{Clock, SystemClock, UnixTime},
};
use faroe_email_templates::{EmailFields, EmailRenderer, RenderedEmail};
use serde::Serialize;

/// The number of messages that are kept.
const CAPACITY: usize = 1000;

/// Keeps the last 1,000 messages in memory, and writes each to the log.
pub(crate) struct DevMailbox {
    renderer: Arc<dyn EmailRenderer>,
    /// A random name, new with each start of the server, so that the console notices an empty mailbox.
    id: String,
    messages: Mutex<VecDeque<Kept>>,
}

/// A message that is kept.
struct Kept {
    /// Counted from 1.
    number: u64,
    received_at: UnixTime,
    message: EmailMessage,
    rendered: RenderedEmail,
}

impl DevMailbox {
    /// Returns an empty mailbox. It refuses messages that cannot be rendered, as they could not be sent.
    pub(crate) fn new(renderer: Arc<dyn EmailRenderer>) -> Self {
        Self {
            renderer,
            id: random::id(),
            messages: Mutex::default(),
        }
    }

    /// Returns the messages to this exact address, or all, oldest first, as a JSON array.
    pub(crate) fn list(&self, to: Option<&str>) -> String {
        let messages = self.messages();
        let all = messages.iter().map(|kept| &kept.message);
        let selected = all.filter(|message| to.is_none_or(|to| message.to == to));
        to_json(&selected.map(EmailFields::from).collect::<Vec<_>>())
    }

    /// Returns this mailbox's name and the messages after the one with this number, or all if the number is another
    /// mailbox's, as the development console shows them.
    pub(crate) fn list_after(&self, mailbox: &str, number: u64) -> String {
        let number = if mailbox == self.id { number } else { 0 };
        let messages = self.messages();
        let selected = messages.iter().filter(|kept| kept.number > number);
        to_json(&Inbox {
            mailbox: &self.id,
            messages: selected.map(Shown::from).collect(),
        })
    }

    /// Returns the HTML part of the message with this number, if it is still kept.
    pub(crate) fn html(&self, number: u64) -> Option<String> {
        let messages = self.messages();
        let kept = messages.iter().find(|kept| kept.number == number)?;
        Some(kept.rendered.html.clone())
    }

    fn keep(&self, message: EmailMessage, rendered: RenderedEmail) {
        let mut messages = self.messages();
        let number = messages.back().map_or(1, |last| last.number + 1);
        if messages.len() == CAPACITY {
            messages.pop_front();
        }
        messages.push_back(Kept {
            number,
            received_at: SystemClock.now(),
            message,
            rendered,
        });
    }

    fn messages(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DevMailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevMailbox").finish_non_exhaustive()
    }
}

#[async_trait]
impl EmailSender for DevMailbox {
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError> {
        let rendered = self.renderer.render(&message)?;
        let EmailFields {
            r#type, to, code, ..
        } = EmailFields::from(&message);
        match code {
            Some(code) => tracing::info!("email to {to}: {type}: {code}"),
            None => tracing::info!("email to {to}: {type}"),
        }
        self.keep(message, rendered);
        Ok(())
    }
}

#[derive(Serialize)]
struct Inbox<'a> {
    mailbox: &'a str,
    messages: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    number: u64,
    received_at: Timestamp,
    subject: &'a str,
    text: &'a str,
    #[serde(flatten)]
    fields: EmailFields<'a>,
}

impl<'a> From<&'a Kept> for Shown<'a> {
    fn from(kept: &'a Kept) -> Self {
        Self {
            number: kept.number,
            received_at: kept.received_at.to_timestamp(),
            subject: &kept.rendered.subject,
            text: &kept.rendered.text,
            fields: EmailFields::from(&kept.message),
        }
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use faroe_core::email::EmailContent;
    use faroe_email_templates::{EmailTemplates, EmailTemplatesOptions};
    use serde_json::{Value, json};

    use super::*;

    fn mailbox() -> DevMailbox {
        let templates = EmailTemplates::new(EmailTemplatesOptions::new("Example"));
        DevMailbox::new(Arc::new(templates.unwrap()))
    }

    fn receive(mailbox: &DevMailbox, message: EmailMessage) {
        let rendered = mailbox.renderer.render(&message).unwrap();
        mailbox.keep(message, rendered);
    }

    fn list(mailbox: &DevMailbox, to: Option<&str>) -> Vec<Value> {
        serde_json::from_str(&mailbox.list(to)).unwrap()
    }

    fn to(address: &str, content: EmailContent) -> EmailMessage {
        EmailMessage::new(address, content)
    }

    fn code_to(address: &str, code: &str) -> EmailMessage {
        to(
            address,
            EmailContent::SignupEmailAddressVerificationCode { code: code.into() },
        )
    }

    #[test]
    fn every_kind_of_message_is_shown_with_all_that_it_tells() {
        let (ada, time) = (|| "Ada".to_owned(), UnixTime::from_milliseconds(1_999));
        let mailbox = mailbox();
        for content in [
            EmailContent::SignupEmailAddressVerificationCode {
                code: "AAAABBBB".into(),
            },
            EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
                display_name: ada(),
                code: "CCCCDDDD".into(),
            },
            EmailContent::UserPasswordResetTemporaryPassword {
                display_name: ada(),
                temporary_password: "EEEEFFFFGGGG".into(),
            },
            EmailContent::UserSignedInNotification {
                display_name: ada(),
                timestamp: time,
            },
            EmailContent::UserPasswordUpdatedNotification {
                display_name: ada(),
                timestamp: time,
            },
            EmailContent::UserEmailAddressUpdatedNotification {
                display_name: ada(),
                new_email_address: "b@x.y".to_owned(),
                timestamp: time,
            },
        ] {
            receive(&mailbox, to("a@x.y", content));
        }
        let update_code = "user_email_address_update_email_address_verification_code";
        let expected = json!([
            { "type": "signup_email_address_verification_code", "to": "a@x.y", "display_name": "", "code": "AAAABBBB" },
            { "type": update_code, "to": "a@x.y", "display_name": "Ada", "code": "CCCCDDDD" },
            {
                "type": "user_password_reset_temporary_password",
                "to": "a@x.y", "display_name": "Ada", "code": "EEEEFFFFGGGG",
            },
            { "type": "user_signed_in_notification", "to": "a@x.y", "display_name": "Ada", "timestamp": 1 },
            { "type": "user_password_updated_notification", "to": "a@x.y", "display_name": "Ada", "timestamp": 1 },
            {
                "type": "user_email_address_updated_notification",
                "to": "a@x.y", "display_name": "Ada", "new_email_address": "b@x.y", "timestamp": 1,
            },
        ]);
        assert_eq!(Value::from(list(&mailbox, None)), expected);
    }

    #[test]
    fn an_address_selects_exactly_its_own_messages() {
        let mailbox = mailbox();
        for (address, code) in [("a@x.y", "1"), ("A@x.y", "2"), ("a@x.y", "3")] {
            receive(&mailbox, code_to(address, code));
        }
        let codes = |to| -> Vec<Value> {
            list(&mailbox, Some(to))
                .iter()
                .map(|email| email["code"].clone())
                .collect()
        };
        assert_eq!(codes("a@x.y"), ["1", "3"]);
        assert_eq!(codes("A@x.y"), ["2"]);
        assert!(codes("@x.y").is_empty());
    }

    #[test]
    fn the_oldest_message_makes_room() {
        let mailbox = mailbox();
        for number in 0..=CAPACITY {
            receive(&mailbox, code_to("a@x.y", &number.to_string()));
        }
        let list = list(&mailbox, None);
        assert_eq!(list.len(), CAPACITY);
        assert_eq!(list[0]["code"], "1");
    }

    #[test]
    fn the_console_is_told_what_it_has_not_seen() {
        let mailbox = mailbox();
        for code in ["AAAABBBB", "CCCCDDDD"] {
            receive(&mailbox, code_to("a@x.y", code));
        }
        let after = |id: &str, number| -> Value {
            serde_json::from_str(&mailbox.list_after(id, number)).unwrap()
        };
        let all = after("another mailbox", 2);
        let numbers = |inbox: &Value| -> Vec<Value> {
            let messages = inbox["messages"].as_array().unwrap();
            messages
                .iter()
                .map(|email| email["number"].clone())
                .collect()
        };
        assert_eq!(numbers(&all), [1, 2]);
        let id = all["mailbox"].as_str().unwrap();
        assert_eq!(numbers(&after(id, 1)), [2]);
        assert!(numbers(&after(id, 2)).is_empty());
        let email = &all["messages"][0];
        assert_eq!(
            (&email["to"], &email["code"]),
            (&json!("a@x.y"), &json!("AAAABBBB"))
        );
        assert_eq!(email["subject"], "Your code to sign up for Example");
        assert!(email["text"].as_str().unwrap().contains("AAAABBBB"));
        assert!(mailbox.html(1).unwrap().contains("AAAA"));
        assert_eq!(mailbox.html(3), None);
    }

    #[test]
    fn debug_shows_no_code() {
        let mailbox = mailbox();
        receive(&mailbox, code_to("a@x.y", "CANARY"));
        assert!(!format!("{mailbox:?}").contains("CANARY"));
    }
}
