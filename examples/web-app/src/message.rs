//! Every word that a form answers with.

use std::{borrow::Cow, time::Duration};

use faroe_axum::Unavailable;
use serde::{Deserialize, Serialize};

use self::Place::{Field, Problem, Success};
use crate::field::{CODE, EMAIL_ADDRESS, PASSWORD, TEMPORARY_PASSWORD};

/// What a user is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    // About what was typed.
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
    // About everything else that stands in the way.
    CodeNotSent,
    DeletionEnded,
    EmailChangeEnded,
    PasswordChangeEnded,
    PasswordResetEnded,
    SignInEnded,
    SignInFirst,
    SignUpEnded,
    UserDisabled,
    /// Too much to do, or somebody else was faster.
    Busy {
        seconds: u64,
    },
    /// A failure of ours.
    Failed {
        reference: Option<String>,
    },
    NotFound,
    // About what was done.
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

/// How a message is shown.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) place: Place,
    pub(crate) text: Cow<'static, str>,
    /// What helps: where it leads, and what it says.
    pub(crate) link: Option<(&'static str, &'static str)>,
}

/// Where a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the field of this name.
    Field(&'static str),
    /// Above everything, as a problem.
    Problem,
    /// Above everything, as good news.
    Success,
}

const SIGN_IN: (&str, &str) = ("/sign-in", "Sign in");
const SIGN_UP: (&str, &str) = ("/sign-up", "Create an account");
const FORGOT: (&str, &str) = ("/forgot-password", "get a new password");

impl Message {
    /// Where and how it is said.
    pub(crate) fn words(&self) -> Words {
        let (place, text, link) = match self {
            Self::EmailAddressInvalid => (
                Field(EMAIL_ADDRESS),
                "We cannot send to this address. It should look like name@example.com.",
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
                "There is no account with this address. Check its spelling, capital letters too.",
                Some(SIGN_UP),
            ),
            Self::EmailAddressTaken => (
                Field(EMAIL_ADDRESS),
                "An account has this address already, perhaps this one. Enter another.",
                None,
            ),
            Self::EmailAddressUsed => (
                Field(EMAIL_ADDRESS),
                "There is an account with this address already.",
                Some(SIGN_IN),
            ),
            Self::CodeIncomplete => (
                Field(CODE),
                "The code has 8 letters and digits. Enter all of them.",
                None,
            ),
            Self::CodeIncorrect => (
                Field(CODE),
                "This is not the code that we sent. Copy it from the newest email.",
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
                "This is too easy to guess. Try a few words that have nothing to do with each other.",
                None,
            ),
            Self::TemporaryPasswordIncomplete => (
                Field(TEMPORARY_PASSWORD),
                "The temporary password has 12 letters and digits. Enter all of them.",
                None,
            ),
            Self::TemporaryPasswordIncorrect => (
                Field(TEMPORARY_PASSWORD),
                "This is not the temporary password that we sent. Copy it from the newest email.",
                None,
            ),
            Self::TooManyCodes => (
                Field(CODE),
                "Too many attempts. Wait a minute, then enter the code again.",
                None,
            ),
            Self::TooManyEmails => (
                Field(EMAIL_ADDRESS),
                "We have sent several emails to this address already. Look in the spam folder, or come back in half an hour.",
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
                "We cannot send the code again so soon. Each of our emails has the same code; look in the spam folder too.",
                None,
            ),
            Self::DeletionEnded => (
                Problem,
                "Something has changed meanwhile, and your account is still there. Please try again.",
                None,
            ),
            Self::EmailChangeEnded => (
                Problem,
                "That change has ended before it was complete. Your address is still the old one. Please start again.",
                None,
            ),
            Self::PasswordChangeEnded => (
                Problem,
                "That change has ended before it was complete. Your password is still the old one. Please start again.",
                None,
            ),
            Self::PasswordResetEnded => (
                Problem,
                "That temporary password is no longer valid. It lasts 20 minutes, and ends when your password or address changes. Please ask for another.",
                None,
            ),
            Self::SignInEnded => (
                Problem,
                "Something has changed while you were signing in. Please try again.",
                None,
            ),
            Self::SignInFirst => (Problem, "Please sign in first.", None),
            Self::SignUpEnded => (
                Problem,
                "That sign-up has ended: there are 20 minutes for it. Please start again.",
                None,
            ),
            Self::UserDisabled => (
                Problem,
                "This account is switched off. Write to help@juniper.example if you think that is wrong.",
                None,
            ),
            Self::Busy { seconds } => return Words::busy(*seconds),
            Self::Failed { reference } => return Words::failed(reference.as_deref()),
            Self::NotFound => (
                Problem,
                "There is no page here. Check the address, or go on from the front page.",
                None,
            ),
            Self::AccountDeleted => (
                Success,
                "Your account is deleted, with everything in it. Goodbye.",
                None,
            ),
            Self::CodeSent => (
                Success,
                "We have sent the code again. It is the same one: any of the emails will do.",
                None,
            ),
            Self::EmailAddressChanged => (
                Success,
                "Your address is changed. Use the new one to sign in.",
                None,
            ),
            Self::PasswordChanged => (
                Success,
                "Your password is changed. You are signed out everywhere but here.",
                None,
            ),
            Self::PasswordReset => (
                Success,
                "Your new password is set, and you are signed in. You are signed out everywhere else.",
                None,
            ),
            Self::PasswordResetButSignedOut => {
                (Success, "Your new password is set. Sign in with it.", None)
            }
            Self::SignedOut => (Success, "You are signed out.", None),
            Self::SignedOutEverywhere => (
                Success,
                "You are signed out everywhere, here as well.",
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
    /// Whether everything is well.
    pub(crate) fn is_good_news(&self) -> bool {
        self.place == Success
    }

    fn busy(seconds: u64) -> Self {
        let text = match seconds {
            1 => "We could not do this right now, and nothing was changed. Please try again.".into(),
            _ => format!(
                "We have a lot to do right now, and nothing was changed. Please try again in {seconds} seconds."
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
            "Something went wrong on our side. It is nothing that you typed. Please try again in a moment.",
        );
        if let Some(reference) = reference {
            text += &format!(
                " If it does not help, write to help@juniper.example and mention {reference}."
            );
        }
        Self {
            place: Problem,
            text: text.into(),
            link: None,
        }
    }
}

/// A failure of ours never looks like a wrong password.
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
    fn who_comes_too_early_is_told_when_to_come_back() {
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
