#![doc = include_str!("../README.md")]

mod check;
mod statements;
mod table;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    random,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore,
    },
};
use faroe_sqlite::{Database, Remembered, Synchronous, rusqlite};
pub use faroe_users_table::{
    IdGeneration, PasswordHashFormat, SignupFields, UsersTable, UsersTableColumns,
};
use rusqlite::Connection;

use crate::{
    statements::{Changed, Statements},
    table::FoundTable,
};

const SCHEMA: &[&str] = &[include_str!("../schema.sql")];

/// The index of the default table for addresses whose letter case makes no difference.
const INDEX: &[&str] = &[
    "CREATE UNIQUE INDEX users_email_address_ignoring_case ON users (email_address COLLATE NOCASE)",
];

const CREATE_INDEX: &str =
    "create an index of addresses without letter case (no two users may have the same)";

const CREATE_TABLE: &str =
    "create the default users table (describe one of your own in users_table)";

/// A [`UserStore`] in a table of a SQLite database.
#[derive(Clone, Debug)]
pub struct SqliteUserStore {
    database: Database,
    statements: Arc<Statements>,
    /// Users by ID.
    users: Remembered<Option<User>>,
}

impl SqliteUserStore {
    /// Opens the file with the default table, and creates file and table if they are missing.
    ///
    /// # Errors
    ///
    /// When the folder is missing, the file cannot be opened or is not a SQLite database, or it has another table named `users`
    /// or one of a newer version.
    pub async fn connect(path: impl AsRef<Path> + Send) -> Result<Self, AdapterError> {
        let database = Database::open(path, Synchronous::Full)?;
        let upgraded = database.upgrade("faroe-user-store-sqlite", SCHEMA).await;
        upgraded.map_err(|error| AdapterError::new(CREATE_TABLE, error))?;
        Self::new(database, UsersTable::default()).await
    }

    /// Like [`SqliteUserStore::connect`], with addresses whose letter case makes no difference: creates an index for them too.
    ///
    /// # Errors
    ///
    /// As for [`SqliteUserStore::connect`], and when the addresses of two users differ in letter case only.
    pub async fn connect_ignoring_case(
        path: impl AsRef<Path> + Send,
    ) -> Result<Self, AdapterError> {
        let database = Self::connect(path).await?.database;
        let upgraded = database
            .upgrade("faroe-user-store-sqlite-ignoring-case", INDEX)
            .await;
        upgraded.map_err(|error| AdapterError::new(CREATE_INDEX, error))?;
        let mut table = UsersTable::default();
        table.ignores_email_address_case = true;
        Self::new(database, table).await
    }

    /// Opens a file in which the table exists.
    ///
    /// # Errors
    ///
    /// When the file is missing or cannot be opened, and as for [`SqliteUserStore::new`].
    pub async fn connect_existing(
        path: impl AsRef<Path> + Send,
        table: UsersTable,
    ) -> Result<Self, AdapterError> {
        let database = Database::open_existing(path, Synchronous::Full)?;
        Self::new(database, table).await
    }

    /// Uses a table of an open database.
    ///
    /// # Errors
    ///
    /// When the table is unfit for users; the error names all requirements of the [front page](crate) that it misses.
    pub async fn new(database: Database, table: UsersTable) -> Result<Self, AdapterError> {
        const OPERATION: &str = "check the users table in SQLite";
        table
            .validate()
            .map_err(|error| AdapterError::new(OPERATION, error))?;
        let statements = database.read(OPERATION, move |connection| {
            let found = FoundTable::find(connection, &table.name)?;
            let defects = check::defects(&table, &found);
            let found = found.ok().filter(|_| defects.is_empty());
            let Some(found) = found else {
                return Ok(Err(defects));
            };
            let statements = Statements::new(&table, &found);
            statements.prepare_all(connection)?;
            Ok(Ok(Arc::new(statements)))
        });
        let statements = statements.await?;
        let statements = statements.map_err(|defects| AdapterError::new(OPERATION, defects))?;
        let get = {
            let statements = Arc::clone(&statements);
            move |connection: &Connection, id: &str| statements.get(connection, id)
        };
        Ok(Self {
            users: Remembered::new(database.clone(), "get a user from SQLite", get)?,
            database,
            statements,
        })
    }

    /// Checks that users can be read and written, without changing anything. A file that cannot be
    /// written, or that another process keeps locked, fails the check.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or written.
    pub async fn check(&self) -> Result<(), AdapterError> {
        const OPERATION: &str = "check the users in SQLite";
        let statements = Arc::clone(&self.statements);
        let read = move |connection: &Connection| statements.check_read(connection);
        self.database.read(OPERATION, read).await?;
        self.write(OPERATION, Statements::check_write).await
    }

