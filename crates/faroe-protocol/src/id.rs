//! Identifiers. An ID grants no access: it may be shown and logged.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{FieldType, WireType};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Returns the ID as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl WireType for $name {
            const TYPE: FieldType = FieldType::String;
        }
    )*};
}

ids! {
    /// The ID of one invocation of an action. It connects a user's report to a log line.
    ActionInvocationId,
    /// The ID of a user, in the application's own form. It is compared byte by byte and never changed.
    UserId,
    /// The ID of a signup: 24 characters.
    SignupId,
    /// The ID of a signin: 24 characters.
    SigninId,
    /// The ID of a session: 24 characters.
    SessionId,
    /// The ID of a user email address update: 24 characters.
    UserEmailAddressUpdateId,
    /// The ID of a user password update: 24 characters.
    UserPasswordUpdateId,
    /// The ID of a user password reset: 24 characters.
    UserPasswordResetId,
    /// The ID of a user deletion: 24 characters.
    UserDeletionId,
}
