//! The statements of SQL for one table.
//!
//! A column is first compared by its type and collation, so that its index is used. An ID is then compared as text, byte by
//! byte. Of the users whose address is equal in this sense, the store takes the one whose address differs in ASCII letter case
//! at most.

use std::sync::Arc;

use faroe_core::{
    password::PasswordHash,
    user_store::{Counter, User, UserFieldValue, UserId},
};
use faroe_mysql::{
    MySqlQuery,
    sqlx::{Error, Row, mysql::MySqlRow},
};
use faroe_users_table::{
    IdGeneration, MAX_EMAIL_ADDRESS_SIZE, SignupColumn, SignupColumns, UsersTable,
};

use crate::table::{Column, FoundTable, Kind};

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) created: Created,
    /// If set, a password hash is one text.
    is_encoded: bool,
    /// The longest address that the column holds, in characters.
    max_address_size: Option<usize>,
    /// Reads the row that was created in the same transaction.
    pub(crate) get_created: Arc<str>,
    id_kind: Kind,
    id_is_unicode: bool,
    address_is_unicode: bool,
    /// The unique indexes that refuse an address in use.
    address_indexes: Vec<String>,
    /// The insertion of a user up to the names of further columns, and up to their values.
    create: [String; 2],
    pub(crate) signup_columns: SignupColumns,
    pub(crate) get: Arc<str>,
    pub(crate) get_by_email_address: Arc<str>,
    pub(crate) update_email_address: Arc<str>,
    pub(crate) update_password_hash: Arc<str>,
    pub(crate) increment_sessions_counter: Arc<str>,
    pub(crate) delete: Arc<str>,
    /// Statements that write no row, and that are refused where rows cannot be written. MySQL has no triggers for those.
    pub(crate) checks: [Arc<str>; 3],
    /// Reads hashes from a bounded number of rows.
    pub(crate) sample: Arc<str>,
}

/// The number of rows from which a sample of hashes is read.
const ROWS: usize = 10_000;

/// The way to find the row that was created. MySQL has no `RETURNING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// By the ID that the user store made.
    Id,
    /// By the number that the database has given last.
    Number,
    /// By the address and the salt, or the text that contains it.
    Address,
}

