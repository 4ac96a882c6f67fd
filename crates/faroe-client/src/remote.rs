//! The bound of actions when the server is not compiled.

use faroe_protocol::{action::Action, for_each_server_action};

/// An action that a server has code for: every action in the protocol's table.
pub trait ServerAction: Action {}

macro_rules! server_actions {
    ($($action:ty,)*) => {
        $(impl ServerAction for $action {})*
    };
}

for_each_server_action!(server_actions);
