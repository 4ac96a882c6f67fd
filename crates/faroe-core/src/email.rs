//! Email: the six messages that the server sends, who sends them, and which addresses may be used.

use std::fmt::Debug;

use async_trait::async_trait;
use faroe_protocol::secret::{EmailAddressVerificationCode, TemporaryPassword};

use crate::{error::AdapterError, time::UnixTime};

/// One message to one address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EmailMessage {
    /// The one recipient: an address that the protocol accepts.
    pub to: String,
    /// What to tell.
    pub content: EmailContent,
}

/// What a message tells. A display name is the application's own text, may be empty and is not safe to print as HTML.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EmailContent {
    /// The code that verifies the address of a sign-up.
    SignupEmailAddressVerificationCode {
        /// The code.
        code: EmailAddressVerificationCode,
    },
    /// The code that verifies the new address of a user; it goes to the new address.
    UserEmailAddressUpdateEmailAddressVerificationCode {
        /// How to address the user.
        display_name: String,
        /// The code.
        code: EmailAddressVerificationCode,
    },
    /// The temporary password of a password reset.
    UserPasswordResetTemporaryPassword {
        /// How to address the user.
        display_name: String,
        /// The temporary password.
        temporary_password: TemporaryPassword,
    },
    /// Someone has signed in.
    UserSignedInNotification {
        /// How to address the user.
        display_name: String,
        /// When it happened.
        timestamp: UnixTime,
    },
    /// The password was changed.
    UserPasswordUpdatedNotification {
        /// How to address the user.
        display_name: String,
        /// When it happened.
        timestamp: UnixTime,
    },
    /// The email address was changed; this goes to the old address.
    UserEmailAddressUpdatedNotification {
        /// How to address the user.
        display_name: String,
        /// The address that the user has now.
        new_email_address: String,
        /// When it happened.
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

    /// The message's name in the protocol's style, such as `user_signed_in_notification`.
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
/// `Ok` means that the message was handed over to something that will deliver it. A code or a temporary password is
/// waited for, and a failure fails the action. A failed notification is logged and changes nothing; a sender that is
/// slow should queue notifications, so that no action waits for one.
///
/// # Errors
///
/// `Err` means that the message was not handed over, or that nobody knows. The error must not contain the message.
///
/// # Concurrency
///
/// Called from many tasks at once. The core stops waiting after eight seconds for a code or a temporary password, and after
/// two for a notification.
///
/// # Implementing
///
/// Exactly one recipient; nothing in a display name may become a header or markup.
#[async_trait]
pub trait EmailSender: Debug + Send + Sync + 'static {
    /// Hands a message over.
    async fn send(&self, message: EmailMessage) -> Result<(), AdapterError>;
}

/// Decides which email addresses a sign-up or a change of address may use.
///
/// # Contract
///
/// Asked with valid, exact addresses, when a signup or a user email address update is created and again when it is
/// completed; never for a sign-in or a password reset.
///
/// # Errors
///
/// `Err` makes the action answer `internal_error`.
///
/// # Concurrency
///
/// Called from many tasks at once. The core stops waiting after five seconds.
///
/// # Implementing
///
/// Nothing more: the answer may change from one call to the next.
#[async_trait]
pub trait EmailAddressChecker: Debug + Send + Sync + 'static {
    /// Whether the address may be used.
    async fn is_allowed(&self, email_address: &str) -> Result<bool, AdapterError>;
}

/// The default checker: every address may be used.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAllEmailAddresses;

#[async_trait]
impl EmailAddressChecker for AllowAllEmailAddresses {
    async fn is_allowed(&self, _email_address: &str) -> Result<bool, AdapterError> {
        Ok(true)
    }
}

const _OBJECT_SAFE: Option<(&dyn EmailSender, &dyn EmailAddressChecker)> = None;
