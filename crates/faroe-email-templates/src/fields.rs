//! The fields of a message.

use std::fmt;

use faroe_core::{
    email::{EmailContent, EmailMessage},
    protocol::types::Timestamp,
};
use serde::Serialize;

/// The fields of a message, for serialization to JSON. Missing fields are omitted. `Debug` only shows the type.
#[derive(Clone, Copy, Serialize)]
pub struct EmailFields<'a> {
    /// The message's type, such as `user_signed_in_notification`.
    pub r#type: &'static str,
    /// The recipient's address.
    pub to: &'a str,
    /// The user's display name, exactly as stored by the application. May be empty.
    pub display_name: &'a str,
    /// The code or the temporary password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// The user's new email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_email_address: Option<&'a str>,
    /// The time of the event, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
}

impl<'a> From<&'a EmailMessage> for EmailFields<'a> {
    fn from(message: &'a EmailMessage) -> Self {
        let EmailMessage { to, content, .. } = message;
        let fields = |display_name| EmailFields {
            r#type: content.type_name(),
            to,
            display_name,
            code: None,
            new_email_address: None,
            timestamp: None,
        };
        match content {
            EmailContent::SignupEmailAddressVerificationCode { code } => EmailFields {
                code: Some(code.expose()),
                ..fields("")
            },
            EmailContent::UserEmailAddressUpdateEmailAddressVerificationCode {
                display_name,
                code,
            } => EmailFields {
                code: Some(code.expose()),
                ..fields(display_name)
            },
            EmailContent::UserPasswordResetTemporaryPassword {
                display_name,
                temporary_password,
            } => EmailFields {
                code: Some(temporary_password.expose()),
                ..fields(display_name)
            },
            EmailContent::UserSignedInNotification {
                display_name,
                timestamp,
            }
            | EmailContent::UserPasswordUpdatedNotification {
                display_name,
                timestamp,
            } => EmailFields {
                timestamp: Some(timestamp.to_timestamp()),
                ..fields(display_name)
            },
            EmailContent::UserEmailAddressUpdatedNotification {
                display_name,
                new_email_address,
                timestamp,
            } => EmailFields {
                new_email_address: Some(new_email_address),
                timestamp: Some(timestamp.to_timestamp()),
                ..fields(display_name)
            },
            // A newer core's message, for which there is no template either.
            _ => fields(""),
        }
    }
}

impl fmt::Debug for EmailFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailFields")
            .field("type", &self.r#type)
            .finish_non_exhaustive()
    }
}
