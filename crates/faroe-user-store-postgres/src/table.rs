//! A table as the database describes it.

use faroe_postgres::{
    Database,
    sqlx::{AssertSqlSafe, Error, Row, query},
};
use faroe_users_table::ValueKind;

/// A table as the database describes it.
pub(crate) struct FoundTable {
    pub(crate) columns: Vec<Column>,
    pub(crate) unique_indexes: Vec<UniqueIndex>,
    /// If set, the user of the database may delete rows.
    pub(crate) may_delete: bool,
}

pub(crate) struct Column {
    pub(crate) name: String,
    number: i32,
    /// The name for a cast; of a domain, the type behind it.
    pub(crate) type_name: String,
    /// The name of the domain, if the type is one.
    pub(crate) domain: Option<String>,
    /// The longest text that the column holds, in characters.
    pub(crate) max_size: Option<usize>,
    /// The name of the collation, if the type has one.
    collation: Option<String>,
    pub(crate) is_generated: bool,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    pub(crate) has_default: bool,
    /// The privileges of the user of the database.
    pub(crate) may: Privileges,
}

#[derive(Clone, Copy)]
pub(crate) struct Privileges {
    pub(crate) select: bool,
    pub(crate) insert: bool,
    pub(crate) update: bool,
}

impl Column {
    /// Returns the values that the column takes, or `None` for bytes. Dates, for example, are written as text.
    pub(crate) fn value_kind(&self) -> Option<ValueKind> {
        Some(match (self.kind, self.type_name.as_str()) {
            (Kind::Bytes, _) => return None,
            (Kind::Integer, _) => ValueKind::Integer,
            (Kind::Boolean, _) => ValueKind::Boolean,
            (Kind::Other, "pg_catalog.float4") => ValueKind::Single,
            (Kind::Other, "pg_catalog.float8") => ValueKind::Double,
            (Kind::Other, "pg_catalog.\"numeric\"") => ValueKind::Decimal,
            (Kind::Text | Kind::PaddedText | Kind::Uuid | Kind::Other, _) => ValueKind::Text,
        })
    }

    /// Checks whether a new row must be given a value.
    pub(crate) fn needs_value(&self) -> bool {
        self.is_required && !self.has_default
    }
}

/// The kinds of values that a type can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Text that is padded with spaces.
    PaddedText,
    Integer,
    Uuid,
    Bytes,
    Boolean,
    Other,
}

/// A unique index with one key.
pub(crate) struct UniqueIndex {
    pub(crate) name: String,
    /// The number of the column, or 0 if the key is an expression.
    column: i32,
    /// The numbers of the columns that the index needs, those of an expression and of a condition too.
    needed_columns: Vec<i32>,
    covers_all_rows: bool,
    /// The key, if it is an expression.
    expression: Option<String>,
}

impl FoundTable {
    /// Looks for an ordinary table of this name, in the schemas of the search path.
    pub(crate) async fn find(database: &Database, name: &str) -> Result<Option<Self>, Error> {
        let select = query(
            "SELECT oid::int8, has_table_privilege(oid, 'DELETE') FROM pg_class WHERE oid = to_regclass($1)::oid AND relkind IN ('r', 'p')",
        );
        let Some(row) = database.run(select.bind(quoted(name))).await?.rows.pop() else {
            return Ok(None);
        };
        let table: i64 = row.try_get(0)?;
        Ok(Some(Self {
            columns: columns(database, table).await?,
            unique_indexes: unique_indexes(database, table).await?,
            may_delete: row.try_get(1)?,
        }))
    }

    /// Checks whether two rows cannot have values in this column that differ in letter case only: by its type or collation,
    /// or by an index on `lower(…)`.
    pub(crate) async fn ignores_case(
        &self,
        database: &Database,
        column: &Column,
    ) -> Result<bool, Error> {
        if self.lower_case_of(column).is_some() {
            return Ok(true);
        }
        let (name, collation) = (&column.type_name, column.collation.as_ref());
        let collation = collation.map(|name| format!("COLLATE {name}"));
        let collation = collation.unwrap_or_default();
        let compare = format!("SELECT 'a'::text::{name} {collation} = 'A'::text::{name}");
        let rows = database.run(query(AssertSqlSafe(compare))).await?.rows;
        rows.first().map_or(Ok(false), |row| row.try_get(0))
    }

