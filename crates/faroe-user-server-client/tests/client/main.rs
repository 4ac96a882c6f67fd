//! The client of a user server, against good ones, lossy ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fields;
mod hostile;
mod letter_case;
mod lost_answers;
mod operations;
mod over_http;
mod scripted;
