//! The storages that servers are measured on.

use std::env;

use anyhow::{Context, Result};
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Memory,
    Sqlite,
    Postgres,
    Mysql,
    Redis,
    RedisCluster,
}

impl Backend {
    pub(crate) fn name(self) -> String {
        let name = self.to_possible_value().expect("no storage is skipped");
        name.get_name().to_owned()
    }

    /// Returns the URL of the database from the environment.
    pub(crate) fn url(self) -> Result<String> {
        let name = self.name().to_uppercase().replace('-', "_");
        let variable = format!("FAROE_TEST_{name}_URL");
        env::var(&variable).with_context(|| format!("{variable} is not set"))
    }

    /// Returns the server's setting `storage`.
    pub(crate) fn storage(self) -> Result<String> {
        match self {
            Self::Memory => Ok("memory:".to_owned()),
            Self::Sqlite => Ok("sqlite:storage.sqlite3".to_owned()),
            Self::RedisCluster => Ok(self.url()?.replacen("redis://", "redis+cluster://", 1)),
            Self::Postgres | Self::Mysql | Self::Redis => self.url(),
        }
    }

    /// Returns the server's setting `user_store`: the same database if it can have users, or else a file of SQLite.
    pub(crate) fn user_store(self) -> Result<String> {
        match self {
            Self::Postgres | Self::Mysql => self.url(),
            _ => Ok("sqlite:users.sqlite3".to_owned()),
        }
    }
}
