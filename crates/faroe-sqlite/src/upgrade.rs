//! Upgrades of schemas.

use faroe_core::error::AdapterError;
use rusqlite::{Connection, Error, OptionalExtension};

use crate::Database;

const OPERATION: &str = "upgrade the schema in SQLite";

/// The outcome of an upgrade.
enum Found {
    Upgraded,
    /// More steps than this version knows.
    Newer,
}

impl Database {
    /// Brings the schema of a component up to date: runs the steps that the file has not seen yet, in order, all in one
    /// transaction. Any number of processes may do so at once.
    ///
    /// A step is one or more statements of SQL. Released steps never change; new ones follow them. The table
    /// `faroe_schema_version` keeps the number of steps that have run, by the component's name.
    ///
    /// # Errors
    ///
    /// When a step fails, which undoes the others, or when the file has seen more steps than there are.
    pub async fn upgrade(
        &self,
        component: &'static str,
        steps: &'static [&'static str],
    ) -> Result<(), AdapterError> {
        let found = self
            .write(OPERATION, move |connection| {
                upgrade(connection, component, steps)
            })
            .await?;
        match found {
            Found::Upgraded => Ok(()),
            Found::Newer => Err(AdapterError::new(
                OPERATION,
                format!("the tables are of a newer version of {component}"),
            )),
        }
    }
}

fn upgrade(connection: &Connection, component: &str, steps: &[&str]) -> Result<Found, Error> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS faroe_schema_version (
            component TEXT NOT NULL PRIMARY KEY,
            version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
    )?;
    let version: Option<u32> = connection
        .query_row(
            "SELECT version FROM faroe_schema_version WHERE component = ?1",
            [component],
            |row| row.get(0),
        )
        .optional()?;
    let Some(remaining) = steps.get(version.unwrap_or(0) as usize..) else {
        return Ok(Found::Newer);
    };
    for step in remaining {
        connection.execute_batch(step)?;
    }
    if !remaining.is_empty() {
        connection.execute(
            "INSERT INTO faroe_schema_version VALUES (?1, ?2)
             ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            (
                component,
                u32::try_from(steps.len()).expect("steps are few"),
            ),
        )?;
    }
    Ok(Found::Upgraded)
}
