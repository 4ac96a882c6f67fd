//! A field of a form, with its error.

use askama::Template;

use crate::message::Words;

pub(crate) const EMAIL_ADDRESS: &str = "email_address";
pub(crate) const CODE: &str = "code";
pub(crate) const PASSWORD: &str = "password";
pub(crate) const TEMPORARY_PASSWORD: &str = "temporary_password";

/// A field: its label, hint, error and input, linked for screen readers.
#[derive(Debug, Template)]
#[template(path = "field.html")]
pub(crate) struct Field<'a> {
    name: &'static str,
    label: &'a str,
    hint: &'a str,
    kind: Kind<'a>,
    /// The previous input.
    value: &'a str,
    error: Option<Words>,
}

#[derive(Debug)]
enum Kind<'a> {
    EmailAddress,
    /// A code from an email.
    Code,
    /// A password, with the value of `autocomplete`: `current-password` or `new-password`.
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

    /// Creates a field for an email address.
    pub(crate) fn email_address(label: &'a str) -> Self {
        Self::new(EMAIL_ADDRESS, label, Kind::EmailAddress)
    }

    /// Creates a field for the code that confirms an address.
    pub(crate) fn code() -> Self {
        Self::new(CODE, "Code", Kind::Code)
    }

    /// Creates a field for the temporary password of a password reset.
    pub(crate) fn temporary_password() -> Self {
        Self::new(TEMPORARY_PASSWORD, "Temporary password", Kind::Code)
    }

    /// Creates a field for the user's current password.
    pub(crate) fn current_password(label: &'a str) -> Self {
        Self::new(PASSWORD, label, Kind::Password("current-password"))
    }

    /// Creates a field for the user's new password.
    pub(crate) fn new_password(label: &'a str) -> Self {
        Self::new(PASSWORD, label, Kind::Password("new-password"))
    }

    /// Adds a hint.
    pub(crate) fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// Returns the field's name in the form.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Adds the previous input and the error. Codes and passwords are never shown again.
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

    /// Returns the IDs of the elements that describe the input.
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
