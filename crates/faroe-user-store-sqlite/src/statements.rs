//! The statements of SQL for one table.
//!
//! A column is first compared by its own collation and affinity, so that its index is used. An ID is then compared as text,
//! byte by byte: `'01'` finds no number. Of the users whose address is equal in this sense, or by an index that ignores letter
//! case, the store takes the one whose address differs in ASCII letter case at most.

use faroe_core::{
    password::PasswordHash,
    user_store::{Counter, NewUser, User, UserFieldValue, UserId, holder},
};
use faroe_sqlite::rusqlite::{
    Connection, Error, OptionalExtension, Params, Row, ToSql, ffi, params_from_iter, types::Value,
};
use faroe_users_table::{IdGeneration, SignupColumn, SignupColumns, UsersTable};

use crate::table::{AddressLookUp, FoundTable};

#[derive(Debug)]
pub(crate) struct Statements {
    makes_ids: bool,
    /// If set, a password hash is one text.
    is_encoded: bool,
    /// SQLite's messages when the column of addresses, and no other, refuses a value.
    address_violations: Vec<String>,
    /// The insertion of a user up to the names of further columns, up to their values, and from there on.
    create: [String; 3],
    pub(crate) signup_columns: SignupColumns,
    get: String,
    get_by_email_address: String,
    update_email_address: String,
    update_password_hash: String,
    increment_sessions_counter: String,
    delete: String,
    read_check: String,
    write_check: String,
    sample: String,
}

/// The number of rows from which a sample of hashes is read.
const ROWS: usize = 10_000;

/// The outcome of a change.
pub(crate) enum Changed {
    Yes,
    /// The user is missing, or has another counter.
    NoSuchUser,
    /// The counter is the given one, and at the maximum.
    CounterExhausted,
}

