#![doc = include_str!("../README.md")]

mod check;
mod statements;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use faroe_core::{
    error::AdapterError,
    password::PasswordHash,
    random,
    user_store::{
        Counter, CreateUserOutcome, NewUser, UpdateUserEmailAddressOutcome, UpdateUserOutcome,
        User, UserId, UserStore, holder,
    },
};
use faroe_mysql::{
    Database, MySqlQuery, Outcome, mysql_error,
    sqlx::{AssertSqlSafe, Error, query},
    violated_unique_index,
};
pub use faroe_users_table::{
    IdGeneration, PasswordHashFormat, SignupFields, UsersTable, UsersTableColumns,
};

use crate::{
    statements::{Created, Statements},
    table::FoundTable,
};

const SCHEMA: &[&str] = &[include_str!("../schema.sql")];

/// The change of the default table for addresses whose letter case makes no difference.
const COLLATION: &[&str] = &["ALTER TABLE users MODIFY email_address \
     VARCHAR(255) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL"];

const CHANGE_COLLATION: &str =
    "change the collation of addresses to one without letter case (no two users may have the same)";

const CREATE_TABLE: &str =
    "create the default users table (describe one of your own in users_table)";

/// A [`UserStore`] in a table of a MySQL or MariaDB database.
#[derive(Clone, Debug)]
pub struct MysqlUserStore {
    database: Database,
    statements: Arc<Statements>,
}

impl MysqlUserStore {
    /// Connects by a URL (see [`Options::from_url`](faroe_mysql::Options::from_url)) with the default table, and creates it if
    /// it is missing.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, the server cannot be reached or refuses the user, or there is another table named `users` or one
    /// of a newer version.
    pub async fn connect(url: &str) -> Result<Self, AdapterError> {
        let database = Database::connect(url).await?;
        let upgraded = database.upgrade("faroe-user-store-mysql", SCHEMA).await;
        upgraded.map_err(|error| AdapterError::new(CREATE_TABLE, error))?;
        Self::new(database, UsersTable::default()).await
    }

    /// Like [`MysqlUserStore::connect`], with addresses whose letter case makes no difference: changes the collation of their
    /// column.
    ///
    /// # Errors
    ///
    /// As for [`MysqlUserStore::connect`], and when the addresses of two users differ in letter case only.
    pub async fn connect_ignoring_case(url: &str) -> Result<Self, AdapterError> {
        let database = Self::connect(url).await?.database;
        let upgraded = database
            .upgrade("faroe-user-store-mysql-ignoring-case", COLLATION)
            .await;
        upgraded.map_err(|error| AdapterError::new(CHANGE_COLLATION, error))?;
        let mut table = UsersTable::default();
        table.ignores_email_address_case = true;
        Self::new(database, table).await
    }

    /// Connects by a URL with an existing table.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached or refuses the user, and as for [`MysqlUserStore::new`].
    pub async fn connect_existing(url: &str, table: UsersTable) -> Result<Self, AdapterError> {
        Self::new(Database::connect(url).await?, table).await
    }

    /// Uses an existing table in the database that the pool is connected to.
    ///
    /// # Errors
    ///
    /// When the table is unfit for users; the error names all requirements of the [front page](crate) that it misses.
    pub async fn new(database: Database, table: UsersTable) -> Result<Self, AdapterError> {
        const OPERATION: &str = "check the users table in MySQL";
        table
            .validate()
            .map_err(|error| AdapterError::new(OPERATION, error))?;
        let found = FoundTable::find(&database, &table.name).await;
        let found = found.map_err(|error| mysql_error(OPERATION, &error))?;
        let defects = check::defects(&table, found.as_ref());
        match found.filter(|_| defects.is_empty()) {
            Some(found) => Ok(Self {
                statements: Arc::new(Statements::new(&table, &found)),
                database,
            }),
            None => Err(AdapterError::new(OPERATION, defects)),
        }
    }

    /// Checks that users can be read and written, without changing anything. A database that is read-only, such as a replica,
    /// fails the check.
    ///
    /// # Errors
    ///
    /// When the database does not answer, refuses the statement or is read-only.
    pub async fn check(&self) -> Result<(), AdapterError> {
        for check in &self.statements.checks {
            let checked = self.database.run(|| statement(check)).await;
            checked.map_err(|error| mysql_error("check the users in MySQL", &error))?;
        }
        Ok(())
    }

