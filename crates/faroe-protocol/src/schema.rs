//! The protocol as data, for documentation and tests.

use crate::{
    action::{Action, ErrorCode, Field, INTERNAL_CONFLICT, INTERNAL_ERROR, Values},
    session::Session,
    signin::Signin,
    signup::Signup,
    types::WireType,
    user::User,
    user_deletion::UserDeletion,
    user_email_address_update::UserEmailAddressUpdate,
    user_password_reset::UserPasswordReset,
    user_password_update::UserPasswordUpdate,
};

/// The description of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSchema {
    /// The name on the wire.
    pub name: &'static str,
    /// The arguments, in order.
    pub arguments: &'static [Field],
    /// The arguments that a client may leave out, in order.
    pub optional_arguments: &'static [Field],
    /// The values of a successful invocation, in order.
    pub values: &'static [Field],
    /// The error codes that every client may meet, sorted.
    pub error_codes: Vec<&'static str>,
    /// Further error codes, sorted, that appear only where an extension is used: an optional argument, or a setting that asks
    /// for one.
    pub extension_error_codes: Vec<&'static str>,
}

impl ActionSchema {
    /// Describes the action `A`.
    pub fn of<A: Action>() -> Self {
        let names = |extensions: bool| -> Vec<_> {
            let codes = A::ErrorCode::ALL.iter();
            let codes = codes.filter(|code| A::ErrorCode::EXTENSIONS.contains(code) == extensions);
            codes.map(|code| code.as_str()).collect()
        };
        let (mut error_codes, mut extension_error_codes) = (names(false), names(true));
        error_codes.push(INTERNAL_ERROR);
        if A::MAY_CONFLICT {
            error_codes.push(INTERNAL_CONFLICT);
        }
        error_codes.sort_unstable();
        extension_error_codes.sort_unstable();
        Self {
            name: A::NAME,
            arguments: A::ARGUMENTS,
            optional_arguments: A::OPTIONAL_ARGUMENTS,
            values: A::Values::FIELDS,
            error_codes,
            extension_error_codes,
        }
    }
}

macro_rules! schemas {
    ($($action:path,)*) => { vec![$(ActionSchema::of::<$action>(),)*] };
}

/// Returns the actions of the server, in the protocol's order.
pub fn server_actions() -> Vec<ActionSchema> {
    crate::for_each_server_action!(schemas)
}

/// Returns the actions of a user server, in the protocol's order.
pub fn user_server_actions() -> Vec<ActionSchema> {
    crate::for_each_user_server_action!(schemas)
}

/// The name of a model in the protocol, and its fields.
pub type ModelSchema = (&'static str, &'static [Field]);

/// Returns the models of the server.
pub fn server_models() -> Vec<ModelSchema> {
    vec![
        (Signup::TYPE.name(), Signup::FIELDS),
        (Signin::TYPE.name(), Signin::FIELDS),
        (Session::TYPE.name(), Session::FIELDS),
        (
            UserEmailAddressUpdate::TYPE.name(),
            UserEmailAddressUpdate::FIELDS,
        ),
        (UserPasswordUpdate::TYPE.name(), UserPasswordUpdate::FIELDS),
        (UserDeletion::TYPE.name(), UserDeletion::FIELDS),
        (UserPasswordReset::TYPE.name(), UserPasswordReset::FIELDS),
    ]
}

/// Returns the models of a user server.
pub fn user_server_models() -> Vec<ModelSchema> {
    vec![(User::TYPE.name(), User::FIELDS)]
}
