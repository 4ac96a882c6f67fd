//! The statements of SQL for one table.
//!
//! A column is first compared by its type and collation, so that its index is used, and then as text, byte by byte: an
//! address in another letter case is another address, at the cost of one row.

use std::sync::Arc;

use faroe_core::user_store::{Counter, User, UserId};
use faroe_postgres::sqlx::{Error, Row, postgres::PgRow};
use faroe_users_table::{IdGeneration, UsersTable};

use crate::table::{Column, FoundTable, Kind, quoted};

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) makes_ids: bool,
    id_kind: Kind,
    /// The unique indexes that refuse an address in use.
    address_indexes: Vec<String>,
    pub(crate) create: Arc<str>,
    pub(crate) get: Arc<str>,
    pub(crate) get_by_email_address: Arc<str>,
    pub(crate) update_email_address: Arc<str>,
    pub(crate) update_password_hash: Arc<str>,
    pub(crate) increment_sessions_counter: Arc<str>,
    pub(crate) delete: Arc<str>,
    /// Refused where rows can be read but not written. Unlike an update of no row, it fires no trigger.
    pub(crate) check: Arc<str>,
    /// Reads the IDs of algorithms from a bounded number of rows.
    pub(crate) algorithm_ids: Arc<str>,
}

/// The number of rows in which algorithms are looked for.
const ROWS: usize = 10_000;

impl Statements {
    /// The statements for a table that passed the check.
    pub(crate) fn new(table: &UsersTable, found: &FoundTable) -> Self {
        let columns = &table.columns;
        let column = |name: &str| found.column(name).expect("the table was checked");
        let (id_column, address_column) = (column(&columns.id), column(&columns.email_address));
        let is_user = is_first_parameter(id_column);
        let has_address = is_first_parameter(address_column);

        let name = quoted(&table.name);
        let [id, address] = [&columns.id, &columns.email_address].map(|name| quoted(name));
        let hash = quoted(&columns.password_hash);
        let algorithm = quoted(&columns.password_hash_algorithm_id);
        let salt = quoted(&columns.password_salt);
        let address_counter = quoted(&columns.email_address_counter);
        let hash_counter = quoted(&columns.password_hash_counter);
        let sessions_counter = quoted(&columns.sessions_counter);
        let optional = |name: &Option<String>, absent: &str| {
            name.as_deref().map_or_else(|| absent.to_owned(), quoted)
        };
        let (is_disabled, not_disabled) = match columns.disabled.as_deref().map(column) {
            Some(disabled) if disabled.kind == Kind::Boolean => (
                format!("coalesce({}, FALSE)", quoted(&disabled.name)),
                "FALSE",
            ),
            Some(disabled) => (format!("coalesce({}, 0) <> 0", quoted(&disabled.name)), "0"),
            None => (String::from("FALSE"), ""),
        };
        let disabled_counter = optional(&columns.disabled_counter, "0");
        let display_name = optional(&columns.display_name, "NULL");
        let user = format!(
            "{id}::text, {address}::text, {hash}, {algorithm}::text, {salt}, {is_disabled}, \
             coalesce({display_name}::text, ''), {address_counter}::int8, {hash_counter}::int8, \
             {disabled_counter}::int8, {sessions_counter}::int8"
        );

        let mut given = vec![
            (address.clone(), "$1"),
            (hash.clone(), "$2"),
            (algorithm.clone(), "$3"),
            (salt.clone(), "$4"),
            (address_counter.clone(), "0"),
            (hash_counter.clone(), "0"),
            (sessions_counter.clone(), "0"),
        ];
        let makes_ids = table.id_generation == IdGeneration::Random;
        if makes_ids {
            given.push((id.clone(), "$5"));
        }
        if let Some(disabled) = &columns.disabled {
            given.push((quoted(disabled), not_disabled));
        }
        if let Some(disabled_counter) = &columns.disabled_counter {
            given.push((quoted(disabled_counter), "0"));
        }
        let (given, values): (Vec<String>, Vec<&str>) = given.into_iter().unzip();
        let (given, values) = (given.join(", "), values.join(", "));

        let concerning = found.unique_indexes.iter();
        let concerning = concerning.filter(|index| index.concerns(address_column));
        Self {
            makes_ids,
            id_kind: id_column.kind,
            address_indexes: concerning.map(|index| index.name.clone()).collect(),
            create: format!("INSERT INTO {name} ({given}) VALUES ({values}) RETURNING {user}")
                .into(),
            get: format!("SELECT {user} FROM {name} WHERE {is_user}").into(),
            get_by_email_address: format!("SELECT {user} FROM {name} WHERE {has_address}").into(),
            update_email_address: format!(
                "UPDATE {name} SET {address} = $4, {address_counter} = $3 \
                 WHERE {is_user} AND {address_counter} = $2"
            )
            .into(),
            update_password_hash: format!(
                "UPDATE {name} SET {hash} = $4, {algorithm} = $5, {salt} = $6, {hash_counter} = $3 \
                 WHERE {is_user} AND {hash_counter} = $2"
            )
            .into(),
            increment_sessions_counter: format!(
                "UPDATE {name} SET {sessions_counter} = $3 \
                 WHERE {is_user} AND {sessions_counter} = $2"
            )
            .into(),
            delete: format!("DELETE FROM {name} WHERE {is_user}").into(),
            check: format!("SELECT 1 FROM {name} WHERE FALSE FOR UPDATE").into(),
            algorithm_ids: format!(
                "SELECT DISTINCT id FROM (SELECT {algorithm}::text AS id FROM {name} LIMIT {ROWS}) AS sample \
                 WHERE id <> ''"
            )
            .into(),
        }
    }

