//! The templates: found, checked, rendered.

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

/// What messages say about the application, and in which words.
#[derive(Clone, Debug)]
pub struct EmailTemplatesOptions {
    /// The name of the application, as its users know it.
    pub product_name: String,
    /// Where users can ask for help; an email address. Default: nowhere.
    pub support_address: Option<String>,
    /// The language: `en` or `de`, or another one if every file of it is given. Default: `en`.
    pub locale: String,
    /// Files in this folder replace the built-in ones that have the same path. Default: none do.
    pub folder: Option<PathBuf>,
    /// Pairs of a path, such as `en/footer.jinja`, and a template that replaces the one of that path, in the folder too.
    /// Default: none.
    pub replacements: Vec<(String, String)>,
}

impl EmailTemplatesOptions {
    /// The built-in messages in English, for an application of this name.
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

/// A template is missing, is none, or cannot be rendered. `Display` is one line that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailTemplatesError(String);

impl fmt::Display for EmailTemplatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EmailTemplatesError {}

/// Renders messages with templates.
///
/// Whatever stands between `{{ }}` is escaped in HTML. A display name is on one line, without characters that are not
/// seen, and cut after 64.
#[derive(Debug)]
pub struct EmailTemplates {
    environment: Environment<'static>,
    locale: String,
    product_name: String,
    support_address: String,
}

impl EmailTemplates {
    /// Reads the templates and renders every message once, so that a mistake is found now and not when a user waits for a
    /// code.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a locale that is not complete, or a template that is none, names a variable that does
    /// not exist or lacks the block `subject`.
    pub fn new(options: EmailTemplatesOptions) -> Result<Self, EmailTemplatesError> {
        let sources = Sources::collect(&options)?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in sources.templates() {
            environment
                .add_template_owned(name, source)
                .map_err(|error| not_a_template(&error))?;
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
                .map_err(|error| not_a_template(&error))?;
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
            // Its details may quote the message.
            let (name, line) = (error.name().unwrap_or("?"), error.line().unwrap_or(0));
            let cause = format!("{} in line {line} of {name}", error.kind());
            AdapterError::new("render an email", cause)
        })
    }
}

fn not_a_template(error: &minijinja::Error) -> EmailTemplatesError {
    let mut message = format!("an email template makes no sense: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        message.push_str(&format!(": {error}"));
        source = error.source();
    }
    EmailTemplatesError(one_line(&message))
}

/// Each message, with a name and without.
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
        .map(|content| EmailMessage {
            to: "ada@example.com".to_owned(),
            content,
        })
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
