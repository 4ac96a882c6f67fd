//! The error type of all adapters.

use std::{borrow::Cow, error::Error, fmt};

/// A failure of an adapter: a database is unavailable, a request timed out, an answer is invalid.
///
/// Expected outcomes are values, never errors. An error is opaque: the core logs it with its whole chain of sources,
/// answers `internal_error`, and decides nothing by its content, apart from the two kinds of errors that have changed
/// nothing: a [conflict](Self::conflict) and a [refusal](Self::refusal). It must contain neither secrets nor arguments of a
/// caller.
#[derive(Debug)]
pub struct AdapterError {
    operation: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
    kind: Kind,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The outcome of a write is unknown.
    Failure,
    Conflict,
    Refusal,
    Unavailable,
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
            kind: Kind::Failure,
        }
    }

    /// Creates the error of a call that lost to a concurrent update and changed nothing, such as a serialization
    /// failure of a database. The same call may be retried, and the action answers `internal_conflict`.
    pub fn conflict(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind: Kind::Conflict,
            ..Self::new(operation, source)
        }
    }

    /// Creates the error of a call that the application's own rules refused and that changed nothing: a constraint, a
    /// trigger or a foreign key of the users table. The same call would be refused again, so the core ends the flow
    /// instead of letting the client retry it.
    pub fn refusal(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind: Kind::Refusal,
            ..Self::new(operation, source)
        }
    }

    /// Creates the error of a service that is not there at the moment: nothing listens, the connection broke, it is
    /// starting, or it did not answer in time. The outcome of a write is unknown. A program that starts may wait for the
    /// service.
    pub fn unavailable(
        operation: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind: Kind::Unavailable,
            ..Self::new(operation, source)
        }
    }

    /// Creates an error without a source. Write `operation: cause`, such as `increment a counter: it is at its
    /// maximum`.
    pub fn message(operation: impl Into<Cow<'static, str>>) -> Self {
        Self {
            operation: operation.into(),
            source: None,
            kind: Kind::Failure,
        }
    }

    /// Returns true for errors created by [`AdapterError::conflict`].
    pub fn is_conflict(&self) -> bool {
        self.kind == Kind::Conflict
    }

    /// Returns true for errors that are, or are caused by, one created by [`AdapterError::unavailable`].
    pub fn is_unavailable(&self) -> bool {
        let mut error: &(dyn Error + 'static) = self;
        loop {
            let own = error.downcast_ref::<Self>();
            if own.is_some_and(|error| error.kind == Kind::Unavailable) {
                return true;
            }
            match error.source() {
                Some(source) => error = source,
                None => return false,
            }
        }
    }

    /// Returns true for errors created by [`AdapterError::refusal`].
    pub fn is_refusal(&self) -> bool {
        self.kind == Kind::Refusal
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
