//! The error type of all adapters.

use std::{borrow::Cow, error::Error, fmt};

/// A failure of an adapter: a database is unavailable, a request timed out, an answer is invalid.
///
/// Expected outcomes are values, never errors. An error is opaque: the core logs it with its whole chain of sources,
/// answers `internal_error`, and decides nothing by its content. It must contain neither secrets nor arguments of a
/// caller.
#[derive(Debug)]
pub struct AdapterError {
    operation: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
    conflict: bool,
}

impl AdapterError {
    /// Creates the error of an `operation` (lower case, such as `update an entry in SQLite`) caused by `source`.
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

    /// Creates the error of a call that lost to a concurrent update and changed nothing, such as a serialization
    /// failure of a database. The same call may be retried, and the action answers `internal_conflict`.
    pub fn conflict(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            conflict: true,
            ..Self::new(operation, source)
        }
    }

    /// Creates an error without a source. Write `operation: cause`, such as `increment a counter: it is at its
    /// maximum`.
    pub fn message(operation: impl Into<Cow<'static, str>>) -> Self {
        Self {
            operation: operation.into(),
            source: None,
            conflict: false,
        }
    }

    /// Returns true for errors created by [`AdapterError::conflict`].
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

/// Displays an error and all its sources on one line for a log: `outermost: …: root cause`.
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
