//! Identifiers. An ID names a thing and opens nothing: it may be shown and logged.

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
            /// The ID as text.
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
    /// Names one invocation of one action. It connects a user's report to a log line.
    ActionInvocationId,
    /// Names a user. Its form is the application's own; it is compared byte by byte and never changed.
    UserId,
    /// Names a signup: 24 characters.
    SignupId,
    /// Names a signin: 24 characters.
    SigninId,
    /// Names a session: 24 characters.
    SessionId,
    /// Names a user email address update: 24 characters.
    UserEmailAddressUpdateId,
    /// Names a user password update: 24 characters.
    UserPasswordUpdateId,
    /// Names a user password reset: 24 characters.
    UserPasswordResetId,
    /// Names a user deletion: 24 characters.
    UserDeletionId,
}
