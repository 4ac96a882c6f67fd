//! A PostgreSQL server for tests: a schema of its own for each run, and the tests as a list.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    pin::Pin,
    process::ExitCode,
};

use faroe_postgres::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, raw_sql};
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::{Builder, Runtime};

pub(crate) const VARIABLE: &str = "FAROE_TEST_POSTGRES_URL";

/// A schema in the server that the environment names; it is dropped at the end.
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
        runtime().block_on(schema.execute_on_server(format!("CREATE SCHEMA {}", schema.name)));
        Ok(Box::leak(Box::new(schema)))
    }

    /// The URL of the server.
    pub(crate) fn server_url(&self) -> &str {
        &self.server_url
    }

    /// The URL of a connection that sees this schema only.
    pub(crate) fn url(&self) -> String {
        let separator = if self.server_url.contains('?') {
            '&'
        } else {
            '?'
        };
        format!(
            "{}{separator}options[search_path]={}",
            self.server_url, self.name
        )
    }

    /// Runs SQL in this schema.
    pub(crate) async fn execute(&self, sql: impl Into<String>) {
        let mut connection = self.connection().await;
        connection
            .execute(raw_sql(AssertSqlSafe(sql.into())))
            .await
            .unwrap();
    }

    /// A connection beside the adapter's.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// A new schema beside this one, for a case that needs to be alone.
    pub(crate) async fn another(&self) -> Self {
        let name = format!("{}_{}", self.name, random());
        self.execute_on_server(format!("CREATE SCHEMA {name}"))
            .await;
        Self {
            server_url: self.server_url.clone(),
            name,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    async fn execute_on_server(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.server_url).await.unwrap();
        connection
            .execute(raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap();
    }

    /// Drops it and those that were made beside it.
    fn drop_all(&self) {
        let sql = format!(
            "DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, '{}')
                LOOP EXECUTE 'DROP SCHEMA ' || quote_ident(name) || ' CASCADE'; END LOOP;
            END $$",
            self.name,
        );
        runtime().block_on(self.execute_on_server(sql));
    }
}

/// Runs trials and cases as the `main` of a test, and drops the schema.
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
                    runtime()
                        .block_on(async { tokio::spawn(case(schema)).await })
                        .map_err(|error| error.to_string())?;
                    Ok(())
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
        schema.drop_all();
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
