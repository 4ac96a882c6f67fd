//! The section `email` of the configuration file.

use std::{fs, num::NonZeroUsize, path::PathBuf, time::Duration};

use faroe_email_templates::EmailTemplatesOptions;
use serde::Deserialize;

use super::{secret::SecretPlace, value::HumaneDuration};
use crate::error::StartError;

/// What the application is called where it does not say.
const NO_NAME: &str = "Faroe";

/// What emails say, in whose name, and what it takes to send them.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    pub(crate) templates: EmailTemplatesOptions,
    pub(crate) from: Option<String>,
    pub(crate) reply_to: Option<String>,
    /// Signs in to the SMTP server.
    pub(crate) password: Option<SecretPlace>,
    /// Signs requests to the webhook, under this ID.
    pub(crate) signing_key: Option<(String, SecretPlace)>,
    pub(crate) timeout: Duration,
    /// To the SMTP server, at once.
    pub(crate) connections: usize,
    /// The only certificate authorities to trust, in PEM.
    pub(crate) root_certificates: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EmailSection {
    from: Option<String>,
    reply_to: Option<String>,
    product_name: Option<String>,
    support_address: Option<String>,
    locale: Option<String>,
    templates: Option<PathBuf>,
    password: Option<SecretPlace>,
    signing_key: Option<SecretPlace>,
    signing_key_id: Option<String>,
    timeout: Option<HumaneDuration>,
    connections: Option<NonZeroUsize>,
    root_certificates: Option<PathBuf>,
}

impl EmailSection {
    /// Reads the certificates. Secrets are read when they are used: development mode needs none.
    pub(super) fn resolve(self, from: Option<String>) -> Result<Email, StartError> {
        let from = from.or(self.from);
        let product_name = self
            .product_name
            .or_else(|| from.as_deref().and_then(domain).map(str::to_owned))
            .unwrap_or_else(|| NO_NAME.to_owned());
        let templates = EmailTemplatesOptions {
            support_address: self.support_address,
            locale: self.locale.unwrap_or_else(|| "en".to_owned()),
            folder: self.templates,
            ..EmailTemplatesOptions::new(product_name)
        };
        let id = self.signing_key_id.unwrap_or_else(|| "faroe".to_owned());
        let root_certificates = self.root_certificates.map(|path| {
            fs::read_to_string(&path).map_err(|error| {
                let path = path.display();
                StartError::because(
                    format!("email.root_certificates: could not read {path}"),
                    &error,
                )
            })
        });
        Ok(Email {
            templates,
            from,
            reply_to: self.reply_to,
            password: self.password,
            signing_key: self.signing_key.map(|key| (id, key)),
            timeout: self
                .timeout
                .map_or(Duration::from_secs(7), |timeout| timeout.0),
            connections: self.connections.map_or(8, NonZeroUsize::get),
            root_certificates: root_certificates.transpose()?,
        })
    }
}

/// The domain of `name@example.com` or `Example <name@example.com>`.
fn domain(from: &str) -> Option<&str> {
    let (_, domain) = from.rsplit_once('@')?;
    Some(domain.trim_end_matches('>')).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_without_a_name_has_that_of_its_domain() {
        for (from, product_name, shown) in [
            (None, None, "Faroe"),
            (Some("no-reply@example.com"), None, "example.com"),
            (Some("Us <no-reply@example.com>"), None, "example.com"),
            (Some("no-reply@example.com"), Some("Example"), "Example"),
        ] {
            let section = EmailSection {
                product_name: product_name.map(str::to_owned),
                ..EmailSection::default()
            };
            let email = section.resolve(from.map(str::to_owned)).unwrap();
            assert_eq!(email.templates.product_name, shown);
        }
    }
}
