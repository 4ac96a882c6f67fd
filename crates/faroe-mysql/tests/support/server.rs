//! A MySQL or MariaDB server for tests: a database of its own for each run, and the tests as a list.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    pin::Pin,
    process::ExitCode,
};

use faroe_mysql::sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, Row, query, raw_sql,
};
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::{Builder, Runtime};

pub(crate) const VARIABLE: &str = "FAROE_TEST_MYSQL_URL";

/// A database of the server that the environment names; it is dropped at the end.
pub(crate) struct Schema {
    server_url: String,
    name: String,
}

pub(crate) type Case = (&'static str, fn(&'static Schema) -> CaseFuture);

type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The table of a test's cases.
macro_rules! cases {
    ($($case:ident,)*) => {
        &[$((stringify!($case), |schema| Box::pin($case(schema)))),*]
    };
}
pub(crate) use cases;

impl Schema {
    /// Creates it, or returns what is missing.
    pub(crate) fn create() -> Result<&'static Self, String> {
        let server_url = env::var(VARIABLE).map_err(|_| format!("{VARIABLE} is not set"))?;
        let name = format!("faroe_test_{}", random());
        let schema = Self { server_url, name };
        runtime().block_on(schema.execute_on_server(format!("CREATE DATABASE {}", schema.name)));
        Ok(Box::leak(Box::new(schema)))
    }

    /// The URL of this database, with parameters or none.
    pub(crate) fn url(&self) -> String {
        self.url_with("")
    }

    /// The URL of this database with more parameters, `name=value&…`.
    pub(crate) fn url_with(&self, parameters: &str) -> String {
        let (server, query) = self
            .server_url
            .split_once('?')
            .unwrap_or((&self.server_url, ""));
        let (scheme, rest) = server.split_once("://").unwrap();
        let server = rest
            .split_once('/')
            .map_or(rest, |(server, _database)| server);
        format!("{scheme}://{server}/{}?{query}&{parameters}", self.name)
    }

    /// Runs SQL in this database.
    pub(crate) async fn execute(&self, sql: impl Into<String>) {
        let mut connection = self.connection().await;
        connection
            .execute(raw_sql(AssertSqlSafe(sql.into())))
            .await
            .unwrap();
    }

    /// A connection beside the adapter's.
    pub(crate) async fn connection(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url()).await.unwrap()
    }

    /// A new database beside this one, for a case that needs to be alone.
    pub(crate) async fn another(&self) -> Self {
        let name = format!("{}_{}", self.name, random());
        self.execute_on_server(format!("CREATE DATABASE {name}"))
            .await;
        Self {
            server_url: self.server_url.clone(),
            name,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Kills the connections that use this database.
    pub(crate) async fn kill_connections(&self) {
        let mut connection = MySqlConnection::connect(&self.server_url).await.unwrap();
        let ids = "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE DB = ?";
        let ids = query(ids).bind(&self.name).fetch_all(&mut connection).await;
        for row in ids.unwrap() {
            // A connection may have ended by itself meanwhile.
            let kill = AssertSqlSafe(format!("KILL {}", row.get::<i64, _>(0)));
            let _killed = connection.execute(raw_sql(kill)).await;
        }
    }

    async fn execute_on_server(&self, sql: String) {
        let mut connection = MySqlConnection::connect(&self.server_url).await.unwrap();
        connection
            .execute(raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap();
    }

    /// Drops it and those that were made beside it.
    async fn drop_all(&self) {
        let mut connection = MySqlConnection::connect(&self.server_url).await.unwrap();
        let names = "SELECT CONVERT(SCHEMA_NAME USING utf8mb4) FROM information_schema.SCHEMATA
             WHERE LEFT(SCHEMA_NAME, CHAR_LENGTH(?)) = ?";
        let names = query(names).bind(&self.name).bind(&self.name);
        for row in names.fetch_all(&mut connection).await.unwrap() {
            let sql = format!("DROP DATABASE {}", row.get::<String, _>(0));
            connection
                .execute(raw_sql(AssertSqlSafe(sql)))
                .await
                .unwrap();
        }
    }
}

/// Runs trials and cases as the `main` of a test, and drops the database.
pub(crate) fn run(
    schema: &Result<&'static Schema, String>,
    mut trials: Vec<Trial>,
    cases: &[Case],
) -> ExitCode {
    for &(name, case) in cases {
        trials.push(match schema {
            Ok(schema) => {
                let schema = *schema;
                Trial::test(name, move || {
                    let ended = runtime().block_on(async { tokio::spawn(case(schema)).await });
                    Ok(ended.map_err(|error| error.to_string())?)
                })
            }
            Err(reason) => {
                let failure = reason.clone();
                Trial::test(name, || Err(failure.into()))
                    .with_kind(reason)
                    .with_ignored_flag(true)
            }
        });
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if let Ok(schema) = schema {
        runtime().block_on(schema.drop_all());
    }
    conclusion.exit_code()
}

pub(crate) fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
