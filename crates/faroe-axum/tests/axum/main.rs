//! An app behind the layer, over real HTTP, with a server in the same process and with one that is somewhere else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cookies;
mod cross_site;
mod endpoint;
mod ip_rate_limit;
mod sessions;
mod support;
