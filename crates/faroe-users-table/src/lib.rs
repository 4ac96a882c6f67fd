#![doc = include_str!("../README.md")]

mod defects;
mod signup_fields;

use std::{collections::HashSet, error::Error, fmt};

use serde::{Deserialize, Deserializer};

pub use self::{
    defects::{Defects, FoundField},
    signup_fields::{SignupColumn, SignupColumns, SignupFields, ValueKind},
};

/// The longest address of the protocol, in bytes.
pub const MAX_EMAIL_ADDRESS_SIZE: usize = 100;

/// The size of a random ID, in bytes.
const RANDOM_ID_SIZE: usize = 24;

/// Some databases truncate or refuse longer names.
const MAX_NAME_SIZE: usize = 63;

/// The names of a users table and its columns, and the source of its IDs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UsersTable {
    /// The name of the table: `users`.
    pub name: String,
    /// The names of its columns.
    pub columns: UsersTableColumns,
    /// The source of the ID of a new user.
    pub id_generation: IdGeneration,
    /// The form of password hashes.
    pub password_hash_format: PasswordHashFormat,
    /// The fields that a client may give at sign-up, each with a column that is not one of `columns`. Default: none.
    pub signup_fields: SignupFields,
    /// Requires a unique index that ignores the letter case of addresses. Default: `false`. Not a key of a configuration file: a
    /// server has one setting for all user stores.
    #[serde(skip)]
    pub ignores_email_address_case: bool,
}

/// The names of the columns. Each is by default the name of its field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UsersTableColumns {
    /// The user's ID.
    pub id: String,
    /// The email address.
    pub email_address: String,
    /// The hash of the password.
    pub password_hash: String,
    /// The ID of the algorithm that made the hash. There is no such column with [`PasswordHashFormat::Encoded`].
    pub password_hash_algorithm_id: String,
    /// The salt that went into the hash. There is no such column with [`PasswordHashFormat::Encoded`].
    pub password_salt: String,
    /// Counts changes of the email address.
    pub email_address_counter: String,
    /// Counts changes of the password hash.
    pub password_hash_counter: String,
    /// Counts the times that all sessions were ended.
    pub sessions_counter: String,
    /// The flag of disabled users, if there is one.
    #[serde(deserialize_with = "optional_name")]
    pub disabled: Option<String>,
    /// Counts changes of the flag. Present if and only if `disabled` is.
    #[serde(deserialize_with = "optional_name")]
    pub disabled_counter: Option<String>,
    /// The name by which emails address the user.
    #[serde(deserialize_with = "optional_name")]
    pub display_name: Option<String>,
}

/// The source of the ID of a new user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdGeneration {
    /// The user store: 24 random characters, as the protocol's own IDs are.
    #[default]
    Random,
    /// The database: an automatic number or the column's default. It must never make the ID of a deleted user again.
    Database,
}

/// The form in which a table keeps password hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordHashFormat {
    /// Three columns: the hash and the salt as bytes, and the ID of the algorithm as text.
    #[default]
    Parts,
    /// One column of text, which other software can read too: a PHC string for a hash of Argon2id. Texts of other software,
    /// such as `$2b$12$…`, are read as they are.
    Encoded,
}

impl Default for UsersTable {
    fn default() -> Self {
        Self {
            name: "users".into(),
            columns: UsersTableColumns::default(),
            id_generation: IdGeneration::default(),
            password_hash_format: PasswordHashFormat::default(),
            signup_fields: SignupFields::default(),
            ignores_email_address_case: false,
        }
    }
}

impl Default for UsersTableColumns {
    fn default() -> Self {
        Self {
            id: "id".into(),
            email_address: "email_address".into(),
            password_hash: "password_hash".into(),
            password_hash_algorithm_id: "password_hash_algorithm_id".into(),
            password_salt: "password_salt".into(),
            email_address_counter: "email_address_counter".into(),
            password_hash_counter: "password_hash_counter".into(),
            sessions_counter: "sessions_counter".into(),
            disabled: Some("disabled".into()),
            disabled_counter: Some("disabled_counter".into()),
            display_name: Some("display_name".into()),
        }
    }
}

