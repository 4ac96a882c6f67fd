//! The mailbox of development mode: emails are kept and shown instead of sent.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use faroe_core::{
    email::{EmailMessage, EmailSender},
    error::AdapterError,
};
use faroe_email_templates::EmailFields;

/// The oldest message makes room for the one after so many.
const CAPACITY: usize = 1000;

/// Keeps the last 1,000 messages in memory, and writes each to the log.
#[derive(Default)]
pub(crate) struct DevMailbox {
    messages: Mutex<VecDeque<EmailMessage>>,
}

impl DevMailbox {
    /// The messages to this exact address, or all, oldest first, as a JSON array.
    pub(crate) fn list(&self, to: Option<&str>) -> String {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let selected = messages
            .iter()
            .filter(|message| to.is_none_or(|to| message.to == to));
        let emails: Vec<EmailFields<'_>> = selected.map(EmailFields::from).collect();
        serde_json::to_string(&emails).expect("texts and numbers can be written as JSON")
    }

    fn keep(&self, message: EmailMessage) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == CAPACITY {
            messages.pop_front();
        }
        messages.push_back(message);
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
        let EmailFields {
            r#type, to, code, ..
        } = EmailFields::from(&message);
        match code {
            Some(code) => tracing::info!("email to {to}: {type}: {code}"),
            None => tracing::info!("email to {to}: {type}"),
        }
        self.keep(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use faroe_core::{email::EmailContent, time::UnixTime};
    use serde_json::{Value, json};

    use super::*;

    fn list(mailbox: &DevMailbox, to: Option<&str>) -> Vec<Value> {
        serde_json::from_str(&mailbox.list(to)).unwrap()
    }

    fn to(address: &str, content: EmailContent) -> EmailMessage {
        EmailMessage {
            to: address.to_owned(),
            content,
        }
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
        let mailbox = DevMailbox::default();
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
            mailbox.keep(to("a@x.y", content));
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
        let mailbox = DevMailbox::default();
        for (address, code) in [("a@x.y", "1"), ("A@x.y", "2"), ("a@x.y", "3")] {
            mailbox.keep(code_to(address, code));
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
        let mailbox = DevMailbox::default();
        for number in 0..=CAPACITY {
            mailbox.keep(code_to("a@x.y", &number.to_string()));
        }
        let list = list(&mailbox, None);
        assert_eq!(list.len(), CAPACITY);
        assert_eq!(list[0]["code"], "1");
    }

    #[test]
    fn debug_shows_no_code() {
        let mailbox = DevMailbox::default();
        mailbox.keep(code_to("a@x.y", "CANARY"));
        assert!(!format!("{mailbox:?}").contains("CANARY"));
    }
}
