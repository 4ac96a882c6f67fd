//! The ways in which an action fails to return its values.

use faroe_protocol::action::ErrorCode;

use crate::error::AdapterError;

/// The reason why an action returns no values: one of its own error codes, named where the action decides, or a fault.
#[derive(Debug)]
pub(crate) enum Refusal<C> {
    Code(C),
    Fault(Fault),
}

impl<C: ErrorCode> From<C> for Refusal<C> {
    fn from(code: C) -> Self {
        Self::Code(code)
    }
}

impl<C> From<Fault> for Refusal<C> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A failure that has no error code of its own. Propagated with `?`.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A concurrent update won, and this action has changed nothing.
    Conflict,
    /// The hashing queue is full, or too many flows have begun, and this action has changed nothing.
    Overloaded,
    /// An adapter failed, or reports a conflict ([`AdapterError::is_conflict`]).
    Adapter(AdapterError),
}

impl Fault {
    /// Checks whether a concurrent update won and nothing was changed.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Conflict => true,
            Self::Overloaded => false,
            Self::Adapter(error) => error.is_conflict(),
        }
    }

    /// Checks whether the user store refused the call by a rule of the application.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Adapter(error) if error.is_refusal())
    }

    /// Returns the fault of a step that follows a change: a conflict is then a failure, because something was changed.
    pub(crate) fn after_a_change(self) -> Self {
        if self.is_conflict() {
            Self::Adapter(AdapterError::message(
                "finish an action: a concurrent update won after a change",
            ))
        } else {
            self
        }
    }
}

impl From<AdapterError> for Fault {
    fn from(error: AdapterError) -> Self {
        Self::Adapter(error)
    }
}
