//! The table of what is tested against a service.

use crate::services::Service::{self, MariaDb, Postgres, Redis, RedisCluster};

/// A kind of database, and the packages whose tests need it.
#[derive(Debug)]
pub(crate) struct Backend {
    /// What `--only` calls it, and what the names of its tests in `tests/tests/backends` start with.
    pub(crate) name: &'static str,
    /// What has to run.
    pub(crate) services: &'static [Service],
    /// Which packages to test. Those that do not exist are left out, and a backend without any is left out itself.
    pub(crate) packages: &'static [&'static str],
}

/// All of them, in the order in which they are tested.
pub(crate) const BACKENDS: &[Backend] = &[
    Backend {
        name: "postgres",
        services: &[Postgres],
        packages: &[
            "faroe-postgres",
            "faroe-storage-postgres",
            "faroe-user-store-postgres",
        ],
    },
    Backend {
        name: "mysql",
        services: &[MariaDb],
        packages: &[
            "faroe-mysql",
            "faroe-storage-mysql",
            "faroe-user-store-mysql",
        ],
    },
    Backend {
        name: "redis",
        services: &[Redis, RedisCluster],
        packages: &["faroe-storage-redis"],
    },
];