/// Quotes a name as an identifier, whatever it contains.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Statements {
    /// The statements for a table that passed the check.
    pub(crate) fn new(table: &UsersTable, found: &FoundTable) -> Self {
        let columns = &table.columns;
        let [name, id, address, hash] = [
            &table.name,
            &columns.id,
            &columns.email_address,
            &columns.password_hash,
        ]
        .map(|name| quoted(name));
        let is_encoded = table.is_encoded();
        let mut hash_columns = vec![hash.clone()];
        let [algorithm, salt] = if is_encoded {
            ["''", "x''"].map(str::to_owned)
        } else {
            let rest = [&columns.password_hash_algorithm_id, &columns.password_salt];
            let rest = rest.map(|name| quoted(name));
            hash_columns.extend(rest.clone());
            rest
        };
        // Other software may have written it as a text.
        let hash = format!("CAST({hash} AS BLOB), {algorithm}, {salt}");
        let [address_counter, hash_counter, sessions_counter] = [
            &columns.email_address_counter,
            &columns.password_hash_counter,
            &columns.sessions_counter,
        ]
        .map(|name| quoted(name));
        let [disabled, disabled_counter] = [&columns.disabled, &columns.disabled_counter]
            .map(|name| name.as_deref().map_or_else(|| "0".to_owned(), quoted));
        let display_name = columns
            .display_name
            .as_deref()
            .map_or_else(|| "''".to_owned(), quoted);

        let user = format!(
            "CAST({id} AS TEXT), {address}, {hash}, \
             coalesce({disabled}, 0) <> 0, coalesce(CAST({display_name} AS TEXT), ''), \
             {address_counter}, {hash_counter}, coalesce({disabled_counter}, 0), {sessions_counter}"
        );
        let is =
            |column: &str| format!("{column} = ?1 AND CAST({column} AS TEXT) COLLATE BINARY = ?1");
        let is_user = is(&id);
        let look_up = found.address_look_up(table);
        let has_address = match &look_up {
            AddressLookUp::Column => format!("{address} = ?1"),
            AddressLookUp::NoCase => format!("{address} COLLATE NOCASE = ?1"),
            AddressLookUp::LowerCase(_) => format!("lower({address}) = lower(?1)"),
        };
        let mut address_violations = vec![format!(
            "UNIQUE constraint failed: {}.{}",
            table.name, columns.email_address
        )];
        if let AddressLookUp::LowerCase(index) = &look_up {
            address_violations.push(format!("UNIQUE constraint failed: index '{index}'"));
        }

        let set_hash = hash_columns.iter().zip(3..);
        let set_hash = set_hash.map(|(name, number)| format!("{name} = ?{number}"));
        let set_hash = set_hash.collect::<Vec<_>>().join(", ");
        let mut given = vec![(address.clone(), "?")];
        given.extend(hash_columns.into_iter().map(|name| (name, "?")));
        given.extend([
            (address_counter.clone(), "0"),
            (hash_counter.clone(), "0"),
            (sessions_counter.clone(), "0"),
        ]);
        let makes_ids = table.id_generation == IdGeneration::Random;
        if makes_ids {
            given.push((id.clone(), "?"));
        }
        for (name, value) in [
            (&columns.disabled, "0"),
            (&columns.disabled_counter, "0"),
            (&columns.display_name, "''"),
        ] {
            let column = name.as_deref().and_then(|name| found.column(name));
            if let Some(column) = column.filter(|column| found.needs_value(column)) {
                given.push((quoted(&column.name), value));
            }
        }
        let (given, values): (Vec<String>, Vec<&str>) = given.into_iter().unzip();
        let (given, values) = (given.join(", "), values.join(", "));
        // `OR ABORT`: a conflict replaces no user, whatever the schema says.
        Self {
            makes_ids,
            is_encoded,
            address_violations,
            create: [
                format!("INSERT OR ABORT INTO {name} ({given}"),
                format!(") VALUES ({values}"),
                format!(") RETURNING CAST({id} AS TEXT)"),
            ],
            signup_columns: signup_columns(table, found),
            get: format!("SELECT {user} FROM {name} WHERE {is_user}"),
            get_by_email_address: format!("SELECT {user} FROM {name} WHERE {has_address}"),
            update_email_address: format!(
                "UPDATE OR ABORT {name} SET {address} = ?3, {address_counter} = {address_counter} + 1 \
                 WHERE {is_user} AND {address_counter} = ?2"
            ),
            update_password_hash: format!(
                "UPDATE OR ABORT {name} SET {hash_counter} = {hash_counter} + 1, {set_hash} \
                 WHERE {is_user} AND {hash_counter} = ?2"
            ),
            increment_sessions_counter: format!(
                "UPDATE OR ABORT {name} SET {sessions_counter} = {sessions_counter} + 1 \
                 WHERE {is_user} AND {sessions_counter} = ?2"
            ),
            delete: format!("DELETE FROM {name} WHERE {is_user}"),
            read_check: format!("SELECT 1 FROM {name} LIMIT 1"),
            write_check: format!(
                "UPDATE {name} SET {sessions_counter} = {sessions_counter} WHERE FALSE"
            ),
            sample: format!("SELECT {hash} FROM {name} LIMIT {ROWS}"),
        }
    }

    /// Checks whether a new user needs an ID from the user store.
    pub(crate) fn makes_ids(&self) -> bool {
        self.makes_ids
    }

    /// Checks that SQLite can prepare all statements: a collation of the application may be unknown here.
    pub(crate) fn prepare_all(&self, connection: &Connection) -> Result<(), Error> {
        for statement in [
            &self.create_with(self.signup_columns.names()),
            &self.get,
            &self.get_by_email_address,
            &self.update_email_address,
            &self.update_password_hash,
            &self.increment_sessions_counter,
            &self.delete,
            &self.read_check,
            &self.write_check,
        ] {
            connection.prepare_cached(statement)?;
        }
        Ok(())
    }

    /// The new user, or `None` if the address is already used.
    pub(crate) fn create(
        &self,
        connection: &Connection,
        id: Option<&str>,
        new_user: &NewUser,
    ) -> Result<Option<User>, Error> {
        let address = &new_user.email_address;
        let given = self.signup_columns.given(&new_user.user_fields);
        let given = given.unwrap_or_default();
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(address.clone())];
        values.extend(self.hash_values(&new_user.password_hash));
        if let Some(id) = id {
            values.push(Box::new(id.to_owned()));
        }
        for (_, value) in &given {
            values.push(Box::new(sql_value(value)));
        }
        let columns = given.iter().map(|(column, _)| column.column.as_str());
        let mut create = connection.prepare_cached(&self.create_with(columns))?;
        let created = create.query_row(params_from_iter(values), returned_id);
        let Some(id) = self.unless_address_used(connection, address, created)? else {
            return Ok(None);
        };
        // `RETURNING` does not show the changes of triggers.
        let user = self.get(connection, &id)?;
        match user.filter(|user| user.email_address.eq_ignore_ascii_case(address)) {
            Some(user) => Ok(Some(user)),
            None => Err(changed_by_trigger()),
        }
    }

    /// Returns the insertion of a user with values for these further columns.
    fn create_with<'a>(&self, columns: impl Iterator<Item = &'a str>) -> String {
        let [mut names, mut values, end] = self.create.clone();
        for column in columns {
            names += &format!(", {column}");
            values += ", ?";
        }
        names + &values + &end
    }

    pub(crate) fn get(&self, connection: &Connection, id: &str) -> Result<Option<User>, Error> {
        let mut get = connection.prepare_cached(&self.get)?;
        get.query_row([id], user).optional()
    }

    pub(crate) fn get_by_email_address(
        &self,
        connection: &Connection,
        address: &str,
    ) -> Result<Option<User>, Error> {
        let mut get = connection.prepare_cached(&self.get_by_email_address)?;
        let users = get.query_map([address], user)?;
        Ok(holder(address, users.collect::<Result<Vec<_>, _>>()?))
    }

    /// `None` if another user has the address.
    pub(crate) fn update_email_address(
        &self,
        connection: &Connection,
        id: &UserId,
        address: &str,
        counter: Counter,
    ) -> Result<Option<Changed>, Error> {
        let changed = self.change(
            connection,
            &self.update_email_address,
            (id.as_str(), counter.get(), address),
            (id, counter, |user| user.email_address_counter),
        );
        self.unless_address_used(connection, address, changed)
    }

    pub(crate) fn update_password_hash(
        &self,
        connection: &Connection,
        id: &UserId,
        hash: &PasswordHash,
        counter: Counter,
    ) -> Result<Changed, Error> {
        let mut values: Vec<Box<dyn ToSql>> =
            vec![Box::new(id.as_str().to_owned()), Box::new(counter.get())];
        values.extend(self.hash_values(hash));
        self.change(
            connection,
            &self.update_password_hash,
            params_from_iter(values),
            (id, counter, |user| user.password_hash_counter),
        )
    }

    pub(crate) fn increment_sessions_counter(
        &self,
        connection: &Connection,
        id: &UserId,
        counter: Counter,
    ) -> Result<Changed, Error> {
        self.change(
            connection,
            &self.increment_sessions_counter,
            (id.as_str(), counter.get()),
            (id, counter, |user| user.sessions_counter),
        )
    }

    pub(crate) fn delete(&self, connection: &Connection, id: &UserId) -> Result<Changed, Error> {
        let changed = connection
            .prepare_cached(&self.delete)?
            .execute([id.as_str()])?;
        Ok(match changed {
            0 => Changed::NoSuchUser,
            _ => Changed::Yes,
        })
    }

    /// Reads a row, if there is one.
    pub(crate) fn check_read(&self, connection: &Connection) -> Result<(), Error> {
        connection.prepare_cached(&self.read_check)?.exists(())?;
        Ok(())
    }

    /// Changes no row.
    pub(crate) fn check_write(&self, connection: &Connection) -> Result<(), Error> {
        connection.prepare_cached(&self.write_check)?.execute(())?;
        Ok(())
    }

    /// Reads a sample of hashes, of users without a password too.
    pub(crate) fn sample(&self, connection: &Connection) -> Result<Vec<PasswordHash>, Error> {
        let mut select = connection.prepare(&self.sample)?;
        select.query_map((), |row| hash(row, 0))?.collect()
    }

    /// The values of the columns of a hash, in their order.
    fn hash_values(&self, hash: &PasswordHash) -> Vec<Box<dyn ToSql>> {
        if self.is_encoded {
            return vec![Box::new(hash.to_text())];
        }
        vec![
            Box::new(hash.hash.to_vec()),
            Box::new(hash.algorithm_id.clone()),
            Box::new(hash.salt.to_vec()),
        ]
    }

    /// Makes a change that increments a counter, unless the counter is the last there is.
    fn change(
        &self,
        connection: &Connection,
        statement: &str,
        parameters: impl Params,
        (id, given, counter): (&UserId, Counter, fn(&User) -> Counter),
    ) -> Result<Changed, Error> {
        if given == Counter::MAX {
            let user = self.get(connection, id.as_str())?;
            return Ok(match user.map(|user| counter(&user)) {
                Some(Counter::MAX) => Changed::CounterExhausted,
                _ => Changed::NoSuchUser,
            });
        }
        let changed = connection.prepare_cached(statement)?.execute(parameters)?;
        Ok(match changed {
            0 => Changed::NoSuchUser,
            _ => Changed::Yes,
        })
    }

    fn is_address_violation(&self, message: &str) -> bool {
        let mut violations = self.address_violations.iter();
        violations.any(|violation| violation.eq_ignore_ascii_case(message))
    }

    /// Makes `None` of the error that the address is already used, and of no other.
    fn unless_address_used<T>(
        &self,
        connection: &Connection,
        address: &str,
        result: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let error = match result {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error,
        };
        let Error::SqliteFailure(cause, Some(message)) = &error else {
            return Err(error);
        };
        let is_unique = matches!(
            cause.extended_code,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        );
        // When several constraints are broken, SQLite names only one.
        let is_used = is_unique
            && (self.is_address_violation(message)
                || self.get_by_email_address(connection, address)?.is_some());
        if is_used { Ok(None) } else { Err(error) }
    }
}

