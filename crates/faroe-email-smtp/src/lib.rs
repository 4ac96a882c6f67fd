#![doc = include_str!("../README.md")]

mod address;
mod authentication;
mod connection;
mod failure;
mod message;
mod options;
mod sender;
mod starttls;
mod stream;
mod transaction;

pub use options::{SmtpCredentials, SmtpOptions, SmtpSecurity};
pub use sender::SmtpEmailSender;
