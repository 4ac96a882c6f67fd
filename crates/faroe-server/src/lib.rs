#![doc = include_str!("../README.md")]

mod answers;
mod arguments;
mod assembly;
mod check_config;
mod configuration;
mod connections;
mod dev_mailbox;
mod error;
mod http;
mod instance;
pub mod logging;
mod open;
mod open_email;
mod send_test_email;
mod user_server;

pub use arguments::{Arguments, Command, CommandLine, Mode, Url};
pub use check_config::check_config;
pub use configuration::{BreachCheck, Configuration};
pub use error::StartError;
pub use instance::Instance;
pub use send_test_email::send_test_email;
pub use user_server::UserServerInstance;
