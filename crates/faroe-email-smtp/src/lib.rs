#![doc = include_str!("../README.md")]

mod connection;
mod failure;
mod message;
mod options;
mod sender;
mod stream;
mod tls;

pub use options::{SmtpCredentials, SmtpOptions, SmtpSecurity};
pub use sender::SmtpEmailSender;
