//! The databases that the step of a backend tests against.

use crate::services::Service::{self, MariaDb, Postgres, Redis, RedisCluster};

/// A kind of database.
#[derive(Debug)]
pub(crate) struct Backend {
    /// The name of the step. Names of its packages end with it, and names of its tests in `tests/tests/backends` begin with it.
    pub(crate) name: &'static str,
    /// The services that its tests need.
    pub(crate) services: &'static [Service],
}

/// All backends, in the order of their tests.
pub(crate) const BACKENDS: &[Backend] = &[
    Backend {
        name: "postgres",
        services: &[Postgres],
    },
    Backend {
        name: "mysql",
        services: &[MariaDb],
    },
    Backend {
        name: "redis",
        services: &[Redis, RedisCluster],
    },
];

impl Backend {
    /// Checks whether the tests of the package in this folder need the backend.
    pub(crate) fn owns(&self, folder: &str) -> bool {
        folder.starts_with("crates/") && folder.ends_with(&format!("-{}", self.name))
    }
}
