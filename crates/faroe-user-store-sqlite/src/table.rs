//! A table as SQLite describes it.

use faroe_sqlite::rusqlite::{Connection, Error, OptionalExtension};
use faroe_users_table::{UsersTable, ValueKind};

/// A table as SQLite describes it.
pub(crate) struct FoundTable {
    /// The statement that created it.
    pub(crate) definition: String,
    pub(crate) columns: Vec<Column>,
    unique_indexes: Vec<UniqueIndex>,
}

/// The reason why there is no table.
pub(crate) enum NotFound {
    Nothing,
    View,
}

pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared_type: String,
    is_required: bool,
    pub(crate) has_default: bool,
    is_primary_key: bool,
    pub(crate) is_generated: bool,
}

/// A unique index with one key, on all rows.
struct UniqueIndex {
    name: String,
    /// The column, unless the key is an expression.
    column: Option<String>,
    collation: String,
    /// The statement that created it, unless it is part of the table's.
    definition: Option<String>,
}

/// The comparison of addresses that the unique indexes allow to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddressLookUp {
    /// As the column does.
    Column,
    /// With `COLLATE NOCASE`.
    NoCase,
    /// By the lower case, with the index of this name.
    LowerCase(String),
}

impl FoundTable {
    /// Looks for an ordinary table of this name.
    pub(crate) fn find(
        connection: &Connection,
        name: &str,
    ) -> Result<Result<Self, NotFound>, Error> {
        let schema: Option<(String, String)> = connection
            .query_row(
                "SELECT type, sql FROM sqlite_schema
                 WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
                [name],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(match schema {
            None => Err(NotFound::Nothing),
            Some((kind, _)) if kind == "view" => Err(NotFound::View),
            Some((_, definition)) => Ok(Self {
                definition,
                columns: columns(connection, name)?,
                unique_indexes: unique_indexes(connection, name)?,
            }),
        })
    }

    /// The column of this name; the letter case of columns makes no difference.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Checks whether SQLite numbers the rows by this column: a lone `INTEGER PRIMARY KEY`.
    pub(crate) fn is_numbered(&self, column: &Column) -> bool {
        column.declared_type.eq_ignore_ascii_case("INTEGER") && self.is_whole_primary_key(column)
    }

    /// Checks whether no two rows have the same value in this column.
    pub(crate) fn is_unique(&self, column: &Column) -> bool {
        let mut indexes = self.unique_indexes.iter();
        self.is_whole_primary_key(column) || indexes.any(|index| index.is_on(&column.name))
    }

    /// Checks whether a new row must be given a value for this column.
    pub(crate) fn needs_value(&self, column: &Column) -> bool {
        column.is_required && !column.has_default && !self.is_numbered(column)
    }

    /// Returns the comparison of addresses that ignores letter case if an index allows that.
    pub(crate) fn address_look_up(&self, table: &UsersTable) -> AddressLookUp {
        let address = &table.columns.email_address;
        let is_no_case = |index: &UniqueIndex| {
            index.is_on(address) && index.collation.eq_ignore_ascii_case("NOCASE")
        };
        if self.unique_indexes.iter().any(is_no_case) {
            return AddressLookUp::NoCase;
        }
        let mut indexes = self.unique_indexes.iter();
        let lower_case = indexes.find(|index| index.is_lower_case_of(address));
        lower_case.map_or(AddressLookUp::Column, |index| {
            AddressLookUp::LowerCase(index.name.clone())
        })
    }

    fn is_whole_primary_key(&self, column: &Column) -> bool {
        let keys = self.columns.iter().filter(|column| column.is_primary_key);
        column.is_primary_key && keys.count() == 1
    }
}

impl Column {
    /// Returns the values that the column takes by its declared type, or `None` for bytes. SQLite itself takes any, unless the
    /// table is strict.
    pub(crate) fn value_kind(&self) -> Option<ValueKind> {
        let declared = self.declared_type.to_ascii_uppercase();
        let is = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        if declared.is_empty() || declared == "ANY" {
            Some(ValueKind::Any)
        } else if is(&["INT", "BOOL"]) {
            Some(ValueKind::IntegerOrBoolean)
        } else if is(&["BLOB"]) {
            None
        } else if is(&["REAL", "FLOA", "DOUB"]) {
            Some(ValueKind::Double)
        } else if is(&["DEC", "NUM"]) {
            Some(ValueKind::Decimal)
        } else {
            Some(ValueKind::Text)
        }
    }
}

impl UniqueIndex {
    fn is_on(&self, column: &str) -> bool {
        let own = self.column.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(column))
    }

    /// Checks whether the key is `lower(column)`, as the statement that created the index says.
    fn is_lower_case_of(&self, column: &str) -> bool {
        let definition = self.definition.as_deref().unwrap_or_default();
        self.column.is_none() && bare(definition).ends_with(&format!("(lower({}))", bare(column)))
    }
}

/// A text without white space and quotes, in lower case.
fn bare(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|character| !character.is_whitespace() && !"\"`[]'".contains(*character));
    kept.collect::<String>().to_ascii_lowercase()
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>, Error> {
    // Hidden columns include generated ones, which have their value by themselves.
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\" AND NOT hidden, dflt_value IS NOT NULL, pk <> 0, hidden <> 0
         FROM pragma_table_xinfo(?1)",
    )?;
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            is_required: row.get(2)?,
            has_default: row.get(3)?,
            is_primary_key: row.get(4)?,
            is_generated: row.get(5)?,
        })
    })?;
    columns.collect()
}

fn unique_indexes(connection: &Connection, table: &str) -> Result<Vec<UniqueIndex>, Error> {
    let mut statement = connection.prepare(
        "SELECT list.name, key.name, key.coll, schema.sql
         FROM pragma_index_list(?1) AS list
         JOIN pragma_index_xinfo(list.name) AS key ON key.key
         LEFT JOIN sqlite_schema AS schema ON schema.type = 'index' AND schema.name = list.name
         WHERE list.\"unique\" AND NOT list.partial
         AND (SELECT count(*) = 1 FROM pragma_index_xinfo(list.name) AS other WHERE other.key)",
    )?;
    let indexes = statement.query_map([table], |row| {
        Ok(UniqueIndex {
            name: row.get(0)?,
            column: row.get(1)?,
            collation: row.get(2)?,
            definition: row.get(3)?,
        })
    })?;
    indexes.collect()
}
