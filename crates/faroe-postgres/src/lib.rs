#![doc = include_str!("../README.md")]

mod database;
mod error;
mod options;
mod upgrade;

pub use faroe_sql::PoolOptions;
pub use sqlx;

pub use crate::{
    database::{Database, Outcome},
    error::{postgres_error, violated_unique_constraint},
    options::Options,
};
