//! An app behind the layer, over real HTTP, with a server in the same process and with a remote one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cookies;
mod cross_site;
mod endpoint;
mod ip_rate_limit;
mod sessions;
mod support;
