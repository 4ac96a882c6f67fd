//! The messages shown after a form was submitted.

use std::{borrow::Cow, time::Duration};

use faroe_axum::Unavailable;
use serde::{Deserialize, Serialize};

use self::Place::{Field, Problem, Success};
use crate::field::{CODE, EMAIL_ADDRESS, PASSWORD, TEMPORARY_PASSWORD};

/// A message to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    // Problems with the input.
    EmailAddressInvalid,
    EmailAddressMissing,
    EmailAddressNotAllowed,
    EmailAddressTaken,
    EmailAddressUnknown,
    EmailAddressUsed,
    CodeIncomplete,
    CodeIncorrect,
    PasswordIncorrect,
    PasswordIncorrectAtSignIn,
    PasswordLength,
    PasswordMissing,
    PasswordWeak,
    TemporaryPasswordIncomplete,
    TemporaryPasswordIncorrect,
    TooManyCodes,
    TooManyEmails,
    TooManyPasswords,
    TooManyTemporaryPasswords,
    // Other problems.
    CodeNotSent,
    DeletionEnded,
    EmailChangeEnded,
    PasswordChangeEnded,
    PasswordResetEnded,
    SignInEnded,
    SignInFirst,
    SignedOutMeanwhile,
    SignUpEnded,
    UserDisabled,
    /// The server is overloaded, or a concurrent request got in the way.
    Busy {
        seconds: u64,
    },
    /// An internal failure.
    Failed {
        reference: Option<String>,
    },
    NotFound,
    // Successes.
    AccountDeleted,
    CodeSent,
    EmailAddressChanged,
    PasswordChanged,
    PasswordResetButSignedOut,
    PasswordReset,
    SignedOut,
    SignedOutEverywhere,
    SignedUp,
    SignedUpButSignedOut,
}

/// The text of a message, and where it is shown.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) place: Place,
    pub(crate) text: Cow<'static, str>,
    /// A link that helps: its target and its text.
    pub(crate) link: Option<(&'static str, &'static str)>,
}

/// The place of a message on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the field with this name.
    Field(&'static str),
    /// At the top of the page, as a problem.
    Problem,
    /// At the top of the page, as a success, or as what comes next.
    Success,
}

const SIGN_IN: (&str, &str) = ("/sign-in", "Sign in");
const SIGN_UP: (&str, &str) = ("/sign-up", "Create an account");
const FORGOT: (&str, &str) = ("/forgot-password", "get a new password");