    /// Checks whether a user can have this ID. The statements fail with any other.
    pub(crate) fn can_be_id(&self, id: &UserId) -> bool {
        let id = id.as_str();
        match self.id_kind {
            Kind::Integer => id
                .parse::<i64>()
                .is_ok_and(|number| number.to_string() == id),
            Kind::Uuid => is_uuid(id),
            _ => can_be_text(id),
        }
    }

    /// Checks whether an index of this name refuses addresses.
    pub(crate) fn is_about_address(&self, index: &str) -> bool {
        self.address_indexes.iter().any(|name| name == index)
    }
}

/// Checks whether PostgreSQL can hold a text: NUL is an error.
pub(crate) fn can_be_text(text: &str) -> bool {
    !text.contains('\0')
}

/// The one way in which PostgreSQL writes a UUID.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(position, byte)| match position {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            })
}

fn is_first_parameter(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        Kind::Integer => format!("{name} = $1::text::int8"),
        Kind::Uuid => format!("{name} = $1::text::uuid"),
        _ => format!(
            "({name} = $1::text::{} AND {name}::text COLLATE \"C\" = $1::text)",
            column.type_name
        ),
    }
}

pub(crate) fn user(row: &PgRow) -> Result<User, Error> {
    let mut user = User::new(
        UserId::from(row.try_get::<String, _>(0)?),
        row.try_get::<String, _>(1)?,
    );
    user.password_hash = row.try_get::<Vec<u8>, _>(2)?.into();
    user.password_hash_algorithm_id = row.try_get(3)?;
    user.password_salt = row.try_get::<Vec<u8>, _>(4)?.into();
    user.disabled = row.try_get(5)?;
    user.display_name = row.try_get(6)?;
    user.email_address_counter = counter(row, 7)?;
    user.password_hash_counter = counter(row, 8)?;
    user.disabled_counter = counter(row, 9)?;
    user.sessions_counter = counter(row, 10)?;
    Ok(user)
}

fn counter(row: &PgRow, column: usize) -> Result<Counter, Error> {
    let value: i64 = row.try_get(column)?;
    let counter = i32::try_from(value).ok().and_then(Counter::new);
    counter.ok_or_else(|| Error::ColumnDecode {
        index: column.to_string(),
        source: "it is no counter from 0 to 2147483647".into(),
    })
}
