//! A table as the database describes it.

use faroe_mysql::{
    Database,
    sqlx::{Error, Row, mysql::MySqlRow, query},
};
use faroe_users_table::ValueKind;

/// A table as the database describes it.
pub(crate) struct FoundTable {
    /// The name as the database writes it.
    pub(crate) name: String,
    pub(crate) is_transactional: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) unique_indexes: Vec<UniqueIndex>,
}

pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) kind: Kind,
    /// `true` if the column can be compared with any text; otherwise only with ASCII.
    pub(crate) is_unicode: bool,
    /// The name of the collation, if the type has one.
    collation: String,
    /// The longest value that the column holds, in characters or bytes.
    pub(crate) max_size: Option<usize>,
    is_required: bool,
    pub(crate) has_default: bool,
    /// True if the values are numbers that the database gives.
    pub(crate) is_numbered: bool,
    pub(crate) is_generated: bool,
}

impl Column {
    /// Returns the values that the column takes, or `None` for bytes. Dates, for example, are written as text.
    pub(crate) fn value_kind(&self) -> Option<ValueKind> {
        let type_name = self.type_name.to_lowercase();
        Some(match self.kind {
            Kind::Bytes => return None,
            Kind::Integer | Kind::UnsignedInteger | Kind::Bit => ValueKind::IntegerOrBoolean,
            Kind::Other if type_name.starts_with("float") => ValueKind::Single,
            Kind::Other if type_name.starts_with("double") => ValueKind::Double,
            Kind::Other if type_name.starts_with("decimal") => ValueKind::Decimal,
            Kind::Text | Kind::Uuid | Kind::Other => ValueKind::Text,
        })
    }

    /// Checks whether a new row must be given a value.
    pub(crate) fn needs_value(&self) -> bool {
        self.is_required && !self.has_default
    }

    /// Checks whether texts that differ in letter case are equal.
    pub(crate) fn ignores_case(&self) -> bool {
        self.collation.ends_with("_ci")
    }
}

/// The kinds of values that a type can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes may be text too.
    Text,
    Bytes,
    Integer,
    UnsignedInteger,
    Bit,
    /// MariaDB has a type for it.
    Uuid,
    Other,
}

/// A unique index on one whole column.
pub(crate) struct UniqueIndex {
    pub(crate) name: String,
    column: String,
}

impl FoundTable {
    /// Looks for an ordinary table of this name.
    pub(crate) async fn find(database: &Database, name: &str) -> Result<Option<Self>, Error> {
        const SELECT: &str = "SELECT CAST(TABLE_NAME AS BINARY), COALESCE(ENGINE, '') = 'InnoDB'
             FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME = ?
             AND (@@lower_case_table_names <> 0 OR CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY))";
        let select = || query(SELECT).bind(name).bind(name);
        let Some(row) = database.run(select).await?.rows.pop() else {
            return Ok(None);
        };
        let name = text(&row, 0)?;
        Ok(Some(Self {
            is_transactional: row.try_get::<i64, _>(1)? != 0,
            columns: columns(database, &name).await?,
            unique_indexes: unique_indexes(database, &name).await?,
            name,
        }))
    }

    /// The column of this name; the letter case of columns makes no difference.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|column| is_same(&column.name, name))
    }
}

pub(crate) fn is_same(name: &str, other: &str) -> bool {
    name.to_lowercase() == other.to_lowercase()
}

impl UniqueIndex {
    pub(crate) fn is_on(&self, column: &Column) -> bool {
        is_same(&self.column, &column.name)
    }
}

fn text(row: &MySqlRow, column: usize) -> Result<String, Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn columns(database: &Database, table: &str) -> Result<Vec<Column>, Error> {
    const SELECT: &str = "SELECT CAST(COLUMN_NAME AS BINARY), CAST(DATA_TYPE AS BINARY),
            CAST(COLUMN_TYPE AS BINARY), CAST(COALESCE(CHARACTER_SET_NAME, 'binary') AS BINARY),
            IS_NULLABLE = 'NO',
            COLUMN_DEFAULT IS NOT NULL OR EXTRA LIKE '%auto_increment%' OR EXTRA LIKE '%GENERATED%',
            CAST(COALESCE(COLLATION_NAME, '') AS BINARY), CAST(CHARACTER_MAXIMUM_LENGTH AS SIGNED),
            EXTRA LIKE '%auto_increment%', COALESCE(GENERATION_EXPRESSION, '') <> ''
         FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)";
    let rows = database.run(|| query(SELECT).bind(table)).await?.rows;
    let column = |row: &MySqlRow| {
        let (data_type, type_name) = (text(row, 1)?, text(row, 2)?);
        let is_unsigned = type_name.to_lowercase().contains("unsigned");
        Ok(Column {
            name: text(row, 0)?,
            kind: kind(&data_type.to_lowercase(), is_unsigned),
            type_name,
            is_unicode: matches!(text(row, 3)?.as_str(), "utf8mb4" | "binary"),
            is_required: row.try_get::<i64, _>(4)? != 0,
            has_default: row.try_get::<i64, _>(5)? != 0,
            collation: text(row, 6)?,
            max_size: row
                .try_get::<Option<i64>, _>(7)?
                .and_then(|size| usize::try_from(size).ok()),
            is_numbered: row.try_get::<i64, _>(8)? != 0,
            is_generated: row.try_get::<i64, _>(9)? != 0,
        })
    };
    rows.iter().map(column).collect()
}

fn kind(data_type: &str, is_unsigned: bool) -> Kind {
    match data_type {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text,
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if is_unsigned => {
            Kind::UnsignedInteger
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Kind::Integer,
        "bit" => Kind::Bit,
        "uuid" => Kind::Uuid,
        _ => Kind::Other,
    }
}

async fn unique_indexes(database: &Database, table: &str) -> Result<Vec<UniqueIndex>, Error> {
    const SELECT: &str = "SELECT CAST(INDEX_NAME AS BINARY), CAST(MIN(COLUMN_NAME) AS BINARY)
         FROM information_schema.STATISTICS
         WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)
         AND NON_UNIQUE = 0
         GROUP BY INDEX_NAME
         HAVING COUNT(*) = 1 AND MIN(COLUMN_NAME) IS NOT NULL AND MIN(SUB_PART) IS NULL";
    let rows = database.run(|| query(SELECT).bind(table)).await?.rows;
    let index = |row: &MySqlRow| {
        Ok(UniqueIndex {
            name: text(row, 0)?,
            column: text(row, 1)?,
        })
    };
    rows.iter().map(index).collect()
}
