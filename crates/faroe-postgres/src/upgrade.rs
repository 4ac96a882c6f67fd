//! Upgrades of schemas.

use std::time::Duration;

use faroe_core::error::AdapterError;
use sqlx::{Connection, Error, Executor, PgConnection, Row, query, raw_sql};
use tokio::time::timeout;

use crate::{
    Database,
    error::{UNDEFINED_TABLE, database_error, postgres_error},
};

const OPERATION: &str = "upgrade the schema in PostgreSQL";

/// The longest time for all steps together, or for the wait until another process has run them.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes a lock, so that one process upgrades at a time. Its number is arbitrary. A table that exists already is no news.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = '60s';
    SET LOCAL client_min_messages = warning;
    SELECT pg_advisory_xact_lock(7377815903361917)";

const CREATE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS faroe_schema_version (
        component TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL
    )";

const SELECT_VERSION: &str = "SELECT version FROM faroe_schema_version WHERE component = $1";

impl Database {
    /// Brings the schema of a component up to date: runs the steps that the database has not seen yet, in order, all in
    /// one transaction. Any number of processes may do so at once. A schema that is up to date is only read, so a user
    /// without the right to create tables can use it.
    ///
    /// A step is one or more statements of SQL. Released steps never change; new ones follow them. The table
    /// `faroe_schema_version` keeps the number of steps that have run, by the component's name. Tables are created in the
    /// first schema of the search path.
    ///
    /// # Errors
    ///
    /// When a step fails, which undoes the others, when the upgrade takes longer than a minute, or when the database has seen
    /// more steps than there are.
    pub async fn upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<(), AdapterError> {
        let is_known = timeout(UPGRADE_TIMEOUT, self.find_and_upgrade(component, steps));
        let is_known = is_known
            .await
            .map_err(|_| AdapterError::new(OPERATION, "it took longer than a minute"))?;
        if is_known.map_err(|error| postgres_error(OPERATION, &error))? {
            Ok(())
        } else {
            let reason = format!("the tables are of a newer version of {component}");
            Err(AdapterError::new(OPERATION, reason))
        }
    }

    /// Returns `false` if the database has seen more steps than there are.
    async fn find_and_upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<bool, Error> {
        let found = self.run(query(SELECT_VERSION).bind(component)).await;
        let version: Option<i32> = match found {
            Ok(outcome) => outcome.rows.first().map(|row| row.try_get(0)).transpose()?,
            Err(error) if is_undefined_table(&error) => None,
            Err(error) => return Err(error),
        };
        let version = seen(version);
        if version >= steps.len() {
            return Ok(version == steps.len());
        }
        let mut lease = self.lease().await?;
        let is_known = upgrade(lease.connection(), component, steps).await?;
        lease.give_back();
        Ok(is_known)
    }
}

fn is_undefined_table(error: &Error) -> bool {
    database_error(error).is_some_and(|error| error.code() == UNDEFINED_TABLE)
}

fn seen(version: Option<i32>) -> usize {
    usize::try_from(version.unwrap_or(0)).unwrap_or(0)
}

async fn upgrade(
    connection: &mut PgConnection,
    component: &str,
    steps: &'static [&'static str],
) -> Result<bool, Error> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    transaction.execute(raw_sql(CREATE_VERSIONS)).await?;
    let select = query(SELECT_VERSION).bind(component).persistent(false);
    let row = select.fetch_optional(&mut *transaction).await?;
    let version = seen(row.map(|row| row.try_get(0)).transpose()?);
    if version < steps.len() {
        for step in &steps[version..] {
            transaction.execute(raw_sql(*step)).await?;
        }
        let insert = query(
            "INSERT INTO faroe_schema_version (component, version) VALUES ($1, $2)
             ON CONFLICT (component) DO UPDATE SET version = excluded.version",
        );
        let version = i32::try_from(steps.len()).expect("steps are few");
        let insert = insert.bind(component).bind(version).persistent(false);
        insert.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(version <= steps.len())
}