    /// Returns the password hashes of the first 10,000 rows of the table, without those of users who have no password.
    ///
    /// # Errors
    ///
    /// When the query fails.
    pub async fn sample_password_hashes(&self) -> Result<Vec<PasswordHash>, AdapterError> {
        let read = async {
            let outcome = self.database.run(|| statement(&self.statements.sample));
            let rows = outcome.await?.rows;
            let hashes = rows.iter().map(|row| statements::hash(row, 0));
            hashes.collect::<Result<Vec<_>, _>>()
        };
        let mut hashes = read
            .await
            .map_err(|error| mysql_error("read password hashes from MySQL", &error))?;
        hashes.retain(|hash| !hash.is_empty());
        Ok(hashes)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, Error> {
        if !self.statements.can_be_id(id) {
            return Ok(None);
        }
        let get = || self.statements.bind_id(statement(&self.statements.get), id);
        let outcome = self.database.run(get).await?;
        outcome.rows.first().map(statements::user).transpose()
    }

    async fn get_by_email_address(&self, email_address: &str) -> Result<Option<User>, Error> {
        if !self.statements.can_be_address(email_address) {
            return Ok(None);
        }
        let get = || statement(&self.statements.get_by_email_address).bind(email_address);
        let outcome = self.database.run(get).await?;
        let users = outcome.rows.iter().map(statements::user);
        Ok(holder(email_address, users.collect::<Result<Vec<_>, _>>()?))
    }

    /// Checks whether a change was refused because another user has the address. If several indexes refuse, the database
    /// names only one.
    async fn is_address_used(
        &self,
        error: &Error,
        email_address: &str,
        id: Option<&UserId>,
    ) -> Result<bool, Error> {
        let Some(index) = violated_unique_index(error) else {
            return Ok(false);
        };
        if self.statements.is_about_address(index) {
            return Ok(true);
        }
        let user = self.get_by_email_address(email_address).await?;
        Ok(user.is_some_and(|user| id != Some(&user.id)))
    }

    /// The outcome of a creation whose fields are refused, unless the address is used.
    async fn invalid_fields(&self, email_address: &str) -> Result<CreateUserOutcome, AdapterError> {
        let holder = self.get_user_by_email_address(email_address).await?;
        Ok(match holder {
            Some(_) => CreateUserOutcome::EmailAddressAlreadyUsed,
            None => CreateUserOutcome::InvalidUserFields,
        })
    }

    /// Makes a change that increments a counter. `bind` binds the other values that it sets.
    async fn change<'q>(
        &self,
        operation: &'static str,
        change: &Arc<str>,
        (id, given, counter): (&'q UserId, Counter, fn(&User) -> Counter),
        bind: impl Fn(MySqlQuery<'q>) -> MySqlQuery<'q> + Send + Sync,
    ) -> Result<Result<UpdateUserOutcome, Error>, AdapterError> {
        if !self.statements.can_be_id(id) {
            return Ok(Ok(UpdateUserOutcome::UserNotFound));
        }
        let Some(next) = given.next() else {
            let user = self.get(id).await;
            let user = user.map_err(|error| mysql_error(operation, &error))?;
            return match user.map(|user| counter(&user)) {
                Some(Counter::MAX) => Err(AdapterError::new(
                    operation,
                    "the user's counter is at the maximum",
                )),
                _ => Ok(Ok(UpdateUserOutcome::UserNotFound)),
            };
        };
        let change = || {
            let change = bind(statement(change)).bind(next.get());
            self.statements.bind_id(change, id).bind(given.get())
        };
        let outcome = self.database.run(change).await;
        Ok(outcome.map(|outcome| updated(&outcome)))
    }
}

/// A query of a statement that contains only quoted names.
fn statement<'q>(sql: &Arc<str>) -> MySqlQuery<'q> {
    query(AssertSqlSafe(Arc::clone(sql)))
}

fn updated(outcome: &Outcome) -> UpdateUserOutcome {
    match outcome.rows_affected {
        0 => UpdateUserOutcome::UserNotFound,
        _ => UpdateUserOutcome::Updated,
    }
}

#[async_trait]
impl UserStore for MysqlUserStore {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let NewUser {
            email_address,
            password_hash,
            user_fields,
            ..
        } = &new_user;
        const OPERATION: &str = "create a user in MySQL";
        let columns = &self.statements.signup_columns;
        let Some(given) = columns.given(user_fields) else {
            return self.invalid_fields(email_address).await;
        };
        let insert = self
            .statements
            .create_with(given.iter().map(|(column, _)| *column));
        let id = (self.statements.created == Created::Id).then(|| UserId::from(random::id()));
        let create = || {
            let create = statement(&insert).bind(email_address);
            let create = self.statements.bind_hash(create, password_hash);
            let create = match &id {
                Some(id) => create.bind(id.as_str()),
                None => create,
            };
            let values = given.iter().map(|(_, value)| *value);
            values.fold(create, statements::bind_value)
        };
        // MySQL has no RETURNING: the new row is read in the same transaction.
        let read = || {
            let read = statement(&self.statements.get_created);
            let read = match (&id, self.statements.created) {
                (Some(id), _) => self.statements.bind_id(read, id),
                (None, Created::Address) => {
                    let read = read.bind(email_address).bind(email_address);
                    self.statements.bind_salted(read, password_hash)
                }
                (None, _) => read,
            };
            read.bind(email_address)
        };
        let created = self.database.run_both(create, read).await;
        let error = match created.and_then(|outcome| {
            let user = outcome.rows.first().map(statements::user);
            user.unwrap_or(Err(Error::RowNotFound))
        }) {
            Ok(user) => return Ok(CreateUserOutcome::Created(user)),
            Err(Error::RowNotFound) => {
                let reason =
                    "a trigger changed the new row, and not only the letter case of its address";
                return Err(AdapterError::refusal(OPERATION, reason));
            }
            Err(error) => error,
        };
        match self.is_address_used(&error, email_address, None).await {
            Ok(true) => Ok(CreateUserOutcome::EmailAddressAlreadyUsed),
            Ok(false) => {
                let error = mysql_error(OPERATION, &error);
                if error.is_refusal() && !columns.is_empty() {
                    return self.invalid_fields(email_address).await;
                }
                Err(error)
            }
            Err(error) => Err(mysql_error(OPERATION, &error)),
        }
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        let user = self.get(user_id).await;
        user.map_err(|error| mysql_error("get a user from MySQL", &error))
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        const OPERATION: &str = "get a user by email address from MySQL";
        if self.statements.is_too_long(email_address) {
            let reason = "the column is too short for it";
            return Err(AdapterError::refusal(OPERATION, reason));
        }
        let user = self.get_by_email_address(email_address).await;
        user.map_err(|error| mysql_error(OPERATION, &error))
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        const OPERATION: &str = "update a user's email address in MySQL";
        let change = self.change(
            OPERATION,
            &self.statements.update_email_address,
            (user_id, email_address_counter, |user| {
                user.email_address_counter
            }),
            |change| change.bind(email_address),
        );
        let error = match change.await? {
            Ok(UpdateUserOutcome::Updated) => return Ok(UpdateUserEmailAddressOutcome::Updated),
            Ok(UpdateUserOutcome::UserNotFound) => {
                return Ok(UpdateUserEmailAddressOutcome::UserNotFound);
            }
            Err(error) => error,
        };
        match self
            .is_address_used(&error, email_address, Some(user_id))
            .await
        {
            Ok(true) => Ok(UpdateUserEmailAddressOutcome::EmailAddressAlreadyUsed),
            Ok(false) => Err(mysql_error(OPERATION, &error)),
            Err(error) => Err(mysql_error(OPERATION, &error)),
        }
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "update a user's password hash in MySQL";
        let change = self.change(
            OPERATION,
            &self.statements.update_password_hash,
            (user_id, password_hash_counter, |user| {
                user.password_hash_counter
            }),
            |change| self.statements.bind_hash(change, password_hash),
        );
        change
            .await?
            .map_err(|error| mysql_error(OPERATION, &error))
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "increment a user's sessions counter in MySQL";
        let change = self.change(
            OPERATION,
            &self.statements.increment_sessions_counter,
            (user_id, sessions_counter, |user| user.sessions_counter),
            |change| change,
        );
        change
            .await?
            .map_err(|error| mysql_error(OPERATION, &error))
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        if !self.statements.can_be_id(user_id) {
            return Ok(UpdateUserOutcome::UserNotFound);
        }
        let delete = || {
            let delete = statement(&self.statements.delete);
            self.statements.bind_id(delete, user_id)
        };
        let outcome = self.database.run(delete).await;
        let outcome = outcome.map_err(|error| mysql_error("delete a user from MySQL", &error))?;
        Ok(updated(&outcome))
    }
}
