//! Rendered messages and the trait that renders them.

use std::fmt;

use faroe_core::{email::EmailMessage, error::AdapterError};
use zeroize::ZeroizeOnDrop;

/// A message that is ready to be sent. It can contain a code, so `Debug` shows nothing, and it is wiped from memory when
/// dropped.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct RenderedEmail {
    /// The subject: one line without control characters. It never contains a code, because mail servers log subjects.
    pub subject: String,
    /// The text part. Lines end with a line feed.
    pub text: String,
    /// The HTML part, a complete document.
    pub html: String,
}

impl fmt::Debug for RenderedEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedEmail").finish_non_exhaustive()
    }
}

/// Renders messages as text and HTML.
///
/// # Contract
///
/// The result contains the information of the message and nothing else. `subject` is one line.
///
/// # Errors
///
/// An error means that the message cannot be sent. It must not contain any of the message's content.
///
/// # Concurrency
///
/// Called from many tasks at once. Implementations must not block.
///
/// # Implementing
///
/// To write a single message in code, implement this trait and pass the other messages on to
/// [`EmailTemplates`](crate::EmailTemplates). Treat display names as hostile input: escape them, and expect line breaks.
pub trait EmailRenderer: fmt::Debug + Send + Sync + 'static {
    /// Renders a message.
    ///
    /// # Errors
    ///
    /// Fails if the message cannot be rendered, for example because of an error in a template.
    fn render(&self, message: &EmailMessage) -> Result<RenderedEmail, AdapterError>;
}

const _OBJECT_SAFE: Option<&dyn EmailRenderer> = None;
