#![doc = include_str!("../README.md")]

mod database;
mod error;
mod options;
mod upgrade;

pub use faroe_sql::PoolOptions;
pub use sqlx;

pub use crate::{
    database::{Database, MySqlQuery, Outcome},
    error::{mysql_error, violated_unique_index},
    options::Options,
};
