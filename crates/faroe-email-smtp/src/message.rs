//! The envelope and the bytes of a message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use faroe_core::{
    email::EmailFate,
    error::AdapterError,
    random,
    time::{Clock, SystemClock},
};
use faroe_email_templates::RenderedEmail;
use lettre::{
    Message,
    address::{AddressError, Envelope},
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::address::in_ascii;

/// Writes messages from one sender.
#[derive(Clone, Debug)]
pub(crate) struct Composer {
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Composer {
    pub(crate) fn new(from: &str, reply_to: Option<&str>) -> Result<Self, AdapterError> {
        Ok(Self {
            from: mailbox("from", from)?,
            reply_to: reply_to.map(|text| mailbox("reply_to", text)).transpose()?,
        })
    }

    /// Returns the domain of the sender's address, in ASCII.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Returns the envelope, which has exactly one recipient, and the bytes of the message.
    ///
    /// The message has exactly these headers: From, Reply-To if configured, To, Subject, Date, Message-ID, Auto-Submitted,
    /// MIME-Version, Content-Type. It has one text part and one HTML part, both encoded as ASCII.
    pub(crate) fn compose(
        &self,
        to: &str,
        email: &RenderedEmail,
    ) -> Result<(Envelope, Vec<u8>), AdapterError> {
        let to = in_ascii(to).ok_or_else(|| {
            EmailFate::RecipientRefused.error(
                "write an email",
                "the recipient's address is invalid in email",
            )
        })?;
        let from = self.from.email.clone();
        let envelope = Envelope::new(Some(from), vec![to.clone()])
            .map_err(|error| AdapterError::new("write the envelope of an email", error))?;
        let auto_submitted = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(email.subject.as_str())
            .date(now())
            .message_id(Some(format!("<{}@{}>", random::id(), self.domain())))
            .raw_header(auto_submitted)
            .envelope(envelope.clone());
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let parts = MultiPart::alternative_plain_html(email.text.clone(), email.html.clone());
        let message = message.multipart(parts);
        let message = message.map_err(|error| AdapterError::new("write an email", error))?;
        Ok((envelope, message.formatted()))
    }
}

fn mailbox(setting: &str, text: &str) -> Result<Mailbox, AdapterError> {
    let failed = |cause: String| {
        let operation = format!("read `{setting}` (for example \"Example <name@example.com>\")");
        AdapterError::new(operation, cause)
    };
    let mailbox: Mailbox = text
        .parse()
        .map_err(|error: AddressError| failed(error.to_string()))?;
    let email = in_ascii(mailbox.email.as_ref())
        .ok_or_else(|| failed("only the domain may have letters outside of ASCII".to_owned()))?;
    Ok(Mailbox::new(mailbox.name, email))
}

fn now() -> SystemTime {
    let milliseconds = u64::try_from(SystemClock.now().as_milliseconds()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_millis(milliseconds)
}
