//! The one error of all adapters.

use std::{borrow::Cow, error::Error, fmt};

/// An adapter failed: a database is away, a request timed out, an answer made no sense.
///
/// What is expected to happen is never an error but an outcome of the call. An error is opaque: the core logs it with
/// its whole chain of sources and answers `internal_error`; nothing is decided by what it says. It must not contain
/// anything secret, nor what a caller sent.
#[derive(Debug)]
pub struct AdapterError {
    operation: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
    conflict: bool,
}

impl AdapterError {
    /// A failure of `operation` (lower case, such as `update an entry in SQLite`), caused by `source`.
    pub fn new(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation: operation.into(),
            source: Some(source.into()),
            conflict: false,
        }
    }

    /// A lost race that changed nothing, so that the same call may be tried again: the action answers
    /// `internal_conflict`. A database's serialization failure is one.
    pub fn conflict(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            conflict: true,
            ..Self::new(operation, source)
        }
    }

    /// A failure that has no cause to name.
    pub fn message(operation: impl Into<Cow<'static, str>>) -> Self {
        Self {
            operation: operation.into(),
            source: None,
            conflict: false,
        }
    }

    /// Whether it was made by [`AdapterError::conflict`].
    pub fn is_conflict(&self) -> bool {
        self.conflict
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)
    }
}

impl Error for AdapterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Writes an error and all its sources on one line, `outermost: …: root cause`, as it belongs in a log.
#[derive(Debug)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
