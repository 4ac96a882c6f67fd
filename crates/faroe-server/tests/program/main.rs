//! The program as it is run: its configuration, its HTTP surface, how it treats slow clients, and how it stops.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands;
mod configuration;
mod connections;
mod console;
mod email;
mod files;
mod hosts;
mod ip_rate_limit;
mod log;
mod mail_server;
mod password_hashes;
mod passwords;
mod readiness;
mod shutdown;
mod signup_fields;
mod support;
mod surface;
mod user_server;
