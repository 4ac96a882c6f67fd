//! A field of a form, with what is wrong with it.

use askama::Template;

use crate::message::Words;

pub(crate) const EMAIL_ADDRESS: &str = "email_address";
pub(crate) const CODE: &str = "code";
pub(crate) const PASSWORD: &str = "password";
pub(crate) const TEMPORARY_PASSWORD: &str = "temporary_password";

/// One field: its label, a hint, the message about it, and the input, tied together for those who cannot see them.
#[derive(Debug, Template)]
#[template(path = "field.html")]
pub(crate) struct Field<'a> {
    name: &'static str,
    label: &'a str,
    hint: &'a str,
    kind: Kind<'a>,
    /// What was typed before.
    value: &'a str,
    error: Option<Words>,
}

#[derive(Debug)]
enum Kind<'a> {
    EmailAddress,
    /// A code from an email.
    Code,
    /// What browsers and password managers call it: `current-password` or `new-password`.
    Password(&'a str),
}

impl<'a> Field<'a> {
    fn new(name: &'static str, label: &'a str, kind: Kind<'a>) -> Self {
        Self {
            name,
            label,
            hint: "",
            kind,
            value: "",
            error: None,
        }
    }

    /// An email address.
    pub(crate) fn email_address(label: &'a str) -> Self {
        Self::new(EMAIL_ADDRESS, label, Kind::EmailAddress)
    }

    /// The code that proves that an address can be read.
    pub(crate) fn code() -> Self {
        Self::new(CODE, "Code", Kind::Code)
    }

    /// The temporary password of a password reset.
    pub(crate) fn temporary_password() -> Self {
        Self::new(TEMPORARY_PASSWORD, "Temporary password", Kind::Code)
    }

    /// The user's password as it is.
    pub(crate) fn current_password(label: &'a str) -> Self {
        Self::new(PASSWORD, label, Kind::Password("current-password"))
    }

    /// The user's password as it will be.
    pub(crate) fn new_password(label: &'a str) -> Self {
        Self::new(PASSWORD, label, Kind::Password("new-password"))
    }

    /// What helps before anything is wrong.
    pub(crate) fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// The name in the form.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Shows what was typed, and what is wrong with it. A password is never shown.
    pub(crate) fn again(self, typed: &'a str, error: Option<Words>) -> Self {
        let value = match self.kind {
            Kind::EmailAddress => typed,
            Kind::Code | Kind::Password(_) => "",
        };
        Self {
            value,
            error,
            ..self
        }
    }

    /// What describes the input, by ID.
    fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        [error, hint]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }
}
