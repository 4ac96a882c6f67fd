//! Schemas that change from one version to the next.

use std::time::Duration;

use faroe_core::error::AdapterError;
use sqlx::{Connection, Error, Executor, PgConnection, Row, query, raw_sql};
use tokio::time::timeout;

use crate::{
    Database,
    error::{UNDEFINED_TABLE, database_error, postgres_error},
    lease::Lease,
};

const OPERATION: &str = "upgrade the schema in PostgreSQL";

/// How long all steps together may take, and the wait for another process that is at them.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);

/// The lock of whoever upgrades; its number is any that nobody else uses.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = '60s';
    SELECT pg_advisory_xact_lock(7377815903361917)";

const CREATE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS faroe_schema_version (
        component TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL
    )";

const SELECT_VERSION: &str = "SELECT version FROM faroe_schema_version WHERE component = $1";

/// What was found in the database.
enum Found {
    UpToDate,
    Older,
    /// More steps than this version knows.
    Newer,
}

impl Database {
    /// Brings the schema of a component up to date: runs the steps that the database has not seen yet, in order, all in
    /// one transaction. Any number of processes may do so at once. A schema that is up to date is only read, so that a
    /// user without the right to create tables can use it.
    ///
    /// A step is one or more statements of SQL. Steps that were once released never change; new ones follow them. How
    /// many have run is kept in the table `faroe_schema_version`, by the component's name. Tables are created in the
    /// first schema of the search path.
    ///
    /// # Errors
    ///
    /// When a step fails, which undoes the others, when it takes longer than a minute, or when the database has seen more
    /// steps than there are.
    pub async fn upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<(), AdapterError> {
        let found = timeout(UPGRADE_TIMEOUT, self.find_and_upgrade(component, steps));
        let found = found
            .await
            .map_err(|_| AdapterError::new(OPERATION, "it took longer than a minute"))?;
        match found.map_err(|error| postgres_error(OPERATION, &error))? {
            Found::UpToDate | Found::Older => Ok(()),
            Found::Newer => Err(AdapterError::new(
                OPERATION,
                format!("the tables are those of a newer version of {component}"),
            )),
        }
    }

    async fn find_and_upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<Found, Error> {
        let found = self.run(query(SELECT_VERSION).bind(component)).await;
        let version = match found {
            Ok(outcome) => outcome.rows.first().map(|row| row.try_get(0)).transpose()?,
            Err(error) if is_undefined_table(&error) => None,
            Err(error) => return Err(error),
        };
        if let found @ (Found::UpToDate | Found::Newer) = compare(version, steps) {
            return Ok(found);
        }
        let mut lease = Lease::acquire(self.pool()).await?;
        let found = upgrade(lease.connection(), component, steps).await?;
        lease.give_back();
        Ok(found)
    }
}

fn is_undefined_table(error: &Error) -> bool {
    database_error(error).is_some_and(|error| error.code() == UNDEFINED_TABLE)
}

fn compare(version: Option<i32>, steps: &[&str]) -> Found {
    let version = usize::try_from(version.unwrap_or(0)).unwrap_or(0);
    match version.cmp(&steps.len()) {
        std::cmp::Ordering::Less => Found::Older,
        std::cmp::Ordering::Equal => Found::UpToDate,
        std::cmp::Ordering::Greater => Found::Newer,
    }
}

async fn upgrade(
    connection: &mut PgConnection,
    component: &str,
    steps: &'static [&'static str],
) -> Result<Found, Error> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    transaction.execute(raw_sql(CREATE_VERSIONS)).await?;
    let select = query(SELECT_VERSION).bind(component).persistent(false);
    let row = select.fetch_optional(&mut *transaction).await?;
    let version: Option<i32> = row.map(|row| row.try_get(0)).transpose()?;
    let found = compare(version, steps);
    if let Found::Older = found {
        let seen = usize::try_from(version.unwrap_or(0)).unwrap_or(0);
        for step in &steps[seen..] {
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
    Ok(found)
}
