#![doc = include_str!("../README.md")]

mod changes;
mod database;
mod error;
mod job;
mod open;
mod place;
mod reader;
mod remembered;
mod upgrade;
mod writer;

pub use rusqlite;

pub use crate::{
    database::Database, error::sqlite_error, open::Synchronous, remembered::Remembered,
};
