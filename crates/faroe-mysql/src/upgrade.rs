//! Upgrades of schemas.

use std::time::Duration;

use faroe_core::error::AdapterError;
use sqlx::{Error, Executor, MySqlConnection, Row, query, raw_sql};
use tokio::time::timeout;

use crate::{
    Database,
    error::{NO_SUCH_TABLE, database_error, mysql_error},
};

const OPERATION: &str = "upgrade the schema in MySQL";

/// The longest time for all steps together, or for the wait until another process has run them.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes a lock. Locks are global to the server, so its name contains the database; hashed, because it has at most 64
/// characters.
const LOCK: &str = "SELECT GET_LOCK(SHA1(CONCAT('faroe_schema_version ', DATABASE())), 60)";

const CREATE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS faroe_schema_version (
        component VARBINARY(100) NOT NULL PRIMARY KEY,
        version INT NOT NULL
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4";

const SELECT_VERSION: &str = "SELECT version FROM faroe_schema_version WHERE component = ?";

impl Database {
    /// Brings the schema of a component up to date: runs the steps that the database has not seen yet, in order. Any number
    /// of processes may do so at once; one of them runs the steps. A schema that is up to date is only read, so a user
    /// without the right to create tables can use it.
    ///
    /// A step is one statement of SQL. MySQL changes tables outside of transactions, so a step runs again if the process was
    /// killed right after it: write it so that this does no harm (`CREATE TABLE IF NOT EXISTS`). Released steps never
    /// change; new ones follow them. The table `faroe_schema_version` keeps the number of steps that have run, by the
    /// component's name.
    ///
    /// # Errors
    ///
    /// When a step fails, when the upgrade takes longer than a minute, or when the database has seen more steps than there are.
    pub async fn upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<(), AdapterError> {
        let is_known = timeout(UPGRADE_TIMEOUT, self.find_and_upgrade(component, steps));
        let is_known = is_known
            .await
            .map_err(|_| AdapterError::new(OPERATION, "it took longer than a minute"))?;
        if is_known.map_err(|error| mysql_error(OPERATION, &error))? {
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
        let found = self.run(|| query(SELECT_VERSION).bind(component)).await;
        let version: Option<i32> = match found {
            Ok(outcome) => outcome.rows.first().map(|row| row.try_get(0)).transpose()?,
            Err(error) if is_missing_table(&error) => None,
            Err(error) => return Err(error),
        };
        let version = seen(version);
        if version >= steps.len() {
            return Ok(version == steps.len());
        }
        // Closing the connection releases the lock.
        let mut lease = self.lease().await?;
        upgrade(lease.connection(), component, steps).await
    }
}

fn is_missing_table(error: &Error) -> bool {
    database_error(error).is_some_and(|error| error.number() == NO_SUCH_TABLE)
}

fn seen(version: Option<i32>) -> usize {
    usize::try_from(version.unwrap_or(0)).unwrap_or(0)
}

async fn upgrade(
    connection: &mut MySqlConnection,
    component: &str,
    steps: &'static [&'static str],
) -> Result<bool, Error> {
    connection.execute(raw_sql(WITHOUT_LIMITS)).await?;
    let locked = query(LOCK).fetch_one(&mut *connection).await?;
    if locked.try_get::<Option<i64>, _>(0)? != Some(1) {
        return Err(Error::PoolTimedOut);
    }
    connection.execute(raw_sql(CREATE_VERSIONS)).await?;
    let select = query(SELECT_VERSION).bind(component);
    let row = select.fetch_optional(&mut *connection).await?;
    let version = seen(row.map(|row| row.try_get(0)).transpose()?);
    for (position, step) in steps.iter().enumerate().skip(version) {
        connection.execute(raw_sql(*step)).await?;
        let replace = query("REPLACE INTO faroe_schema_version (component, version) VALUES (?, ?)");
        let version = i32::try_from(position + 1).expect("steps are few");
        let replace = replace.bind(component).bind(version);
        replace.execute(&mut *connection).await?;
    }
    Ok(version <= steps.len())
}

/// Lifts the limits of everyday statements. MariaDB and MySQL each treat the other's limit as a comment.
const WITHOUT_LIMITS: &str = "SET SESSION innodb_lock_wait_timeout = 50
    /*M!100106 , SESSION max_statement_time = 0 */
    /*!80000 , SESSION max_execution_time = 0 */";
