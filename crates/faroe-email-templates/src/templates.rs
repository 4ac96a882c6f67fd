//! Loading, checking and rendering templates.

mod context;
mod sources;

use std::{fmt, path::PathBuf};

use faroe_core::{email::EmailMessage, error::AdapterError, time::UnixTime};
use minijinja::{Environment, UndefinedBehavior, Value, value::Serde};

use self::{context::Context, sources::Sources};
use crate::{
    rendered::{EmailRenderer, RenderedEmail},
    words::one_line,
};

/// The settings of [`EmailTemplates`].
#[derive(Clone, Debug)]
pub struct EmailTemplatesOptions {
    /// The application's name, as users know it.
    pub product_name: String,
    /// The email address for questions. Default: none.
    pub support_address: Option<String>,
    /// The language: `en`, `de`, or any other if all of its files are provided. Default: `en`.
    pub locale: String,
    /// A folder whose files replace the built-in templates with the same path. Default: none.
    pub folder: Option<PathBuf>,
    /// Pairs of a path, such as `en/footer.jinja`, and a template. They take precedence over `folder`. Default: none.
    pub replacements: Vec<(String, String)>,
}

impl EmailTemplatesOptions {
    /// Creates settings for the built-in messages in English.
    pub fn new(product_name: impl Into<String>) -> Self {
        Self {
            product_name: product_name.into(),
            support_address: None,
            locale: "en".to_owned(),
            folder: None,
            replacements: Vec::new(),
        }
    }
}

/// A missing or invalid template. `Display` is one line that names the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailTemplatesError(String);

impl fmt::Display for EmailTemplatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EmailTemplatesError {}

/// Renders messages from templates.
///
/// In HTML, the output of every `{{ }}` is escaped. A display name is reduced to one line of at most 64 visible characters.
#[derive(Debug)]
pub struct EmailTemplates {
    environment: Environment<'static>,
    locale: String,
    product_name: String,
    support_address: String,
}

impl EmailTemplates {
    /// Reads the templates and renders every message once, so that errors surface here and not while a user waits for a
    /// code.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, if a template of the locale is missing, or if a template is invalid, uses an unknown
    /// variable or lacks the block `subject`.
    pub fn new(options: EmailTemplatesOptions) -> Result<Self, EmailTemplatesError> {
        let sources = Sources::collect(&options)?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in sources.templates() {
            environment
                .add_template_owned(name, source)
                .map_err(|error| invalid_template(&error))?;
        }
        let templates = Self {
            environment,
            locale: options.locale,
            product_name: one_line(&options.product_name),
            support_address: one_line(&options.support_address.unwrap_or_default()),
        };
        for message in samples() {
            templates
                .try_render(&message)
                .map_err(|error| invalid_template(&error))?;
        }
        Ok(templates)
    }

    fn try_render(&self, message: &EmailMessage) -> Result<RenderedEmail, minijinja::Error> {
        let context = |form| {
            Value::from(Serde(Context::new(
                message,
                form,
                &self.locale,
                &self.product_name,
                &self.support_address,
            )))
        };
        let template = |form| {
            let name = format!("{}/{}.{form}", self.locale, message.content.type_name());
            self.environment.get_template(&name)
        };
        let text = template("txt")?;
        let mut text = text.render_captured(context("txt"))?;
        let subject = text.with_state_mut(|state| state.render_block("subject"))?;
        Ok(RenderedEmail {
            subject: one_line(&subject),
            text: text.into_output(),
            html: template("html")?.render(context("html"))?,
        })
    }
}

impl EmailRenderer for EmailTemplates {
    fn render(&self, message: &EmailMessage) -> Result<RenderedEmail, AdapterError> {
        self.try_render(message).map_err(|error| {
            // The error's details can quote the message.
            let (name, line) = (error.name().unwrap_or("?"), error.line().unwrap_or(0));
            let cause = format!("{} in line {line} of {name}", error.kind());
            AdapterError::new("render an email", cause)
        })
    }
}

fn invalid_template(error: &minijinja::Error) -> EmailTemplatesError {
    let mut message = format!("invalid email template: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        message.push_str(&format!(": {error}"));
        source = error.source();
    }
    EmailTemplatesError(one_line(&message))
}

/// Returns every message, with a display name and without one.
fn samples() -> Vec<EmailMessage> {
    use faroe_core::email::EmailContent::{
        SignupEmailAddressVerificationCode, UserEmailAddressUpdateEmailAddressVerificationCode,
        UserEmailAddressUpdatedNotification, UserPasswordResetTemporaryPassword,
        UserPasswordUpdatedNotification, UserSignedInNotification,
    };
    let timestamp = UnixTime::from_milliseconds(0);
    let of_name = |name: &str| {
        let display_name = || name.to_owned();
        [
            SignupEmailAddressVerificationCode {
                code: "ABCDEFGH".into(),
            },
            UserEmailAddressUpdateEmailAddressVerificationCode {
                display_name: display_name(),
                code: "ABCDEFGH".into(),
            },
            UserPasswordResetTemporaryPassword {
                display_name: display_name(),
                temporary_password: "ABCDEFGHJKLM".into(),
            },
            UserSignedInNotification {
                display_name: display_name(),
                timestamp,
            },
            UserPasswordUpdatedNotification {
                display_name: display_name(),
                timestamp,
            },
            UserEmailAddressUpdatedNotification {
                display_name: display_name(),
                new_email_address: "new@example.com".to_owned(),
                timestamp,
            },
        ]
    };
    let contents = of_name("Ada").into_iter().chain(of_name(""));
    contents
        .map(|content| EmailMessage::new("ada@example.com", content))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::TYPES;

    #[test]
    fn there_is_a_sample_of_every_type() {
        let mut types: Vec<_> = samples()
            .iter()
            .map(|message| message.content.type_name())
            .collect();
        types.truncate(TYPES.len());
        assert_eq!(types, TYPES);
    }
}
