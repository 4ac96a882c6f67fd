//! The statements of SQL for one table.
//!
//! A column is first compared by its type and collation, so that its index is used. An ID is then compared as text, byte by
//! byte. Of the users whose address is equal in this sense, or has the same lower case if an index forbids two, the store
//! takes the one whose address differs in ASCII letter case at most.

use std::sync::Arc;

use faroe_core::{
    password::PasswordHash,
    user_store::{Counter, User, UserFieldValue, UserId},
};
use faroe_postgres::sqlx::{Error, Row, postgres::PgRow};
use faroe_users_table::{
    IdGeneration, MAX_EMAIL_ADDRESS_SIZE, SignupColumn, SignupColumns, UsersTable,
};

use crate::{
    UserQuery,
    table::{Column, FoundTable, Kind, quoted},
};

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) makes_ids: bool,
    /// If set, a password hash is one text.
    is_encoded: bool,
    id_kind: Kind,
    /// The longest address that the column holds, in characters.
    max_address_size: Option<usize>,
    /// The unique indexes that refuse an address in use.
    address_indexes: Vec<String>,
    /// The insertion of a user up to the names of further columns, up to their values, and from there on.
    create: [String; 3],
    pub(crate) signup_columns: SignupColumns,
    pub(crate) get: Arc<str>,
    pub(crate) get_by_email_address: Arc<str>,
    pub(crate) update_email_address: Arc<str>,
    pub(crate) update_password_hash: Arc<str>,
    pub(crate) increment_sessions_counter: Arc<str>,
    pub(crate) delete: Arc<str>,
    /// Refused where rows can be read but not written. Unlike an update of no row, it fires no trigger.
    pub(crate) check: Arc<str>,
    /// Reads hashes from a bounded number of rows.
    pub(crate) sample: Arc<str>,
}

/// The number of rows from which a sample of hashes is read.
const ROWS: usize = 10_000;

impl Statements {
    /// The statements for a table that passed the check.
    pub(crate) fn new(table: &UsersTable, found: &FoundTable) -> Self {
        let columns = &table.columns;
        let column = |name: &str| found.column(name).expect("the table was checked");
        let (id_column, address_column) = (column(&columns.id), column(&columns.email_address));
        let is_user = is_first_parameter(id_column);
        let has_address = match found.lower_case_of(address_column) {
            Some(lower_case) => format!("{lower_case} = $2::text"),
            None => format!(
                "{} = $1::text::{}",
                quoted(&address_column.name),
                address_column.type_name
            ),
        };
        // Both parameters are used, and a domain refuses what it cannot hold.
        let domain = address_column.domain.as_ref();
        let domain = domain.map(|name| format!("::{name}")).unwrap_or_default();
        let has_address =
            format!("{has_address} AND $1::text{domain} IS NOT NULL AND $2::text IS NOT NULL");

        let name = quoted(&table.name);
        let [id, address] = [&columns.id, &columns.email_address].map(|name| quoted(name));
        let hash = quoted(&columns.password_hash);
        let is_encoded = table.is_encoded();
        let (hash_columns, hash) = if is_encoded {
            let bytes = format!("convert_to({hash}::text, 'UTF8'), ''::text, ''::bytea");
            (vec![hash], bytes)
        } else {
            let algorithm = quoted(&columns.password_hash_algorithm_id);
            let salt = quoted(&columns.password_salt);
            let read = format!("{hash}, {algorithm}::text, {salt}");
            (vec![hash, algorithm, salt], read)
        };
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
        let shown_name = optional(&columns.display_name, "NULL");
        let user = format!(
            "{id}::text, {address}::text, {hash}, {is_disabled}, \
             coalesce({shown_name}::text, ''), {address_counter}::int8, {hash_counter}::int8, \
             {disabled_counter}::int8, {sessions_counter}::int8"
        );

        let set_hash = hash_columns.iter().zip(4..);
        let set_hash = set_hash.map(|(name, number)| format!("{name} = ${number}"));
        let set_hash = set_hash.collect::<Vec<_>>().join(", ");
        let mut given = vec![
            (address.clone(), "$1"),
            (address_counter.clone(), "0"),
            (hash_counter.clone(), "0"),
            (sessions_counter.clone(), "0"),
        ];
        given.extend(hash_columns.into_iter().zip(["$3", "$4", "$5"]));
        let makes_ids = table.id_generation == IdGeneration::Random;
        if makes_ids {
            given.push((id.clone(), if is_encoded { "$4" } else { "$6" }));
        }
        let filled = [
            (&columns.disabled, not_disabled),
            (&columns.disabled_counter, "0"),
        ];
        for (filled, value) in filled {
            let filled = filled.as_deref().map(column);
            if let Some(filled) = filled.filter(|column| !column.is_generated) {
                given.push((quoted(&filled.name), value));
            }
        }
        let display_name = columns.display_name.as_deref().map(column);
        if let Some(display_name) = display_name.filter(|name| name.needs_value()) {
            given.push((quoted(&display_name.name), "''"));
        }
        let (given, values): (Vec<String>, Vec<&str>) = given.into_iter().unzip();
        let (given, values) = (given.join(", "), values.join(", "));

        let concerning = found.unique_indexes.iter();
        let concerning = concerning.filter(|index| index.concerns(address_column));
        Self {
            makes_ids,
            is_encoded,
            id_kind: id_column.kind,
            address_indexes: concerning.map(|index| index.name.clone()).collect(),
            max_address_size: address_column.max_size,
            // The division fails, and nothing is inserted, if a trigger changed more of the address than its letter case.
            create: [
                format!("INSERT INTO {name} ({given}"),
                format!(") VALUES ({values}"),
                format!(
                    ") RETURNING {user}, 1 / (lower({address}::text COLLATE \"C\") = $2::text)::int"
                ),
            ],
            signup_columns: signup_columns(table, found),
            get: format!("SELECT {user} FROM {name} WHERE {is_user}").into(),
            get_by_email_address: format!("SELECT {user} FROM {name} WHERE {has_address}").into(),
            update_email_address: format!(
                "UPDATE {name} SET {address} = $4, {address_counter} = $3 \
                 WHERE {is_user} AND {address_counter} = $2"
            )
            .into(),
            update_password_hash: format!(
                "UPDATE {name} SET {set_hash}, {hash_counter} = $3 \
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
            sample: format!("SELECT {hash} FROM {name} LIMIT {ROWS}").into(),
        }
    }

    /// Returns the insertion of a user with values for these further columns, each a text in a parameter.
    pub(crate) fn create_with<'a>(
        &self,
        columns: impl Iterator<Item = &'a SignupColumn>,
    ) -> Arc<str> {
        let [mut names, mut values, end] = self.create.clone();
        let hash_columns = if self.is_encoded { 1 } else { 3 };
        let first = 3 + hash_columns + usize::from(self.makes_ids);
        for (parameter, column) in (first..).zip(columns) {
            names += &format!(", {}", column.column);
            values += &format!(", ${parameter}::text::{}", column.type_name);
        }
        (names + &values + &end).into()
    }