    /// Returns the key of an index that prevents two rows with the same lower case of this column: `lower(…)`.
    pub(crate) fn lower_case_of(&self, column: &Column) -> Option<&str> {
        let mut indexes = self.unique_indexes.iter();
        indexes.find_map(|index| index.lower_case_of(column))
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl UniqueIndex {
    /// Checks whether the index prevents two rows with the same value in this column.
    pub(crate) fn guards(&self, column: &Column) -> bool {
        self.column == column.number && self.covers_all_rows
    }

    /// Returns the key if it is the lower case of this column.
    fn lower_case_of(&self, column: &Column) -> Option<&str> {
        let expression = self.expression.as_deref()?;
        let mut needed = self.needed_columns.iter();
        let guards =
            self.covers_all_rows && needed.all(|needed| [0, column.number].contains(needed));
        (guards && is_lower_case(expression)).then_some(expression)
    }

    /// Checks whether the index refuses rows because of this column.
    pub(crate) fn concerns(&self, column: &Column) -> bool {
        self.column == column.number
            || (self.column == 0 && self.needed_columns.contains(&column.number))
    }
}

/// Checks whether an expression, as PostgreSQL writes it, is one call of `lower` and nothing else.
fn is_lower_case(expression: &str) -> bool {
    let arguments = expression.strip_prefix("lower(");
    let argument = arguments.and_then(|arguments| arguments.strip_suffix(')'));
    argument.is_some_and(|argument| {
        let argument = argument.strip_suffix("::text").unwrap_or(argument);
        let argument = argument.strip_prefix('(').unwrap_or(argument);
        let argument = argument.strip_suffix(')').unwrap_or(argument);
        !argument.contains(['(', ')', '|', ','])
    })
}

/// Quotes a name as an identifier, whatever it contains.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn columns(database: &Database, table: i64) -> Result<Vec<Column>, Error> {
    let select = query(
        "SELECT a.attname::text, a.attnum::int4, quote_ident(n.nspname) || '.' || quote_ident(t.typname),
            t.typname::text, t.typcategory::text, a.attnotnull, a.atthasdef OR a.attidentity <> '',
            has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
            has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
            has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),
            CASE WHEN declared.typtype = 'd'
                THEN (SELECT quote_ident(nspname) FROM pg_namespace WHERE oid = declared.typnamespace)
                    || '.' || quote_ident(declared.typname) END,
            CASE WHEN t.typname IN ('varchar', 'bpchar')
                THEN nullif(greatest(a.atttypmod, declared.typtypmod), -1) - 4 END,
            (SELECT quote_ident(cn.nspname) || '.' || quote_ident(c.collname) FROM pg_collation c
                JOIN pg_namespace cn ON cn.oid = c.collnamespace WHERE c.oid = a.attcollation),
            a.attgenerated <> ''
         FROM pg_attribute a
         JOIN pg_type declared ON declared.oid = a.atttypid
         JOIN pg_type t ON t.oid = coalesce(nullif(declared.typbasetype, 0), declared.oid)
         JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped",
    );
    let rows = database.run(select.bind(table)).await?.rows;
    let column = |row: &faroe_postgres::sqlx::postgres::PgRow| {
        let (name, category): (String, String) = (row.try_get(3)?, row.try_get(4)?);
        Ok(Column {
            name: row.try_get(0)?,
            number: row.try_get(1)?,
            type_name: row.try_get(2)?,
            kind: kind(&name, &category),
            is_required: row.try_get(5)?,
            has_default: row.try_get(6)?,
            may: Privileges {
                select: row.try_get(7)?,
                insert: row.try_get(8)?,
                update: row.try_get(9)?,
            },
            domain: row.try_get(10)?,
            max_size: row
                .try_get::<Option<i32>, _>(11)?
                .and_then(|size| usize::try_from(size).ok()),
            collation: row.try_get(12)?,
            is_generated: row.try_get(13)?,
        })
    };
    rows.iter().map(column).collect()
}

fn kind(type_name: &str, category: &str) -> Kind {
    match (type_name, category) {
        ("int2" | "int4" | "int8", _) => Kind::Integer,
        ("uuid", _) => Kind::Uuid,
        ("bytea", _) => Kind::Bytes,
        ("bool", _) => Kind::Boolean,
        ("bpchar", _) => Kind::PaddedText,
        (_, "S") => Kind::Text,
        _ => Kind::Other,
    }
}

async fn unique_indexes(database: &Database, table: i64) -> Result<Vec<UniqueIndex>, Error> {
    let select = query(
        "SELECT c.relname::text, i.indkey[0]::int4, i.indpred IS NULL AND i.indisvalid,
            ARRAY(SELECT d.refobjsubid FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid),
            CASE WHEN i.indkey[0] = 0 THEN pg_get_indexdef(i.indexrelid, 1, TRUE) END
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = $1::oid AND i.indisunique AND i.indnkeyatts = 1",
    );
    let rows = database.run(select.bind(table)).await?.rows;
    let index = |row: &faroe_postgres::sqlx::postgres::PgRow| {
        Ok(UniqueIndex {
            name: row.try_get(0)?,
            column: row.try_get(1)?,
            covers_all_rows: row.try_get(2)?,
            needed_columns: row.try_get(3)?,
            expression: row.try_get(4)?,
        })
    };
    rows.iter().map(index).collect()
}
