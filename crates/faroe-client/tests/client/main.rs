//! Every action as a typed call, embedded and over real HTTP, and every kind of answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod dependencies;
mod every_action;
mod support;
