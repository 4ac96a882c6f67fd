//! The check of a table before it is used for users.

use faroe_sqlite::rusqlite::{Connection, Error, OptionalExtension};
use faroe_users_table::{IdGeneration, UsersTable};

/// A column as SQLite describes it.
struct Column {
    name: String,
    declared_type: String,
    is_required: bool,
    has_default: bool,
    is_primary_key: bool,
}

/// Describes a defect that makes the table unfit for users.
pub(crate) fn defect(connection: &Connection, table: &UsersTable) -> Result<Option<String>, Error> {
    let schema: Option<(String, String)> = connection
        .query_row(
            "SELECT type, sql FROM sqlite_schema
             WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            [&table.name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let name = &table.name;
    let definition = match schema {
        None => return Ok(Some(format!("there is no table {name:?}"))),
        Some((kind, _)) if kind == "view" => {
            return Ok(Some(format!("{name:?} is a view, not a table")));
        }
        Some((_, definition)) => definition,
    };
    let columns = columns(connection, name)?;
    let defect = missing(table, &columns)
        .or_else(|| without_value(table, &columns))
        .or_else(|| id_defect(table, &columns, &definition));
    if defect.is_some() {
        return Ok(defect);
    }
    for column in [&table.columns.id, &table.columns.email_address] {
        if !is_unique(connection, name, column, &columns)? {
            return Ok(Some(format!(
                "the column {column:?} of the table {name:?} has no unique index of its own on all rows"
            )));
        }
    }
    Ok(None)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>, Error> {
    // Hidden columns include generated ones, which have their value by themselves.
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\" AND NOT hidden, dflt_value IS NOT NULL, pk <> 0
         FROM pragma_table_xinfo(?1)",
    )?;
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            is_required: row.get(2)?,
            has_default: row.get(3)?,
            is_primary_key: row.get(4)?,
        })
    })?;
    columns.collect()
}

fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns
        .iter()
        .find(|column| column.name.eq_ignore_ascii_case(name))
}

/// A lone `INTEGER PRIMARY KEY` is numbered by SQLite.
fn is_numbered(column: &Column, columns: &[Column]) -> bool {
    column.declared_type.eq_ignore_ascii_case("INTEGER") && is_whole_primary_key(column, columns)
}

fn is_whole_primary_key(column: &Column, columns: &[Column]) -> bool {
    column.is_primary_key
        && columns
            .iter()
            .filter(|column| column.is_primary_key)
            .count()
            == 1
}

fn missing(table: &UsersTable, columns: &[Column]) -> Option<String> {
    let missing: Vec<&str> = table
        .columns
        .names()
        .filter(|name| find(columns, name).is_none())
        .collect();
    (!missing.is_empty())
        .then(|| format!("the table {:?} lacks the columns {missing:?}", table.name))
}

/// Finds a column of the application that needs a value, because a new user is given none for it.
fn without_value(table: &UsersTable, columns: &[Column]) -> Option<String> {
    let given = [
        &table.columns.id,
        &table.columns.email_address,
        &table.columns.password_hash,
        &table.columns.password_hash_algorithm_id,
        &table.columns.password_salt,
        &table.columns.email_address_counter,
        &table.columns.password_hash_counter,
        &table.columns.sessions_counter,
    ];
    let column = columns.iter().find(|column| {
        column.is_required
            && !column.has_default
            && !is_numbered(column, columns)
            && !given
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&column.name))
    })?;
    Some(format!(
        "the column {:?} of the table {:?} may not be NULL and has no default, so no user can be created",
        column.name, table.name
    ))
}

fn id_defect(table: &UsersTable, columns: &[Column], definition: &str) -> Option<String> {
    let id = find(columns, &table.columns.id)?;
    let is_numbered = is_numbered(id, columns);
    let defect = match table.id_generation {
        IdGeneration::Random if id.declared_type.to_ascii_uppercase().contains("INT") => {
            "holds numbers: let the database generate the IDs"
        }
        IdGeneration::Database
            if is_numbered && !definition.to_ascii_uppercase().contains("AUTOINCREMENT") =>
        {
            "is not AUTOINCREMENT, so the ID of a deleted user would be used again: make it that, or use random IDs in a column of text"
        }
        IdGeneration::Database if !is_numbered && !id.has_default => {
            "has no default that generates IDs"
        }
        _ => return None,
    };
    Some(format!(
        "the column {:?} of the table {:?} {defect}",
        id.name, table.name
    ))
}

fn is_unique(
    connection: &Connection,
    table: &str,
    column: &str,
    columns: &[Column],
) -> Result<bool, Error> {
    if find(columns, column).is_some_and(|column| is_whole_primary_key(column, columns)) {
        return Ok(true);
    }
    connection.query_row(
        "SELECT EXISTS (
            SELECT 1 FROM pragma_index_list(?1) AS list
            WHERE list.\"unique\" AND NOT list.partial
            AND (SELECT count(*) = 1 AND max(name) = ?2 COLLATE NOCASE FROM pragma_index_info(list.name))
        )",
        [table, column],
        |row| row.get(0),
    )
}
