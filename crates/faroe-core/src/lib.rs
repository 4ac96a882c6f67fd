#![doc = include_str!("../README.md")]

pub mod client;
pub mod email;
pub mod error;
pub mod log;
pub mod password;
mod random;
pub mod storage;
pub mod time;
pub mod user_store;

pub use faroe_protocol as protocol;
