#![doc = include_str!("../README.md")]

pub mod action;
pub mod client;
pub mod envelope;
pub mod error;
mod error_code;
pub mod fields;
pub mod id;
mod json;
pub mod response;
pub mod schema;
pub mod secret;
pub mod session;
pub mod signin;
pub mod signup;
mod table;
pub mod types;
pub mod user;
pub mod user_deletion;
pub mod user_email_address_update;
pub mod user_password_reset;
pub mod user_password_update;
