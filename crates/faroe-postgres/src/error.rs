//! PostgreSQL's errors as errors of an adapter.

use faroe_core::error::AdapterError;
use sqlx::{Error, postgres::PgDatabaseError};

/// Converts an error of PostgreSQL into the failure of `operation`. A serialization failure or a deadlock is a
/// [conflict](AdapterError::conflict). A constraint, a type or a trigger that does not accept a row makes a
/// [refusal](AdapterError::refusal).
///
/// The text names conditions, tables, columns and constraints, never values.
pub fn postgres_error(operation: &'static str, error: &Error) -> AdapterError {
    match database_error(error).map(PgDatabaseError::code) {
        Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED) => {
            AdapterError::conflict(operation, describe(error))
        }
        Some(code) if is_refusal(code) => AdapterError::refusal(operation, describe(error)),
        // The server is starting or ending.
        Some(code) if code.starts_with("57P") => {
            AdapterError::unavailable(operation, describe(error))
        }
        None if faroe_sql::is_unavailable(error) => {
            AdapterError::unavailable(operation, describe(error))
        }
        _ => AdapterError::new(operation, describe(error)),
    }
}

/// Checks whether the schema does not accept a row: a value outside of its type, a constraint, an exception of a trigger.
fn is_refusal(code: &str) -> bool {
    ["22", "23", "44"].contains(&code.get(..2).unwrap_or_default()) || code == RAISED_EXCEPTION
}

/// Returns the name of the unique constraint or index that a row would have violated.
pub fn violated_unique_constraint(error: &Error) -> Option<&str> {
    let error = database_error(error)?;
    (error.code() == UNIQUE_VIOLATION).then(|| error.constraint().unwrap_or_default())
}

pub(crate) const UNDEFINED_TABLE: &str = "42P01";
/// Its message names the type and its length.
const STRING_TOO_LONG: &str = "22001";
/// The server is a replica, or was set to read-only. Its message names the kind of statement.
const READ_ONLY_TRANSACTION: &str = "25006";
const RAISED_EXCEPTION: &str = "P0001";
const UNIQUE_VIOLATION: &str = "23505";
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";

/// Classes of conditions whose messages name parts of a schema or a configuration, and nothing that a caller sent:
/// connections, authorization, names, rollbacks, resources, syntax, states, interventions, the system.
const SAFE_CLASSES: [&str; 11] = [
    "08", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
];

pub(crate) fn database_error(error: &Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// Checks whether the connection can be used again. Not if the administrator ends it, the server for want of resources, or the
/// server is not the primary.
pub(crate) fn leaves_connection_intact(error: &Error) -> bool {
    faroe_sql::leaves_connection_intact(error, |error| {
        error
            .code()
            .is_some_and(|code| code != READ_ONLY_TRANSACTION && !code.starts_with("57P"))
    })
}

fn describe(error: &Error) -> String {
    match database_error(error) {
        Some(error) => describe_database_error(error),
        None => faroe_sql::describe(error, TLS_ADVICE),
    }
}

const TLS_ADVICE: &str = "a server on another machine must show a valid certificate unless the URL says otherwise: \
     sslrootcert=FILE trusts another certificate authority, sslmode=disable is for private networks";

fn describe_database_error(error: &PgDatabaseError) -> String {
    let code = error.code();
    let class = code.get(..2).unwrap_or_default();
    let is_safe =
        SAFE_CLASSES.contains(&class) || [STRING_TOO_LONG, READ_ONLY_TRANSACTION].contains(&code);
    let mut text = if is_safe {
        format!("{} (SQLSTATE {code})", error.message())
    } else {
        format!("SQLSTATE {code}")
    };
    for (kind, name) in [
        ("table", error.table()),
        ("column", error.column()),
        ("constraint", error.constraint()),
    ] {
        if let Some(name) = name {
            text.push_str(&format!(", {kind} {name}"));
        }
    }
    text
}
