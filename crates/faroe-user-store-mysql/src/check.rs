//! The check of a table before it is used for users.

use faroe_users_table::{IdGeneration, UsersTable};

use crate::table::{FoundTable, Kind, is_same};

/// Describes a defect that makes the table unfit for users.
pub(crate) fn defect(table: &UsersTable, found: Option<&FoundTable>) -> Option<String> {
    let name = &table.name;
    let Some(found) = found else {
        return Some(format!("there is no table {name:?} in the database"));
    };
    if !found.is_transactional {
        return Some(format!("the table {name:?} is not of the engine InnoDB"));
    }
    missing(table, found)
        .or_else(|| of_wrong_type(table, found))
        .or_else(|| without_value(table, found))
        .or_else(|| id_defect(table, found))
        .or_else(|| not_unique(table, found))
}

fn missing(table: &UsersTable, found: &FoundTable) -> Option<String> {
    let names = table.columns.names();
    let missing: Vec<&str> = names.filter(|name| found.column(name).is_none()).collect();
    (!missing.is_empty())
        .then(|| format!("the table {:?} lacks the columns {missing:?}", table.name))
}

fn of_wrong_type(table: &UsersTable, found: &FoundTable) -> Option<String> {
    use Kind::{Bit, Bytes, Integer, Text, UnsignedInteger, Uuid};

    const COUNTER: &[Kind] = &[Integer, UnsignedInteger];
    let columns = &table.columns;
    let expected: [(Option<&String>, &[Kind], &str); 11] = [
        (
            Some(&columns.id),
            &[Text, Bytes, Integer, UnsignedInteger, Uuid],
            "text or an integer",
        ),
        (Some(&columns.email_address), &[Text, Bytes], "text"),
        (Some(&columns.password_hash), &[Bytes], "varbinary or blob"),
        (
            Some(&columns.password_hash_algorithm_id),
            &[Text, Bytes],
            "text",
        ),
        (Some(&columns.password_salt), &[Bytes], "varbinary or blob"),
        (Some(&columns.email_address_counter), COUNTER, "integer"),
        (Some(&columns.password_hash_counter), COUNTER, "integer"),
        (Some(&columns.sessions_counter), COUNTER, "integer"),
        (
            columns.disabled.as_ref(),
            &[Integer, UnsignedInteger, Bit],
            "boolean",
        ),
        (columns.disabled_counter.as_ref(), COUNTER, "integer"),
        (columns.display_name.as_ref(), &[Text, Bytes], "text"),
    ];
    expected.into_iter().find_map(|(name, kinds, expected)| {
        let column = found.column(name?)?;
        (!kinds.contains(&column.kind)).then(|| {
            format!(
                "the column {:?} of the table {:?} is of the type {}, not {expected}",
                column.name, table.name, column.type_name
            )
        })
    })
}

/// Finds a column of the application that needs a value, because a new user is given none for it.
fn without_value(table: &UsersTable, found: &FoundTable) -> Option<String> {
    let columns = &table.columns;
    let is_given = |name: &str| {
        let display_name = columns.display_name.as_deref();
        columns.names().any(|given| is_same(given, name))
            && !display_name.is_some_and(|display_name| is_same(display_name, name))
    };
    let column = found
        .columns
        .iter()
        .find(|column| column.is_required && !column.has_default && !is_given(&column.name))?;
    Some(format!(
        "the column {:?} of the table {:?} may not be NULL and has no default, so no user can be created",
        column.name, table.name
    ))
}

fn id_defect(table: &UsersTable, found: &FoundTable) -> Option<String> {
    let id = found.column(&table.columns.id)?;
    let holds_text = matches!(id.kind, Kind::Text | Kind::Bytes);
    let defect = match table.id_generation {
        IdGeneration::Random if !holds_text => "holds no text: let the database generate the IDs",
        IdGeneration::Database if !id.has_default => "has no default that generates IDs",
        _ => return None,
    };
    Some(format!(
        "the column {:?} of the table {:?} {defect}",
        id.name, table.name
    ))
}

fn not_unique(table: &UsersTable, found: &FoundTable) -> Option<String> {
    [&table.columns.id, &table.columns.email_address]
        .into_iter()
        .filter_map(|name| found.column(name))
        .find(|column| !found.unique_indexes.iter().any(|index| index.is_on(column)))
        .map(|column| {
            format!(
                "the column {:?} of the table {:?} has no unique index of its own",
                column.name, table.name
            )
        })
}
