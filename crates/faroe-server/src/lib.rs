#![doc = include_str!("../README.md")]

mod arguments;
mod assembly;
mod configuration;
mod connections;
mod dev_mailbox;
mod error;
mod http;
mod instance;
pub mod logging;
mod open;

pub use arguments::{Arguments, Mode, Url};
pub use configuration::Configuration;
pub use error::StartError;
pub use instance::Instance;
