//! The section `email`.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use faroe_email_queue::EmailQueueOptions;
use faroe_email_templates::EmailTemplatesOptions;

use super::{secret::SecretPlace, section::section, value::Certificates};

/// The name of an application that does not give any.
const NO_NAME: &str = "Faroe";

section! {
    /// Content of emails, and the connection to what sends them.
    Email {
        /// Sender of emails, such as `Example <no-reply@example.com>`; SMTP needs it.
        #[flag = "--email-from ADDRESS"]
        from: Option<String>,
        /// Address that users reply to.
        reply_to: Option<String>,
        /// Name of your application in emails.
        #[otherwise = "the domain of `email.from`"]
        product_name: Option<String>,
        /// Address where users find help, named in emails.
        support_address: Option<String>,
        /// Language of emails: `en`, `de`, or one that your templates add.
        locale: String = "en",
        /// Folder of [templates](https://docs.rs/faroe-email-templates) that replace the built-in ones.
        templates: Option<PathBuf>,
        /// Password for the SMTP server, if the URL does not hold it.
        password: Option<SecretPlace>,
        /// Key that signs requests to a webhook, which needs one: a secret in base64 or an Ed25519 private key in PEM.
        signing_key: Option<SecretPlace>,
        /// Name of that key in signatures.
        signing_key_id: String = "faroe",
        /// Time limit for one email; the SMTP server may take three seconds longer to accept it.
        timeout: Duration = "7s",
        /// Number of simultaneous connections to the SMTP server.
        connections: NonZeroUsize = 8,
        /// Number of messages sent over one connection to the SMTP server.
        messages_per_connection: NonZeroU32 = 100,
        /// Number of notifications that wait to be sent; further ones are dropped.
        queue: NonZeroUsize = EmailQueueOptions::default().capacity,
        /// Certificate authorities, or the server's own certificate, to trust instead of the authorities that browsers trust.
        root_certificates: Option<Certificates>,
    }
}

impl Email {
    /// Returns the options of the templates. An application without a name is called by the domain of its address.
    pub(crate) fn templates(&self) -> EmailTemplatesOptions {
        let domain = || self.from.as_deref().and_then(domain);
        let name = self.product_name.as_deref().or_else(domain);
        let mut options = EmailTemplatesOptions::new(name.unwrap_or(NO_NAME));
        options.support_address.clone_from(&self.support_address);
        options.locale.clone_from(&self.locale);
        options.folder.clone_from(&self.templates);
        options
    }

    /// Returns the certificate authorities to trust, in PEM.
    pub(crate) fn root_certificates(&self) -> Option<String> {
        let certificates = self.root_certificates.as_ref();
        certificates.map(|certificates| certificates.pem().to_owned())
    }
}

/// Returns the domain of `name@example.com` or `Example <name@example.com>`.
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
            let email = Email {
                from: from.map(str::to_owned),
                product_name: product_name.map(str::to_owned),
                ..Email::default()
            };
            assert_eq!(email.templates().product_name, shown);
        }
    }
}
