//! What a mail program shows.

use std::fmt;

use faroe_core::{email::EmailMessage, error::AdapterError};
use zeroize::ZeroizeOnDrop;

/// A message, ready to be sent. It may hold a code: it is not shown by `Debug`, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct RenderedEmail {
    /// One line, without control characters. It never holds the code: mail servers log subjects.
    pub subject: String,
    /// The text part. Lines end with a line feed.
    pub text: String,
    /// The HTML part, a whole document.
    pub html: String,
}

impl fmt::Debug for RenderedEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedEmail").finish_non_exhaustive()
    }
}

/// Puts messages into words.
///
/// # Contract
///
/// The result tells what the message tells, and nothing else. `subject` is one line.
///
/// # Errors
///
/// `Err` means that the message cannot be sent. The error must not contain the message.
///
/// # Concurrency
///
/// Called from many tasks at once; it must not block.
///
/// # Implementing
///
/// To write one message in code, implement this and leave the others to [`EmailTemplates`](crate::EmailTemplates). A
/// display name is hostile until it is escaped, and may hold line breaks.
pub trait EmailRenderer: fmt::Debug + Send + Sync + 'static {
    /// Renders a message.
    ///
    /// # Errors
    ///
    /// It cannot be rendered, as for a template that makes no sense of it.
    fn render(&self, message: &EmailMessage) -> Result<RenderedEmail, AdapterError>;
}

const _OBJECT_SAFE: Option<&dyn EmailRenderer> = None;