    /// Returns the password hashes of the first 10,000 rows of the table, without those of users who have no password.
    ///
    /// # Errors
    ///
    /// When the query fails.
    pub async fn sample_password_hashes(&self) -> Result<Vec<PasswordHash>, AdapterError> {
        let statements = Arc::clone(&self.statements);
        let read = move |connection: &Connection| statements.sample(connection);
        let read = self.database.read("read password hashes from SQLite", read);
        let mut hashes = read.await?;
        hashes.retain(|hash| !hash.is_empty());
        Ok(hashes)
    }

    /// The outcome of a creation whose fields are refused, unless the address is used.
    async fn invalid_fields(&self, email_address: &str) -> Result<CreateUserOutcome, AdapterError> {
        let holder = self.get_user_by_email_address(email_address).await?;
        Ok(match holder {
            Some(_) => CreateUserOutcome::EmailAddressAlreadyUsed,
            None => CreateUserOutcome::InvalidUserFields,
        })
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl Fn(&Statements, &Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, AdapterError> {
        let statements = Arc::clone(&self.statements);
        let write = move |connection: &Connection| write(&statements, connection);
        self.database.write(operation, write).await
    }
}

/// The outcome of a change other than of the address.
fn updated(operation: &'static str, changed: &Changed) -> Result<UpdateUserOutcome, AdapterError> {
    match changed {
        Changed::Yes => Ok(UpdateUserOutcome::Updated),
        Changed::NoSuchUser => Ok(UpdateUserOutcome::UserNotFound),
        Changed::CounterExhausted => Err(exhausted(operation)),
    }
}

fn exhausted(operation: &'static str) -> AdapterError {
    AdapterError::new(operation, "the user's counter is at the maximum")
}

#[async_trait]
impl UserStore for SqliteUserStore {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let columns = &self.statements.signup_columns;
        let email_address = new_user.email_address.clone();
        if columns.given(&new_user.user_fields).is_none() {
            return self.invalid_fields(&email_address).await;
        }
        let id = self.statements.makes_ids().then(random::id);
        let create = move |statements: &Statements, connection: &Connection| {
            statements.create(connection, id.as_deref(), &new_user)
        };
        match self.write("create a user in SQLite", create).await {
            Ok(Some(user)) => Ok(CreateUserOutcome::Created(user)),
            Ok(None) => Ok(CreateUserOutcome::EmailAddressAlreadyUsed),
            Err(error) if error.is_refusal() && !columns.is_empty() => {
                self.invalid_fields(&email_address).await
            }
            Err(error) => Err(error),
        }
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        self.users.get(user_id.as_str()).await
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        let (statements, address) = (Arc::clone(&self.statements), email_address.to_owned());
        let get =
            move |connection: &Connection| statements.get_by_email_address(connection, &address);
        self.database
            .read("get a user by email address from SQLite", get)
            .await
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        const OPERATION: &str = "update a user's email address in SQLite";
        let (id, address) = (user_id.clone(), email_address.to_owned());
        let update = move |statements: &Statements, connection: &Connection| {
            statements.update_email_address(connection, &id, &address, email_address_counter)
        };
        match self.write(OPERATION, update).await? {
            Some(Changed::Yes) => Ok(UpdateUserEmailAddressOutcome::Updated),
            Some(Changed::NoSuchUser) => Ok(UpdateUserEmailAddressOutcome::UserNotFound),
            Some(Changed::CounterExhausted) => Err(exhausted(OPERATION)),
            None => Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed),
        }
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "update a user's password hash in SQLite";
        let (id, hash) = (user_id.clone(), password_hash.clone());
        let update = move |statements: &Statements, connection: &Connection| {
            statements.update_password_hash(connection, &id, &hash, password_hash_counter)
        };
        updated(OPERATION, &self.write(OPERATION, update).await?)
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "increment a user's sessions counter in SQLite";
        let id = user_id.clone();
        let increment = move |statements: &Statements, connection: &Connection| {
            statements.increment_sessions_counter(connection, &id, sessions_counter)
        };
        updated(OPERATION, &self.write(OPERATION, increment).await?)
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "delete a user from SQLite";
        let id = user_id.clone();
        let delete = move |statements: &Statements, connection: &Connection| {
            statements.delete(connection, &id)
        };
        updated(OPERATION, &self.write(OPERATION, delete).await?)
    }
}
