//! The check of a table before it is used for users.

use faroe_sqlite::rusqlite::{Connection, Error, OptionalExtension};
use faroe_users_table::{Defects, IdGeneration, UsersTable};

/// A column as SQLite describes it.
struct Column {
    name: String,
    declared_type: String,
    is_required: bool,
    has_default: bool,
    is_primary_key: bool,
}

/// Returns everything that makes the table unfit for users.
pub(crate) fn defects(connection: &Connection, table: &UsersTable) -> Result<Defects, Error> {
    let schema: Option<(String, String)> = connection
        .query_row(
            "SELECT type, sql FROM sqlite_schema
             WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            [&table.name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (name, mut defects) = (&table.name, Defects::default());
    let definition = match schema {
        None => {
            defects.add(format!(
                "there is no table {name:?}; create it, or name it by users_table.name"
            ));
            return Ok(defects);
        }
        Some((kind, _)) if kind == "view" => {
            defects.add(format!(
                "{name:?} is a view, not a table; name a table by users_table.name"
            ));
            return Ok(defects);
        }
        Some((_, definition)) => definition,
    };
    let columns = columns(connection, name)?;
    defects.add_missing_columns(table, |name| find(&columns, name).is_some());
    add_columns_without_value(&mut defects, table, &columns);
    add_id_defect(&mut defects, table, &columns, &definition);
    for (key, column) in [
        ("id", &table.columns.id),
        ("email_address", &table.columns.email_address),
    ] {
        let exists = find(&columns, column).is_some();
        if exists && !is_unique(connection, name, column, &columns)? {
            let defect = "has no unique index of its own on all rows; create one";
            defects.add_unfit_column(table, key, column, defect);
        }
    }
    Ok(defects)
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

fn add_columns_without_value(defects: &mut Defects, table: &UsersTable, columns: &[Column]) {
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
    let is_given = |column: &Column| {
        given
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&column.name))
    };
    for column in columns {
        let needs_value = column.is_required && !column.has_default;
        if needs_value && !is_numbered(column, columns) && !is_given(column) {
            defects.add_column_without_value(table, &column.name);
        }
    }
}

fn add_id_defect(defects: &mut Defects, table: &UsersTable, columns: &[Column], definition: &str) {
    let name = &table.columns.id;
    let Some(id) = find(columns, name) else {
        return;
    };
    let is_numbered = is_numbered(id, columns);
    let defect = match table.id_generation {
        IdGeneration::Random if id.declared_type.to_ascii_uppercase().contains("INT") => {
            "holds numbers; let the database generate the IDs (users_table.id_generation = \"database\")"
        }
        IdGeneration::Database
            if is_numbered && !definition.to_ascii_uppercase().contains("AUTOINCREMENT") =>
        {
            "is not AUTOINCREMENT, so the ID of a deleted user would be used again; make it that, or use random IDs in a column of text"
        }
        IdGeneration::Database if !is_numbered && !id.has_default => {
            "has no default that generates IDs; give it one"
        }
        _ => return,
    };
    defects.add_unfit_column(table, "id", name, defect);
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
