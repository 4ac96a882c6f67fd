#![doc = include_str!("../README.md")]

mod answers;
mod assembly;
mod check_config;
mod command_line;
mod configuration;
mod connections;
mod dev_mailbox;
mod error;
mod hosts;
mod http;
mod instance;
pub mod logging;
mod open;
mod readiness;
mod role;
mod send_test_email;
mod user_server;

pub use check_config::check_config;
pub use command_line::{Command, CommandLine};
pub use configuration::{Configuration, Mode, Sources, config_reference};
pub use error::StartError;
pub use instance::Instance;
pub use send_test_email::send_test_email;
pub use user_server::UserServerInstance;