impl UsersTable {
    /// The names of all columns.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.keys_and_names().map(|(_, name)| name)
    }

    /// The names of all columns, each after the key of `users_table.columns` that sets it, such as `email_address`.
    pub fn keys_and_names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let columns = &self.columns;
        let required = [
            ("id", &columns.id),
            ("email_address", &columns.email_address),
        ];
        let counters = [
            ("email_address_counter", &columns.email_address_counter),
            ("password_hash_counter", &columns.password_hash_counter),
            ("sessions_counter", &columns.sessions_counter),
        ];
        let optional = [
            ("disabled", &columns.disabled),
            ("disabled_counter", &columns.disabled_counter),
            ("display_name", &columns.display_name),
        ];
        let optional = optional
            .into_iter()
            .filter_map(|(key, name)| Some((key, name.as_ref()?)));
        let all = required.into_iter().chain(self.password_hash_columns());
        let all = all.chain(counters).chain(optional);
        all.map(|(key, name)| (key, name.as_str()))
    }

    /// The names of the columns of the password hash, each after its key: one or three.
    fn password_hash_columns(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let columns = &self.columns;
        let all = [
            ("password_hash", &columns.password_hash),
            (
                "password_hash_algorithm_id",
                &columns.password_hash_algorithm_id,
            ),
            ("password_salt", &columns.password_salt),
        ];
        all.into_iter().take(if self.is_encoded() { 1 } else { 3 })
    }

    /// Checks whether password hashes are in one column of text.
    pub fn is_encoded(&self) -> bool {
        self.password_hash_format == PasswordHashFormat::Encoded
    }

    /// Returns the least size that the column with this key of `users_table.columns` must have, in bytes: that of a random ID,
    /// of the ID of the default password hash algorithm, of its hashes, as bytes or as texts, or of its salts. 0 for a column of another kind: an
    /// address that is too long for its column is refused when it comes.
    pub fn least_size(&self, key: &str) -> usize {
        match key {
            "id" if self.id_generation == IdGeneration::Random => RANDOM_ID_SIZE,
            "password_hash_algorithm_id" => "argon2id.65536.3.1.32".len(),
            "password_hash" if self.is_encoded() => {
                "$argon2id$v=19$m=65536,t=3,p=1$".len() + 22 + "$".len() + 43
            }
            "password_hash" => 32,
            "password_salt" => 16,
            _ => 0,
        }
    }

    /// The names of the columns that a new user is given values for, and of those that are read.
    pub fn used_columns(&self) -> impl Iterator<Item = &str> {
        self.column_names().chain(self.signup_fields.columns())
    }

    /// Checks, without a database, that names are 1 to 63 bytes without NUL, that no column is used twice (most databases
    /// ignore letter case), also not by a field at sign-up, that `disabled` and `disabled_counter` come together, and that no column
    /// of algorithm IDs or salts is named if hashes are in one column.
    ///
    /// # Errors
    ///
    /// When a name is invalid; the error names it.
    pub fn validate(&self) -> Result<(), InvalidUsersTable> {
        check_name("table", &self.name)?;
        let mut seen = HashSet::new();
        for name in self.column_names() {
            check_name("column", name)?;
            if !seen.insert(name.to_lowercase()) {
                return Err(InvalidUsersTable(format!(
                    "the column {name:?} is named twice"
                )));
            }
        }
        for (field, column) in self.signup_fields.iter() {
            check_name("field", field)?;
            check_name("column", column)?;
            if !seen.insert(column.to_lowercase()) {
                return Err(InvalidUsersTable(format!(
                    "signup_fields names the column {column:?}, which is already used; a field at sign-up needs a column of \
                     its own"
                )));
            }
        }
        if self.columns.disabled.is_some() != self.columns.disabled_counter.is_some() {
            let message =
                "the columns `disabled` and `disabled_counter` come together or not at all";
            return Err(InvalidUsersTable(message.into()));
        }
        if self.is_encoded() {
            let (named, default) = (&self.columns, UsersTableColumns::default());
            let unused = [
                (
                    "password_hash_algorithm_id",
                    named.password_hash_algorithm_id != default.password_hash_algorithm_id,
                ),
                (
                    "password_salt",
                    named.password_salt != default.password_salt,
                ),
            ];
            if let Some((key, _)) = unused.into_iter().find(|(_, is_named)| *is_named) {
                return Err(InvalidUsersTable(format!(
                    "the column `{key}` is named, but with password_hash_format = \"encoded\" there is none; remove one of them"
                )));
            }
        }
        Ok(())
    }
}

fn check_name(what: &str, name: &str) -> Result<(), InvalidUsersTable> {
    let message = if name.is_empty() {
        format!("a {what} has an empty name")
    } else if name.len() > MAX_NAME_SIZE {
        format!("the name of the {what} {name:?} has more than {MAX_NAME_SIZE} bytes")
    } else if name.contains('\0') {
        format!("the name of the {what} {name:?} contains NUL")
    } else {
        return Ok(());
    };
    Err(InvalidUsersTable(message))
}

/// The reason why a [`UsersTable`] is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUsersTable(String);

impl fmt::Display for InvalidUsersTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidUsersTable {}