    /// Binds the columns of a hash, in their order.
    pub(crate) fn bind_hash<'q>(&self, query: UserQuery<'q>, hash: &PasswordHash) -> UserQuery<'q> {
        if self.is_encoded {
            return query.bind(hash.to_text());
        }
        query
            .bind(hash.hash.to_vec())
            .bind(hash.algorithm_id.clone())
            .bind(hash.salt.to_vec())
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

    /// Checks whether the column is too short for an address that the protocol allows.
    pub(crate) fn is_too_long(&self, address: &str) -> bool {
        let size = address.chars().count();
        address.len() <= MAX_EMAIL_ADDRESS_SIZE
            && self.max_address_size.is_some_and(|max| size > max)
    }

    /// Checks whether an index of this name refuses addresses.
    pub(crate) fn is_about_address(&self, index: &str) -> bool {
        self.address_indexes.iter().any(|name| name == index)
    }
}

fn signup_columns(table: &UsersTable, found: &FoundTable) -> SignupColumns {
    let columns = table.signup_fields.iter().filter_map(|(field, name)| {
        let column = found.column(name)?;
        Some(SignupColumn {
            field: field.to_owned(),
            column: quoted(&column.name),
            type_name: column.type_name.clone(),
            kind: column.value_kind()?,
            max_size: column.max_size,
            needs_value: column.needs_value(),
        })
    });
    columns.collect()
}

/// Returns a value as the text that is cast to the type of its column.
pub(crate) fn sql_value(value: &UserFieldValue) -> Option<String> {
    match value {
        UserFieldValue::Text(text) => Some(text.clone()),
        UserFieldValue::Integer(integer) => Some(integer.to_string()),
        UserFieldValue::Fraction(fraction) => Some(fraction.to_string()),
        UserFieldValue::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
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
    let hash = hash(row, 2)?;
    user.password_hash = hash.hash;
    user.password_hash_algorithm_id = hash.algorithm_id;
    user.password_salt = hash.salt;
    user.disabled = row.try_get(5)?;
    user.display_name = row.try_get(6)?;
    user.email_address_counter = counter(row, 7)?;
    user.password_hash_counter = counter(row, 8)?;
    user.disabled_counter = counter(row, 9)?;
    user.sessions_counter = counter(row, 10)?;
    Ok(user)
}

/// Reads a hash from three columns of a row. A user without a password may have NULL in them.
pub(crate) fn hash(row: &PgRow, first: usize) -> Result<PasswordHash, Error> {
    let bytes = |column: usize| row.try_get::<Option<Vec<u8>>, _>(column);
    Ok(PasswordHash {
        hash: bytes(first)?.unwrap_or_default().into(),
        algorithm_id: row.try_get::<Option<_>, _>(first + 1)?.unwrap_or_default(),
        salt: bytes(first + 2)?.unwrap_or_default().into(),
    })
}

fn counter(row: &PgRow, column: usize) -> Result<Counter, Error> {
    let value: i64 = row.try_get(column)?;
    let counter = i32::try_from(value).ok().and_then(Counter::new);
    counter.ok_or_else(|| Error::ColumnDecode {
        index: column.to_string(),
        source: "it is no counter from 0 to 2147483647".into(),
    })
}
