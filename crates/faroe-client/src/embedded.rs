//! Clients of a server in this process.

pub use faroe_core::ServerAction;
use faroe_core::{InvocationError, InvocationErrorKind, Server};

use crate::{Client, ClientError, ClientErrorKind};

impl From<Server> for Client {
    fn from(server: Server) -> Self {
        Self::Embedded(server)
    }
}

impl<C> From<InvocationError<C>> for ClientError<C> {
    fn from(error: InvocationError<C>) -> Self {
        Self {
            action_invocation_id: Some(error.action_invocation_id),
            kind: match error.kind {
                InvocationErrorKind::Code(code) => ClientErrorKind::Code(code),
                InvocationErrorKind::InternalConflict => ClientErrorKind::InternalConflict,
                InvocationErrorKind::InternalError => ClientErrorKind::InternalError,
                InvocationErrorKind::Overloaded { retry_after } => ClientErrorKind::Overloaded {
                    retry_after: Some(retry_after),
                },
                // A kind of a later version: nothing is known of its effect.
                _ => ClientErrorKind::InternalError,
            },
        }
    }
}
