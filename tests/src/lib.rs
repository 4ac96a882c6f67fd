#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod binary;
pub mod client;
pub mod form;
pub mod server;
pub mod wire;
