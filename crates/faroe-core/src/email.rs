//! Email: the six messages of the server, the trait that sends them, and the trait that checks addresses.

use std::{
    borrow::Cow,
    error::Error,
    fmt::{self, Debug},
};

use async_trait::async_trait;
use faroe_protocol::secret::{EmailAddressVerificationCode, TemporaryPassword};

use crate::{error::AdapterError, time::UnixTime};

/// One message to one address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EmailMessage {
    /// The one recipient: an address that the protocol accepts.
    pub to: String,
    /// The content of the message.
    pub content: EmailContent,
}

/// The content of a message. A display name is the application's own text; it may be empty and must be escaped in HTML.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EmailContent {
    /// The code that verifies the address of a sign-up.
    SignupEmailAddressVerificationCode {
        /// The code.
        code: EmailAddressVerificationCode,
    },
    /// The code that verifies a user's new address. Sent to the new address.
    UserEmailAddressUpdateEmailAddressVerificationCode {
        /// The user's display name.
        display_name: String,
        /// The code.
        code: EmailAddressVerificationCode,
    },
    /// The temporary password of a password reset.
    UserPasswordResetTemporaryPassword {
        /// The user's display name.
        display_name: String,
        /// The temporary password.
        temporary_password: TemporaryPassword,
    },
    /// A client has signed in.
    UserSignedInNotification {
        /// The user's display name.
        display_name: String,
        /// The time of the event.
        timestamp: UnixTime,
    },
    /// The password was changed.
    UserPasswordUpdatedNotification {
        /// The user's display name.
        display_name: String,
        /// The time of the event.
        timestamp: UnixTime,
    },
    /// The email address was changed. Sent to the old address.
    UserEmailAddressUpdatedNotification {
        /// The user's display name.
        display_name: String,
        /// The user's new address.
        new_email_address: String,
        /// The time of the event.
        timestamp: UnixTime,
    },
}

impl EmailMessage {
    /// Creates a message.
    pub fn new(to: impl Into<String>, content: EmailContent) -> Self {
        Self {
            to: to.into(),
            content,
        }
    }
}

impl EmailContent {
    /// Checks whether the message is a notification, which no action waits for.
    pub fn is_notification(&self) -> bool {
        match self {
            Self::SignupEmailAddressVerificationCode { .. }
            | Self::UserEmailAddressUpdateEmailAddressVerificationCode { .. }
            | Self::UserPasswordResetTemporaryPassword { .. } => false,
            Self::UserSignedInNotification { .. }
            | Self::UserPasswordUpdatedNotification { .. }
            | Self::UserEmailAddressUpdatedNotification { .. } => true,
        }
    }

    /// Returns the name of the message in the protocol's style, such as `user_signed_in_notification`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::SignupEmailAddressVerificationCode { .. } => {
                "signup_email_address_verification_code"
            }
            Self::UserEmailAddressUpdateEmailAddressVerificationCode { .. } => {
                "user_email_address_update_email_address_verification_code"
            }
            Self::UserPasswordResetTemporaryPassword { .. } => {
                "user_password_reset_temporary_password"
            }
            Self::UserSignedInNotification { .. } => "user_signed_in_notification",
            Self::UserPasswordUpdatedNotification { .. } => "user_password_updated_notification",
            Self::UserEmailAddressUpdatedNotification { .. } => {
                "user_email_address_updated_notification"
            }
        }
    }
}

/// Sends email.
///
/// # Contract
///
/// `Ok` means that a delivery system has accepted the message. An action waits for a code or a temporary password, and
/// fails if it cannot be sent. A failed notification is logged and changes nothing. A slow sender should queue
/// notifications so that no action waits for one.
///
/// # Errors
///
/// `Err` means that the message was not accepted, or that the outcome is unknown. An error made by
/// [`EmailFate::error`] says which, and any other means that the outcome is unknown. The error must not contain the message.
///
/// # Concurrency
///
/// Called from many tasks at once. Calls time out after eight seconds for a code or a temporary password, and after two
/// for a notification ([`Timeouts`](crate::Timeouts)).
///
/// # Implementing
///
/// Send to exactly one recipient. Never let a display name become a header or markup.
#[async_trait]
pub trait EmailSender: Debug + Send + Sync + 'static {
    /// Sends a message.
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError>;
}

/// The fate of a message that could not be sent, as far as its sender knows it.
///
/// Every code and temporary password uses one of the address's emails ([`RateLimits::send_email`](crate::RateLimits)). The
/// core gives it back for [`EmailFate::NotAccepted`] only, so that an outage of the mail server does not use up the emails of
/// the users who tried meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailFate {
    /// The message may have been accepted: its transfer had begun, and there was no clear answer.
    Unknown,
    /// The message was certainly not accepted, and may be later: the delivery system was not reached, or refused it before
    /// it was told the recipient, or for now.
    NotAccepted,
    /// The recipient was refused for good, and the message was certainly not accepted. Trying again does not help.
    RecipientRefused,
}

impl EmailFate {
    /// Creates the error of a message with this fate. The texts of `operation` and `source` are those of the error.
    pub fn error(
        self,
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> AdapterError {
        let (fate, source) = (self, source.into());
        AdapterError::new(operation, Unsent { fate, source })
    }

    /// Returns the fate of the message whose sending failed with this error. Errors that wrap another keep its fate.
    pub fn of(error: &AdapterError) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = error.source();
        while let Some(error) = cause {
            if let Some(unsent) = error.downcast_ref::<Unsent>() {
                return unsent.fate;
            }
            cause = error.source();
        }
        Self::Unknown
    }
}

/// The cause of a failure to send, with the message's fate. It has the cause's text and sources.
#[derive(Debug)]
struct Unsent {
    fate: EmailFate,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

impl Error for Unsent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// Decides which email addresses a signup or an email address update may use.
///
/// # Contract
///
/// Called with a valid address, exactly as given, when a signup or a user email address update is created and again
/// when it is completed. Never called for a signin or a password reset.
///
/// # Errors
///
/// `Err` makes the action answer `internal_error`.
///
/// # Concurrency
///
/// Called from many tasks at once. Calls time out after five seconds.
///
/// # Implementing
///
/// The answer may change from one call to the next.
#[async_trait]
pub trait EmailAddressChecker: Debug + Send + Sync + 'static {
    /// Checks whether the address may be used.
    async fn is_allowed(&self, email_address: &str) -> Result<bool, AdapterError>;
}

/// The default checker. It allows every address.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAllEmailAddresses;

#[async_trait]
impl EmailAddressChecker for AllowAllEmailAddresses {
    async fn is_allowed(&self, _email_address: &str) -> Result<bool, AdapterError> {
        Ok(true)
    }
}

const _OBJECT_SAFE: Option<(&dyn EmailSender, &dyn EmailAddressChecker)> = None;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorChain;

    #[test]
    fn an_error_carries_the_fate_and_keeps_its_text() {
        let refused = AdapterError::new("connect", "connection refused");
        let error = EmailFate::NotAccepted.error("send an email", refused);
        assert_eq!(EmailFate::of(&error), EmailFate::NotAccepted);
        let wrapped = AdapterError::new("deliver", error);
        assert_eq!(EmailFate::of(&wrapped), EmailFate::NotAccepted);
        let text = ErrorChain(&wrapped).to_string();
        assert_eq!(text, "deliver: send an email: connect: connection refused");
    }

    #[test]
    fn the_fate_of_any_other_error_is_unknown() {
        let error = AdapterError::new("send an email", "timed out");
        assert_eq!(EmailFate::of(&error), EmailFate::Unknown);
    }
}
