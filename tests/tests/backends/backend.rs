//! Databases and schemas that belong to one test.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use faroe_mysql::sqlx::{self, AssertSqlSafe, Row};
use faroe_tests::binary::{Binary, Settings};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mysql,
    Redis,
    RedisCluster,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::RedisCluster => "redis_cluster",
        }
    }

    /// Returns the URL of the service, or the reason why there is none.
    pub(crate) fn url(self) -> Result<String, String> {
        if self == Self::Sqlite {
            return Ok(String::new());
        }
        let variable = format!("FAROE_TEST_{}_URL", self.name().to_uppercase());
        let url = env::var(&variable).map_err(|_| format!("{variable} is not set"))?;
        Ok(self.for_program(&url))
    }

    /// Returns the URL in the program's form.
    pub(crate) fn for_program(self, url: &str) -> String {
        match self {
            Self::RedisCluster => url.replacen("redis://", "redis+cluster://", 1),
            _ => url.to_owned(),
        }
    }
}

/// A schema or database of one test. Redis has neither; there, random addresses separate tests.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    service: String,
    name: String,
    folder: Arc<TempDir>,
}

impl Backend {
    pub(crate) async fn create(kind: Kind, service: String) -> Self {
        let backend = Self {
            kind,
            service,
            name: format!("faroe_test_{}", random()),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        };
        match kind {
            Kind::Postgres => backend.execute("CREATE SCHEMA", "").await,
            Kind::Mysql => backend.execute("CREATE DATABASE", "").await,
            _ => {}
        }
        backend
    }

    pub(crate) async fn drop(self) {
        match self.kind {
            Kind::Postgres => self.execute("DROP SCHEMA", "CASCADE").await,
            Kind::Mysql => self.execute("DROP DATABASE", "").await,
            _ => {}
        }
    }

    async fn execute(&self, statement: &str, end: &str) {
        let sql = format!("{statement} {} {end}", self.name);
        self.run(&self.service, &sql).await;
    }

    /// Runs a statement in the database of the users.
    pub(crate) async fn administer(&self, sql: &str) {
        self.run(&self.user_store(), sql).await;
    }

    /// Returns the text that a query of the database of the users finds.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let url = self.user_store();
        match self.kind {
            Kind::Postgres => {
                let database = faroe_postgres::Database::connect(&url).await;
                let run = sqlx::query(AssertSqlSafe(sql));
                let rows = database.unwrap().run(run).await.unwrap().rows;
                rows[0].get::<Option<_>, _>(0).unwrap_or_default()
            }
            Kind::Mysql => {
                let database = faroe_mysql::Database::connect(&url).await;
                let run = || sqlx::query(AssertSqlSafe(sql));
                let rows = database.unwrap().run(run).await.unwrap().rows;
                rows[0].get::<Option<_>, _>(0).unwrap_or_default()
            }
            Kind::Sqlite | Kind::Redis | Kind::RedisCluster => {
                let file = url.strip_prefix("sqlite:").unwrap();
                let text = rusqlite::Connection::open(file).unwrap();
                let text = text.query_row(sql, [], |row| row.get::<_, Option<_>>(0));
                text.unwrap().unwrap_or_default()
            }
        }
    }

    async fn run(&self, url: &str, sql: &str) {
        match self.kind {
            Kind::Postgres => {
                let database = faroe_postgres::Database::connect(url).await;
                let run = sqlx::query(AssertSqlSafe(sql));
                database.unwrap().run(run).await.unwrap();
            }
            Kind::Mysql => {
                let database = faroe_mysql::Database::connect(url).await;
                let run = || sqlx::query(AssertSqlSafe(sql));
                database.unwrap().run(run).await.unwrap();
            }
            Kind::Sqlite | Kind::Redis | Kind::RedisCluster => {
                let file = url.strip_prefix("sqlite:").unwrap();
                rusqlite::Connection::open(file)
                    .unwrap()
                    .execute(sql, [])
                    .unwrap();
            }
        }
    }

    /// Returns the URL of the storage.
    pub(crate) fn storage(&self) -> String {
        match self.kind {
            Kind::Sqlite => self.file("storage"),
            Kind::Postgres => {
                let separator = if self.service.contains('?') { '&' } else { '?' };
                format!(
                    "{}{separator}options[search_path]={}",
                    self.service, self.name
                )
            }
            Kind::Mysql => {
                let (server, query) = self.service.split_once('?').unwrap_or((&self.service, ""));
                let (server, _database) = server.rsplit_once('/').unwrap();
                format!("{server}/{}?{query}", self.name)
            }
            Kind::Redis | Kind::RedisCluster => self.service.clone(),
        }
    }

    /// Returns the URL of the user store, in the same database if it can hold users.
    pub(crate) fn user_store(&self) -> String {
        match self.kind {
            Kind::Postgres | Kind::Mysql => self.storage(),
            _ => self.file("users"),
        }
    }

    pub(crate) fn file(&self, name: &str) -> String {
        let file = self.folder.path().join(name).with_extension("sqlite3");
        format!("sqlite:{}", file.display())
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            configuration: "[hashing]\nmemory_kib = 1024\niterations = 1\nqueue = 100\n\
                            [rate_limits.verify_user_password]\ninterval = \"1 hour\"\n\
                            [rate_limits.emails_per_server]\ncapacity = 100000\n"
                .to_owned(),
            environment: vec![
                ("STORAGE", self.storage()),
                ("USER_STORE", self.user_store()),
            ],
            ..Settings::default()
        }
    }

    /// Removes all entries of the storage, or returns the URL of an empty one.
    pub(crate) async fn lose_storage(&self) -> Settings {
        let mut settings = self.settings();
        match self.kind {
            Kind::Postgres | Kind::Mysql => self.execute("TRUNCATE TABLE", ".faroe_storage").await,
            Kind::Sqlite => settings.environment[0].1 = self.file("empty"),
            Kind::Redis => {
                let (scheme, place) = self.service.split_once("://").unwrap();
                let place = place.split('/').next().unwrap();
                settings.environment[0].1 = format!("{scheme}://{place}/1");
            }
            Kind::RedisCluster => unreachable!("a cluster has one database"),
        }
        settings
    }

    pub(crate) async fn start(&self) -> Binary {
        Binary::start_with(&self.settings()).await
    }
}

/// Returns the address of a URL's server, as `host:port`.
pub(crate) fn server(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?', ',']).next().unwrap()
}

/// Returns the URL with other credentials, or with another server.
pub(crate) fn with(url: &str, credentials: Option<&str>, server: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (own, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match credentials.unwrap_or(own) {
        "" => format!("{scheme}://{server}{}", &rest[end..]),
        credentials => format!("{scheme}://{credentials}@{server}{}", &rest[end..]),
    }
}

/// Returns an email address that no other test uses.
pub(crate) fn address() -> String {
    format!("{}@example.com", random())
}

fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
