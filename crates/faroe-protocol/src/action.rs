//! Actions as types: the fields are the arguments; name, values and error codes are associated.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::types::FieldType;

/// A remote procedure. The implementing type holds the arguments.
pub trait Action: Debug + Serialize + DeserializeOwned + Send + 'static {
    /// The name on the wire, such as `create_signup`.
    const NAME: &'static str;

    /// The arguments, in order.
    const ARGUMENTS: &'static [Field];

    /// The arguments that a client may leave out, in order.
    const OPTIONAL_ARGUMENTS: &'static [Field];

    /// True if the action may answer `internal_conflict`.
    const MAY_CONFLICT: bool;

    /// The values of a successful invocation.
    type Values: Values;

    /// The error codes of this action alone, without `internal_error` and `internal_conflict`.
    type ErrorCode: ErrorCode;
}

/// The values of a successful invocation of an action.
pub trait Values: Debug + Serialize + DeserializeOwned + Send + 'static {
    /// The values, in order.
    const FIELDS: &'static [Field];
}

/// The name and the type of an argument, a value or a model's field.
pub type Field = (&'static str, FieldType);

/// The values of an action that returns nothing: `{}` on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoValues {}

impl Values for NoValues {
    const FIELDS: &'static [Field] = &[];
}

/// The error codes that one action may answer.
pub trait ErrorCode: Debug + Copy + Eq + Send + Sync + 'static {
    /// All error codes of the action.
    const ALL: &'static [Self];

    /// The error codes among them that only clients meet that use an extension: an optional argument, or a setting of the
    /// server that asks for one.
    const EXTENSIONS: &'static [Self];

    /// Returns the code on the wire, such as `rate_limited`.
    fn as_str(self) -> &'static str;

    /// Returns the action's error code with this name, or `None`.
    fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|known| known.as_str() == code)
    }
}

/// The error code of a failure of the server. Any action may answer it.
pub const INTERNAL_ERROR: &str = "internal_error";

/// The error code of a conflict with a concurrent update: nothing was changed, and the client may retry.
pub const INTERNAL_CONFLICT: &str = "internal_conflict";

/// Declares an action: its name, its arguments, its values (omitted if there are none) and its own error codes. Optional
/// arguments and error codes of extensions follow those of the protocol. An action with optional arguments may get more of
/// them: mark it as `#[non_exhaustive]`; it has a constructor.
macro_rules! action {
    (
        $(#[$doc:meta])*
        $name:literal $(($never_conflicts:ident))?
        $action:ident { $($(#[$argument_doc:meta])* $argument:ident: $argument_type:ty,)* }
        $(optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* })?
        $(-> $values:ident { $($(#[$value_doc:meta])* $value:ident: $value_type:ty,)* })?
        | $error_code:ident { $($code:ident,)* }
        $(extension { $($extension:ident,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        pub struct $action {
            $(
                #[doc = concat!("The argument `", stringify!($argument), "`.")]
                $(#[$argument_doc])*
                pub $argument: $argument_type,
            )*
            $($(
                #[doc = concat!("The optional argument `", stringify!($optional), "`.")]
                $(#[$optional_doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$optional_type>,
            )*)?
        }

        crate::action::constructor_without_optional!(
            $action { $($argument: $argument_type,)* } $({ $($optional,)* })?
        );

        impl crate::action::Action for $action {
            const NAME: &'static str = $name;
            const ARGUMENTS: &'static [crate::action::Field] = crate::action::fields!($($argument: $argument_type,)*);
            const OPTIONAL_ARGUMENTS: &'static [crate::action::Field] =
                crate::action::fields!($($($optional: $optional_type,)*)?);
            const MAY_CONFLICT: bool = crate::action::may_conflict!($($never_conflicts)?);
            type Values = crate::action::values_type!($($values)?);
            type ErrorCode = $error_code;
        }

        $(
            #[doc = concat!("The values of `", $name, "`.")]
            #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
            #[non_exhaustive]
            pub struct $values {
                $(
                    #[doc = concat!("The value `", stringify!($value), "`.")]
                    $(#[$value_doc])*
                    pub $value: $value_type,
                )*
            }

            crate::action::constructor!($values new { $($value: $value_type,)* });

            impl crate::action::Values for $values {
                const FIELDS: &'static [crate::action::Field] = crate::action::fields!($($value: $value_type,)*);
            }
        )?

        #[doc = concat!("The error codes of `", $name, "`.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $error_code {
            $(
                #[doc = crate::error_code::error_code!($code meaning)]
                $code,
            )*
            $($(
                #[doc = crate::error_code::error_code!($extension meaning)]
                $extension,
            )*)?
        }

        impl crate::action::ErrorCode for $error_code {
            const ALL: &'static [Self] = &[$(Self::$code,)* $($(Self::$extension,)*)?];
            const EXTENSIONS: &'static [Self] = &[$($(Self::$extension,)*)?];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => crate::error_code::error_code!($code name),)*
                    $($(Self::$extension => crate::error_code::error_code!($extension name),)*)?
                }
            }
        }
    };
}

/// Declares a model: an object that is a value of an action. `Model::new` declares its constructor too.
macro_rules! model {
    (
        $(#[$doc:meta])*
        $name:literal
        $model:ident $(:: $new:ident)? { $($(#[$field_doc:meta])* $field:ident: $field_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub struct $model {
            $($(#[$field_doc])* pub $field: $field_type,)*
        }

        crate::action::constructor!($model $($new)? { $($field: $field_type,)* });

        impl $model {
            /// The fields, in order.
            pub const FIELDS: &'static [crate::action::Field] = crate::action::fields!($($field: $field_type,)*);
        }

        impl crate::types::WireType for $model {
            const TYPE: crate::types::FieldType = crate::types::FieldType::Model($name);
        }
    };
}

/// The constructor of a type that other crates cannot write as a literal, because it may grow.
macro_rules! constructor {
    ($type:ident { $($rest:tt)* }) => {};
    ($type:ident $new:ident { $($field:ident: $field_type:ty,)* }) => {
        impl $type {
            /// Creates it from its fields, in their order.
            pub fn $new($($field: $field_type),*) -> Self {
                Self { $($field),* }
            }
        }
    };
}

/// The constructor of an action with optional arguments, from the others.
macro_rules! constructor_without_optional {
    ($action:ident { $($rest:tt)* }) => {};
    ($action:ident { $($argument:ident: $argument_type:ty,)* } { $($optional:ident,)* }) => {
        impl $action {
            /// Creates it from its arguments, in their order, without the optional ones.
            pub fn new($($argument: $argument_type),*) -> Self {
                Self { $($argument,)* $($optional: None,)* }
            }
        }
    };
}

macro_rules! fields {
    ($($name:ident: $type:ty,)*) => {
        &[$((stringify!($name), <$type as crate::types::WireType>::TYPE),)*]
    };
}

macro_rules! values_type {
    () => {
        crate::action::NoValues
    };
    ($values:ident) => {
        $values
    };
}

macro_rules! may_conflict {
    () => {
        true
    };
    (never_conflicts) => {
        false
    };
}

pub(crate) use {
    action, constructor, constructor_without_optional, fields, may_conflict, model, values_type,
};