fn signup_columns(table: &UsersTable, found: &FoundTable) -> SignupColumns {
    let columns = table.signup_fields.iter().filter_map(|(field, name)| {
        let column = found.column(name)?;
        Some(SignupColumn {
            field: field.to_owned(),
            column: quoted(&column.name),
            type_name: column.declared_type.clone(),
            kind: column.value_kind()?,
            max_size: None,
            needs_value: found.needs_value(column),
        })
    });
    columns.collect()
}

fn sql_value(value: &UserFieldValue) -> Value {
    match value {
        UserFieldValue::Text(text) => Value::Text(text.clone()),
        UserFieldValue::Integer(integer) => Value::Integer(*integer),
        UserFieldValue::Fraction(fraction) => Value::Real(*fraction),
        UserFieldValue::Boolean(boolean) => Value::Integer((*boolean).into()),
        _ => Value::Null,
    }
}

fn returned_id(row: &Row<'_>) -> Result<String, Error> {
    row.get(0)
}

fn changed_by_trigger() -> Error {
    let message = "a trigger changed the new row, and not only the letter case of its address";
    Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_CONSTRAINT),
        Some(message.into()),
    )
}

fn user(row: &Row<'_>) -> Result<User, Error> {
    let mut user = User::new(
        UserId::from(row.get::<_, String>(0)?),
        row.get::<_, String>(1)?,
    );
    let hash = hash(row, 2)?;
    user.password_hash = hash.hash;
    user.password_hash_algorithm_id = hash.algorithm_id;
    user.password_salt = hash.salt;
    user.disabled = row.get(5)?;
    user.display_name = row.get(6)?;
    user.email_address_counter = counter(row, 7)?;
    user.password_hash_counter = counter(row, 8)?;
    user.disabled_counter = counter(row, 9)?;
    user.sessions_counter = counter(row, 10)?;
    Ok(user)
}

/// Reads a hash from three columns of a row. A user without a password may have NULL in them.
fn hash(row: &Row<'_>, first: usize) -> Result<PasswordHash, Error> {
    let bytes = |column: usize| row.get::<_, Option<Vec<u8>>>(column);
    Ok(PasswordHash {
        hash: bytes(first)?.unwrap_or_default().into(),
        algorithm_id: row.get::<_, Option<_>>(first + 1)?.unwrap_or_default(),
        salt: bytes(first + 2)?.unwrap_or_default().into(),
    })
}

fn counter(row: &Row<'_>, column: usize) -> Result<Counter, Error> {
    let value: i32 = row.get(column)?;
    Counter::new(value).ok_or(Error::IntegralValueOutOfRange(column, value.into()))
}

#[cfg(test)]
mod tests;