/// Quotes a name as an identifier, whatever it contains.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl Statements {
    /// The statements for a table that passed the check.
    pub(crate) fn new(table: &UsersTable, found: &FoundTable) -> Self {
        let columns = &table.columns;
        let column = |name: &str| found.column(name).expect("the table was checked");
        let (id_column, address_column) = (column(&columns.id), column(&columns.email_address));
        let is_user = is_parameter(id_column);
        let has_address = format!("{} = ?", quoted(&address_column.name));

        let name = quoted(&found.name);
        let [id, address] = [&columns.id, &columns.email_address].map(|name| quoted(name));
        let hash = quoted(&columns.password_hash);
        let is_encoded = table.is_encoded();
        // A fresh salt is in one of these columns.
        let (hash_columns, hash, salted) = if is_encoded {
            let read = format!("{}, {empty}, {empty}", bytes(&hash), empty = bytes("''"));
            (vec![hash.clone()], read, hash)
        } else {
            let algorithm = quoted(&columns.password_hash_algorithm_id);
            let salt = quoted(&columns.password_salt);
            let read = format!("{hash}, {}, {salt}", bytes(&algorithm));
            (vec![hash, algorithm, salt.clone()], read, salt)
        };
        let address_counter = quoted(&columns.email_address_counter);
        let hash_counter = quoted(&columns.password_hash_counter);
        let sessions_counter = quoted(&columns.sessions_counter);
        let optional = |name: &Option<String>, absent: &str| {
            name.as_deref().map_or_else(|| absent.to_owned(), quoted)
        };
        let is_disabled = optional(&columns.disabled, "0");
        let disabled_counter = optional(&columns.disabled_counter, "0");
        let shown_name = optional(&columns.display_name, "NULL");
        let user = format!(
            "{}, {}, {hash}, CAST(COALESCE({is_disabled}, 0) <> 0 AS SIGNED), \
             COALESCE({}, ''), CAST({address_counter} AS SIGNED), CAST({hash_counter} AS SIGNED), \
             CAST({disabled_counter} AS SIGNED), CAST({sessions_counter} AS SIGNED)",
            bytes(&id),
            bytes(&address),
            bytes(&shown_name),
        );

        let mut given = vec![(address.clone(), "?")];
        given.extend(hash_columns.iter().map(|name| (name.clone(), "?")));
        given.extend([
            (address_counter.clone(), "0"),
            (hash_counter.clone(), "0"),
            (sessions_counter.clone(), "0"),
        ]);
        let makes_ids = table.id_generation == IdGeneration::Random;
        if makes_ids {
            given.push((id.clone(), "?"));
        }
        for filled in [&columns.disabled, &columns.disabled_counter] {
            let filled = filled.as_deref().map(column);
            if let Some(filled) = filled.filter(|column| !column.is_generated) {
                given.push((quoted(&filled.name), "0"));
            }
        }
        let display_name = columns.display_name.as_deref().map(column);
        if let Some(display_name) = display_name.filter(|name| name.needs_value()) {
            given.push((quoted(&display_name.name), "''"));
        }
        let (given, values): (Vec<String>, Vec<&str>) = given.into_iter().unzip();
        let (given, values) = (given.join(", "), values.join(", "));

        let set_hash = hash_columns.iter().map(|name| format!("{name} = ?"));
        let set_hash = set_hash.collect::<Vec<_>>().join(", ");
        let counters = [&address_counter, &hash_counter, &sessions_counter];
        let changed = hash_columns.iter().chain([&address]).chain(counters);
        let changed = changed.map(|name| format!("{name} = {name}"));
        let changed = changed.collect::<Vec<_>>().join(", ");

        let created = if makes_ids {
            Created::Id
        } else if id_column.is_numbered {
            Created::Number
        } else {
            Created::Address
        };
        // A trigger may change the letter case of the address, and nothing else of it.
        let is_created = match created {
            Created::Id => is_user.clone(),
            Created::Number => format!("{id} = LAST_INSERT_ID()"),
            Created::Address => format!("{address} IN (?, LOWER(?)) AND {salted} = ?"),
        };
        let has_letters = format!("LOWER(CONVERT({address} USING utf8mb4)) = LOWER(?)");

        let on_address = found.unique_indexes.iter();
        let on_address = on_address.filter(|index| index.is_on(address_column));
        Self {
            created,
            is_encoded,
            max_address_size: address_column.max_size,
            get_created: format!("SELECT {user} FROM {name} WHERE {is_created} AND {has_letters}")
                .into(),
            id_kind: id_column.kind,
            id_is_unicode: id_column.is_unicode,
            address_is_unicode: address_column.is_unicode,
            address_indexes: on_address.map(|index| index.name.clone()).collect(),
            create: [
                format!("INSERT INTO {name} ({given}"),
                format!(") VALUES ({values}"),
            ],
            signup_columns: signup_columns(table, found),
            get: format!("SELECT {user} FROM {name} WHERE {is_user}").into(),
            get_by_email_address: format!("SELECT {user} FROM {name} WHERE {has_address}").into(),
            update_email_address: format!(
                "UPDATE {name} SET {address} = ?, {address_counter} = ? \
                 WHERE {is_user} AND {address_counter} = ?"
            )
            .into(),
            update_password_hash: format!(
                "UPDATE {name} SET {set_hash}, {hash_counter} = ? \
                 WHERE {is_user} AND {hash_counter} = ?"
            )
            .into(),
            increment_sessions_counter: format!(
                "UPDATE {name} SET {sessions_counter} = ? \
                 WHERE {is_user} AND {sessions_counter} = ?"
            )
            .into(),
            delete: format!("DELETE FROM {name} WHERE {is_user}").into(),
            checks: [
                format!("INSERT INTO {name} ({given}) SELECT {given} FROM {name} WHERE FALSE")
                    .into(),
                format!("UPDATE {name} SET {changed} WHERE FALSE").into(),
                format!("DELETE FROM {name} WHERE FALSE").into(),
            ],
            sample: format!("SELECT {hash} FROM {name} LIMIT {ROWS}").into(),
        }
    }

    /// Binds the columns of a hash, in their order.
    pub(crate) fn bind_hash<'q>(
        &self,
        query: MySqlQuery<'q>,
        hash: &'q PasswordHash,
    ) -> MySqlQuery<'q> {
        if self.is_encoded {
            return query.bind(hash.to_text());
        }
        query
            .bind(&*hash.hash)
            .bind(&hash.algorithm_id)
            .bind(&*hash.salt)
    }

    /// Binds the one column of a hash that contains its salt.
    pub(crate) fn bind_salted<'q>(
        &self,
        query: MySqlQuery<'q>,
        hash: &'q PasswordHash,
    ) -> MySqlQuery<'q> {
        if self.is_encoded {
            query.bind(hash.to_text())
        } else {
            query.bind(&*hash.salt)
        }
    }

    /// Returns the insertion of a user with values for these further columns.
    pub(crate) fn create_with<'a>(
        &self,
        columns: impl Iterator<Item = &'a SignupColumn>,
    ) -> Arc<str> {
        let [mut names, mut values] = self.create.clone();
        for column in columns {
            names += &format!(", {}", column.column);
            values += ", ?";
        }
        (names + &values + ")").into()
    }

    /// Checks whether a user can have this ID. The statements fail with any other.
    pub(crate) fn can_be_id(&self, id: &UserId) -> bool {
        let id = id.as_str();
        match self.id_kind {
            Kind::Integer => id
                .parse::<i64>()
                .is_ok_and(|number| number.to_string() == id),
            Kind::UnsignedInteger => id
                .parse::<u64>()
                .is_ok_and(|number| number.to_string() == id),
            Kind::Uuid => is_uuid(id),
            _ => self.id_is_unicode || id.is_ascii(),
        }
    }

    /// Checks whether the column is too short for an address that the protocol allows.
    pub(crate) fn is_too_long(&self, address: &str) -> bool {
        let size = address.chars().count();
        address.len() <= MAX_EMAIL_ADDRESS_SIZE
            && self.max_address_size.is_some_and(|max| size > max)
    }

    /// Checks whether the column can hold this address. The statements fail with any other.
    pub(crate) fn can_be_address(&self, address: &str) -> bool {
        self.address_is_unicode || address.is_ascii()
    }

    /// Binds the ID wherever a statement compares it.
    pub(crate) fn bind_id<'q>(&self, query: MySqlQuery<'q>, id: &'q UserId) -> MySqlQuery<'q> {
        match self.id_kind {
            Kind::Text | Kind::Bytes => query.bind(id.as_str()).bind(id.as_str()),
            _ => query.bind(id.as_str()),
        }
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

pub(crate) fn bind_value<'q>(query: MySqlQuery<'q>, value: &'q UserFieldValue) -> MySqlQuery<'q> {
    match value {
        UserFieldValue::Text(text) => query.bind(text),
        UserFieldValue::Integer(integer) => query.bind(integer),
        UserFieldValue::Fraction(fraction) => query.bind(fraction),
        UserFieldValue::Boolean(boolean) => query.bind(i64::from(*boolean)),
        _ => query.bind(None::<&str>),
    }
}

/// The one way in which MariaDB writes a UUID.
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

/// A text, or what can be written as one, as the bytes of its UTF-8.
fn bytes(expression: &str) -> String {
    format!("CAST(CONVERT({expression} USING utf8mb4) AS BINARY)")
}

fn is_parameter(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        Kind::Integer => format!("{name} = CAST(? AS SIGNED)"),
        Kind::UnsignedInteger => format!("{name} = CAST(? AS UNSIGNED)"),
        Kind::Uuid => format!("{name} = CAST(? AS UUID)"),
        _ => format!("({name} = ? AND {} = CAST(? AS BINARY))", bytes(&name)),
    }
}

