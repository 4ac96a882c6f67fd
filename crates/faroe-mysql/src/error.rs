//! MySQL's errors as errors of an adapter.

use faroe_core::error::AdapterError;
use sqlx::{Error, mysql::MySqlDatabaseError};

/// Converts an error of MySQL or MariaDB into the failure of `operation`. A deadlock, or a wait for a lock that took too
/// long, is a [conflict](AdapterError::conflict). A constraint, a type or a trigger that does not accept a row makes a
/// [refusal](AdapterError::refusal).
///
/// The text names conditions, tables, columns and constraints, never values.
pub fn mysql_error(operation: &'static str, error: &Error) -> AdapterError {
    if is_rolled_back(error) {
        AdapterError::conflict(operation, describe(error))
    } else if database_error(error).is_some_and(is_refusal) {
        AdapterError::refusal(operation, describe(error))
    } else if faroe_sql::is_unavailable(error) {
        AdapterError::unavailable(operation, describe(error))
    } else {
        AdapterError::new(operation, describe(error))
    }
}

/// Checks whether the schema does not accept a row: a value outside of its type, a constraint, a signal of a trigger.
fn is_refusal(error: &MySqlDatabaseError) -> bool {
    let class = error.code().unwrap_or_default().get(..2);
    class.is_some_and(|class| ["22", "23", "45"].contains(&class))
        || REFUSAL_NUMBERS.contains(&error.number())
}

/// Returns the name of the unique index that a row would have violated, or an empty text if the server does not name it.
pub fn violated_unique_index(error: &Error) -> Option<&str> {
    const DUPLICATE_ENTRY: u16 = 1062;
    let error = database_error(error)?;
    (error.number() == DUPLICATE_ENTRY).then(|| index_name(error.message()).unwrap_or_default())
}

/// `… 'value' … 'index'` or, from MySQL 8, `… 'value' … 'table.index'`, in the server's language.
fn index_name(message: &str) -> Option<&str> {
    let (_, name) = message.strip_suffix('\'')?.rsplit_once('\'')?;
    Some(name.rsplit_once('.').map_or(name, |(_table, index)| index))
}

pub(crate) const NO_SUCH_TABLE: u16 = 1146;
const LOCK_WAIT_TIMEOUT: u16 = 1205;
const DEADLOCK: u16 = 1213;
/// MariaDB: a row is not as the transaction's snapshot shows it.
const RECORD_CHANGED: u16 = 1020;

/// Errors of rows that the schema does not accept, whose SQLSTATE does not tell: no default, an incorrect value, a truncated
/// one, a check of MySQL.
const REFUSAL_NUMBERS: [u16; 4] = [1265, 1364, 1366, 3819];

/// Errors whose messages name parts of a schema or a configuration, and nothing that a caller sent.
const SAFE_NUMBERS: [u16; 39] = [
    1020, 1040, 1044, 1045, 1047, 1048, 1049, 1050, 1053, 1054, 1091, 1129, 1130, 1142, 1143, 1146,
    1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1227, 1290, 1317, 1364, 1406, 1451, 1452, 1665,
    1698, 1792, 1836, 1969, 3024, 3819, 4025,
];

/// Errors after which the connection is closed.
const CONNECTION_NUMBERS: [u16; 9] = [1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031];

/// Errors of a server that is not the primary: it is read-only, or a node of a Galera cluster that has fallen behind.
const ELSEWHERE_NUMBERS: [u16; 4] = [1047, 1290, 1792, 1836];

pub(crate) fn database_error(error: &Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// Checks whether a concurrent transaction made the database roll this one back.
pub(crate) fn is_rolled_back(error: &Error) -> bool {
    database_error(error).is_some_and(|error| {
        matches!(
            error.number(),
            LOCK_WAIT_TIMEOUT | DEADLOCK | RECORD_CHANGED
        )
    })
}

/// Checks whether the transaction can be retried at once.
pub(crate) fn is_deadlock(error: &Error) -> bool {
    is_rolled_back(error)
        && database_error(error).is_some_and(|error| error.number() != LOCK_WAIT_TIMEOUT)
}

/// Checks whether the connection can be used again.
pub(crate) fn leaves_connection_intact(error: &Error) -> bool {
    faroe_sql::leaves_connection_intact(error, |error| {
        let error = error.try_downcast_ref::<MySqlDatabaseError>();
        error.is_some_and(|error| {
            let number = error.number();
            !CONNECTION_NUMBERS.contains(&number) && !ELSEWHERE_NUMBERS.contains(&number)
        })
    })
}

fn describe(error: &Error) -> String {
    match database_error(error) {
        Some(error) => describe_database_error(error),
        None => faroe_sql::describe(error, TLS_ADVICE),
    }
}

const TLS_ADVICE: &str = "a server on another machine must show a valid certificate unless the URL says otherwise: \
     ssl-ca=FILE trusts another certificate authority, ssl-mode=disabled is for private networks; authentication by SHA-256 \
     needs TLS or a socket";

fn describe_database_error(error: &MySqlDatabaseError) -> String {
    let number = error.number();
    let mut text = if SAFE_NUMBERS.contains(&number) {
        format!("{} (error {number})", error.message())
    } else {
        format!(
            "error {number}, SQLSTATE {}",
            error.code().unwrap_or("unknown")
        )
    };
    if number == 1062 {
        let index = index_name(error.message()).unwrap_or_default();
        text.push_str(&format!(", index {index}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_found_whatever_the_value_is() {
        for (message, expected) in [
            ("Duplicate entry 'a@b' for key 'email'", "email"),
            ("Duplicate entry 'a@b' for key 'users.email'", "email"),
            (
                "Duplicate entry 'a' for key 'x'@b' for key 'users.email'",
                "email",
            ),
            ("Doppelter Eintrag 'a@b' für Schlüssel 'email'", "email"),
        ] {
            assert_eq!(index_name(message), Some(expected), "{message}");
        }
        assert_eq!(index_name("something else"), None);
    }
}