impl Message {
    /// Returns the text and the place of the message.
    pub(crate) fn words(&self) -> Words {
        let (place, text, link) = match self {
            Self::EmailAddressInvalid => (
                Field(EMAIL_ADDRESS),
                "This is not a valid email address. It should look like name@example.com.",
                None,
            ),
            Self::EmailAddressMissing => (Field(EMAIL_ADDRESS), "Enter your email address.", None),
            Self::EmailAddressNotAllowed => (
                Field(EMAIL_ADDRESS),
                "We do not accept this address. Please use another one.",
                None,
            ),
            Self::EmailAddressUnknown => (
                Field(EMAIL_ADDRESS),
                "There is no account with this address. Check the spelling, including capital letters.",
                Some(SIGN_UP),
            ),
            Self::EmailAddressTaken => (
                Field(EMAIL_ADDRESS),
                "An account with this address already exists, perhaps your own. Enter another address.",
                None,
            ),
            Self::EmailAddressUsed => (
                Field(EMAIL_ADDRESS),
                "There is already an account with this address.",
                Some(SIGN_IN),
            ),
            Self::CodeIncomplete => (
                Field(CODE),
                "The code has 8 letters and digits. Enter all of them.",
                None,
            ),
            Self::CodeIncorrect => (
                Field(CODE),
                "This is not the code that we sent. Copy it from the latest email.",
                None,
            ),
            Self::PasswordIncorrect => (
                Field(PASSWORD),
                "This is not your password. Please try again.",
                None,
            ),
            Self::PasswordIncorrectAtSignIn => (
                Field(PASSWORD),
                "This is not the password of this account. Try again, or",
                Some(FORGOT),
            ),
            Self::PasswordLength => (Field(PASSWORD), "Use between 10 and 100 characters.", None),
            Self::PasswordMissing => (Field(PASSWORD), "Enter your password.", None),
            Self::PasswordWeak => (
                Field(PASSWORD),
                "This password is too easy to guess. Try a few unrelated words.",
                None,
            ),
            Self::TemporaryPasswordIncomplete => (
                Field(TEMPORARY_PASSWORD),
                "The temporary password has 12 letters and digits. Enter all of them.",
                None,
            ),
            Self::TemporaryPasswordIncorrect => (
                Field(TEMPORARY_PASSWORD),
                "This is not the temporary password that we sent. Copy it from the latest email.",
                None,
            ),
            Self::TooManyCodes => (
                Field(CODE),
                "Too many attempts. Wait a minute, then enter the code again.",
                None,
            ),
            Self::TooManyEmails => (
                Field(EMAIL_ADDRESS),
                "We have already sent several emails to this address. Check your spam folder, or come back in half an hour.",
                None,
            ),
            Self::TooManyPasswords => (
                Field(PASSWORD),
                "Too many attempts. Wait a minute, then try again.",
                None,
            ),
            Self::TooManyTemporaryPasswords => (
                Field(TEMPORARY_PASSWORD),
                "Too many attempts. Wait a minute, then enter it again.",
                None,
            ),
            Self::CodeNotSent => (
                Problem,
                "We cannot send the code again right now, after several emails or several wrong codes. Wait a few minutes. All of our emails contain the same code; please check your spam folder.",
                None,
            ),
            Self::DeletionEnded => (
                Problem,
                "Something changed in the meantime, and your account was not deleted. Please try again.",
                None,
            ),
            Self::EmailChangeEnded => (
                Problem,
                "The change ended before it was complete. Your address is still the old one. Please start again.",
                None,
            ),
            Self::PasswordChangeEnded => (
                Problem,
                "The change ended before it was complete. Your password is still the old one. Please start again.",
                None,
            ),
            Self::PasswordResetEnded => (
                Problem,
                "The temporary password is no longer valid. It expires after 20 minutes, or when your password or address changes. Please request another one.",
                None,
            ),
            Self::SignInEnded => (
                Problem,
                "Something changed while you were signing in. Please try again.",
                None,
            ),
            Self::SignedOutMeanwhile => (
                Problem,
                "You were signed out in the meantime. Please sign in again.",
                None,
            ),
            Self::SignInFirst => (Success, "Please sign in to see that page.", None),
            Self::SignUpEnded => (
                Problem,
                "This sign-up has ended. Sign-ups expire after 20 minutes. Please start again.",
                None,
            ),
            Self::UserDisabled => (
                Problem,
                "This account is disabled. If you think this is a mistake, write to help@juniper.example.",
                None,
            ),
            Self::Busy { seconds } => return Words::busy(*seconds),
            Self::Failed { reference } => return Words::failed(reference.as_deref()),
            Self::NotFound => (
                Problem,
                "This page does not exist. Check the address, or go to the front page.",
                None,
            ),
            Self::AccountDeleted => (
                Success,
                "Your account and all of its data have been deleted. Goodbye.",
                None,
            ),
            Self::CodeSent => (
                Success,
                "We have sent the code again. It is the same code in every email.",
                None,
            ),
            Self::EmailAddressChanged => (
                Success,
                "Your address has been changed. Use the new one to sign in.",
                None,
            ),
            Self::PasswordChanged => (
                Success,
                "Your password has been changed. You are signed out on all other devices.",
                None,
            ),
            Self::PasswordReset => (
                Success,
                "Your new password is set, and you are signed in. You are signed out on all other devices.",
                None,
            ),
            Self::PasswordResetButSignedOut => {
                (Success, "Your new password is set. Sign in with it.", None)
            }
            Self::SignedOut => (Success, "You are signed out.", None),
            Self::SignedOutEverywhere => (
                Success,
                "You are signed out everywhere, including here.",
                None,
            ),
            Self::SignedUp => (
                Success,
                "Your account is ready, and you are signed in.",
                None,
            ),
            Self::SignedUpButSignedOut => (
                Success,
                "Your account is ready. Sign in with your new password.",
                None,
            ),
        };
        Words {
            place,
            text: text.into(),
            link,
        }
    }
}

impl Words {
    /// Checks whether the message reports a success.
    pub(crate) fn is_good_news(&self) -> bool {
        self.place == Success
    }

    fn busy(seconds: u64) -> Self {
        let text = match seconds {
            1 => "We could not do this right now, and nothing was changed. Please try again.".into(),
            _ => format!(
                "We are very busy right now, and nothing was changed. Please try again in {seconds} seconds."
            )
            .into(),
        };
        Self {
            place: Problem,
            text,
            link: None,
        }
    }

    fn failed(reference: Option<&str>) -> Self {
        let mut text = String::from(
            "Something went wrong on our side. Your input is not the cause. Please try again in a moment.",
        );
        if let Some(reference) = reference {
            text += &format!(
                " If this does not help, write to help@juniper.example and mention {reference}."
            );
        }
        Self {
            place: Problem,
            text: text.into(),
            link: None,
        }
    }
}

/// An internal failure never looks like a wrong password.
impl From<Unavailable> for Message {
    fn from(reason: Unavailable) -> Self {
        let seconds = |time: Duration| time.as_millis().div_ceil(1000).try_into().unwrap_or(60);
        match reason.retry_after {
            Some(time) => Self::Busy {
                seconds: seconds(time),
            },
            None => Self::Failed {
                reference: reason.action_invocation_id.map(|id| id.as_str().to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overloaded_server_tells_users_when_to_try_again() {
        let busy = Unavailable {
            retry_after: Some(Duration::from_millis(1500)),
            action_invocation_id: None,
        };
        let Words { place, text, .. } = Message::from(busy).words();
        assert_eq!(place, Problem);
        assert!(text.contains("nothing was changed"), "{text}");
        assert!(text.ends_with("try again in 2 seconds."), "{text}");
    }
}