fn text(row: &MySqlRow, column: usize) -> Result<String, Error> {
    optional_text(row, column)?.ok_or_else(|| Error::ColumnDecode {
        index: column.to_string(),
        source: "it is NULL".into(),
    })
}

fn optional_text(row: &MySqlRow, column: usize) -> Result<Option<String>, Error> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| Error::ColumnDecode {
        index: column.to_string(),
        source: "it is not UTF-8".into(),
    })
}

pub(crate) fn user(row: &MySqlRow) -> Result<User, Error> {
    let mut user = User::new(text(row, 0)?.into(), text(row, 1)?);
    let hash = hash(row, 2)?;
    user.password_hash = hash.hash;
    user.password_hash_algorithm_id = hash.algorithm_id;
    user.password_salt = hash.salt;
    user.disabled = row.try_get::<i64, _>(5)? != 0;
    user.display_name = text(row, 6)?;
    user.email_address_counter = counter(row, 7)?;
    user.password_hash_counter = counter(row, 8)?;
    user.disabled_counter = counter(row, 9)?;
    user.sessions_counter = counter(row, 10)?;
    Ok(user)
}

/// Reads a hash from three columns of a row. A user without a password may have NULL in them.
pub(crate) fn hash(row: &MySqlRow, first: usize) -> Result<PasswordHash, Error> {
    let bytes = |column: usize| row.try_get::<Option<Vec<u8>>, _>(column);
    Ok(PasswordHash {
        hash: bytes(first)?.unwrap_or_default().into(),
        algorithm_id: optional_text(row, first + 1)?.unwrap_or_default(),
        salt: bytes(first + 2)?.unwrap_or_default().into(),
    })
}

fn counter(row: &MySqlRow, column: usize) -> Result<Counter, Error> {
    let value: i64 = row.try_get(column)?;
    let counter = i32::try_from(value).ok().and_then(Counter::new);
    counter.ok_or_else(|| Error::ColumnDecode {
        index: column.to_string(),
        source: "it is no counter from 0 to 2147483647".into(),
    })
}