fn optional_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok((!name.is_empty()).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UsersTable, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn nothing_means_the_defaults_which_are_valid() {
        let table = parse("").unwrap();
        assert_eq!(table, UsersTable::default());
        assert_eq!(table.validate(), Ok(()));
        assert_eq!(table.column_names().count(), 11);
    }

    #[test]
    fn unknown_keys_and_values_are_refused() {
        for text in [
            "nam = 'users'",
            "columns.email = 'email'",
            "columns.disabled = false",
            "id_generation = 'Random'",
            "id_generation = 'uuid'",
            "password_hash_format = 'phc'",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_optional_columns_may_be_absent() {
        let table = parse("columns = { disabled = '', disabled_counter = '', display_name = '' }");
        let table = table.unwrap();
        assert_eq!(table.validate(), Ok(()));
        assert_eq!(table.column_names().count(), 8);
        for column in ["id", "email_address", "sessions_counter"] {
            let table = parse(&format!("columns.{column} = ''")).unwrap();
            assert!(table.validate().is_err(), "{column}");
        }
    }

    #[test]
    fn p81_fields_at_sign_up_are_a_list_or_a_table() {
        let fields = |text: &str| parse(text).unwrap().signup_fields;
        let same = fields("signup_fields = ['full_name', 'age']");
        assert_eq!(
            same.iter().collect::<Vec<_>>(),
            [("age", "age"), ("full_name", "full_name")]
        );
        let mapped = fields("signup_fields = { name = 'full_name' }");
        assert_eq!(mapped.iter().collect::<Vec<_>>(), [("name", "full_name")]);
        assert!(fields("").is_empty());
        let error = parse("signup_fields = 1").unwrap_err().to_string();
        assert!(error.contains("a list of columns"), "{error}");
    }

    #[test]
    fn p81_a_field_at_sign_up_has_a_column_of_its_own() {
        for column in UsersTable::default().column_names() {
            let upper = column.to_uppercase();
            for fields in [
                format!("['{column}']"),
                format!("{{ x = '{column}' }}"),
                format!("{{ x = '{upper}' }}"),
            ] {
                let table = parse(&format!("signup_fields = {fields}")).unwrap();
                let error = table.validate().unwrap_err().to_string();
                assert!(error.contains("already used"), "{fields}: {error}");
            }
        }
        for (fields, is_valid) in [
            ("['full_name']", true),
            ("{ id = 'nickname' }", true),
            ("{ a = 'x', b = 'X' }", false),
            ("['']", false),
            ("{ '' = 'x' }", false),
            ("{ x = '' }", false),
        ] {
            let table = parse(&format!("signup_fields = {fields}")).unwrap();
            assert_eq!(table.validate().is_ok(), is_valid, "{fields}");
        }
    }

    #[test]
    fn an_encoded_hash_has_one_column_that_can_hold_it() {
        let parts = UsersTable::default();
        assert_eq!(parts.least_size("password_hash"), 32);
        let encoded = parse("password_hash_format = 'encoded'").unwrap();
        assert_eq!(encoded.validate(), Ok(()));
        let hashes = encoded
            .column_names()
            .filter(|name| name.starts_with("password") && !name.ends_with("counter"));
        assert_eq!(hashes.collect::<Vec<_>>(), ["password_hash"]);
        assert_eq!(encoded.least_size("password_hash"), 97);
        // The names that are not used may be those of other columns.
        let encoded =
            parse("password_hash_format = 'encoded'\ncolumns.display_name = 'password_salt'");
        assert_eq!(encoded.unwrap().validate(), Ok(()));
    }

    #[test]
    fn names_that_no_database_can_have_are_refused_by_name() {
        for (text, expected) in [
            ("name = ''", "a table has an empty name"),
            (r#"name = "a\u0000b""#, "contains NUL"),
            (r#"columns.id = "a\u0000b""#, "contains NUL"),
            (
                &format!("columns.id = '{}'", "x".repeat(64)),
                "more than 63 bytes",
            ),
            (
                "columns.id = 'email_address'",
                "\"email_address\" is named twice",
            ),
            (
                "columns.id = 'ÄID'\ncolumns.email_address = 'äid'",
                "named twice",
            ),
            ("columns.disabled = ''", "come together"),
            ("columns.disabled_counter = ''", "come together"),
            (
                "password_hash_format = 'encoded'\ncolumns.password_salt = 'salt'",
                "the column `password_salt` is named",
            ),
        ] {
            let error = parse(text).unwrap().validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let longest = parse(&format!("name = '{}'", "x".repeat(63))).unwrap();
        assert_eq!(longest.validate(), Ok(()));
    }
}
