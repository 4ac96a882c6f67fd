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
use faroe_postgres::{
    Database, Outcome, postgres_error,
    sqlx::{self, AssertSqlSafe, Error, Postgres, postgres::PgArguments, query::Query},
    violated_unique_constraint,
};
pub use faroe_users_table::{
    IdGeneration, PasswordHashFormat, SignupFields, UsersTable, UsersTableColumns,
};

use crate::{
    statements::{Statements, can_be_text},
    table::FoundTable,
};

const SCHEMA: &[&str] = &[include_str!("../schema.sql")];

/// The index of the default table for addresses whose letter case makes no difference.
const INDEX: &[&str] =
    &["CREATE UNIQUE INDEX users_email_address_ignoring_case ON users (lower(email_address))"];

const CREATE_INDEX: &str =
    "create an index of addresses without letter case (no two users may have the same)";

const CREATE_TABLE: &str =
    "create the default users table (describe one of your own in users_table)";

/// A [`UserStore`] in a table of a PostgreSQL database. Every operation is a single statement.
#[derive(Clone, Debug)]
pub struct PostgresUserStore {
    database: Database,
    statements: Arc<Statements>,
}

impl PostgresUserStore {
    /// Connects by a URL (see [`Options::from_url`](faroe_postgres::Options::from_url)) with the default table, and creates it
    /// if it is missing.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, the server cannot be reached or refuses the user, or there is another table named `users` or one
    /// of a newer version.
    pub async fn connect(url: &str) -> Result<Self, AdapterError> {
        let database = Database::connect(url).await?;
        let upgraded = database.upgrade("faroe-user-store-postgres", SCHEMA).await;
        upgraded.map_err(|error| AdapterError::new(CREATE_TABLE, error))?;
        Self::new(database, UsersTable::default()).await
    }

    /// Like [`PostgresUserStore::connect`], with addresses whose letter case makes no difference: creates an index for them too.
    ///
    /// # Errors
    ///
    /// As for [`PostgresUserStore::connect`], and when the addresses of two users differ in letter case only.
    pub async fn connect_ignoring_case(url: &str) -> Result<Self, AdapterError> {
        let database = Self::connect(url).await?.database;
        let upgraded = database
            .upgrade("faroe-user-store-postgres-ignoring-case", INDEX)
            .await;
        upgraded.map_err(|error| AdapterError::new(CREATE_INDEX, error))?;
        let mut table = UsersTable::default();
        table.ignores_email_address_case = true;
        Self::new(database, table).await
    }

    /// Connects by a URL with an existing table.
    ///
    /// # Errors
    ///
    /// When the URL is invalid, or the server cannot be reached or refuses the user, and as for [`PostgresUserStore::new`].
    pub async fn connect_existing(url: &str, table: UsersTable) -> Result<Self, AdapterError> {
        Self::new(Database::connect(url).await?, table).await
    }

    /// Uses an existing table in a schema of the search path.
    ///
    /// # Errors
    ///
    /// When the table is unfit for users; the error names all requirements of the [front page](crate) that it misses.
    pub async fn new(database: Database, table: UsersTable) -> Result<Self, AdapterError> {
        const OPERATION: &str = "check the users table in PostgreSQL";
        table
            .validate()
            .map_err(|error| AdapterError::new(OPERATION, error))?;
        let found = FoundTable::find(&database, &table.name).await;
        let found = found.map_err(|error| postgres_error(OPERATION, &error))?;
        let mut defects = check::defects(&table, found.as_ref());
        let address = found.as_ref().and_then(|found| {
            let column = found.column(&table.columns.email_address)?;
            Some((found, column)).filter(|_| table.ignores_email_address_case)
        });
        if let Some((found, column)) = address {
            let ignores_case = found.ignores_case(&database, column).await;
            if !ignores_case.map_err(|error| postgres_error(OPERATION, &error))? {
                check::add_exact_addresses(&mut defects, &table);
            }
        }
        match found.filter(|_| defects.is_empty()) {
            Some(found) => Ok(Self {
                statements: Arc::new(Statements::new(&table, &found)),
                database,
            }),
            None => Err(AdapterError::new(OPERATION, defects)),
        }
    }

    /// Checks that users can be read and written, without changing anything. A database that is read-only, such as a standby,
    /// fails the check.
    ///
    /// # Errors
    ///
    /// When the database does not answer, refuses the statement or is read-only.
    pub async fn check(&self) -> Result<(), AdapterError> {
        let checked = self.run(query(&self.statements.check)).await;
        let checked =
            checked.map_err(|error| postgres_error("check the users in PostgreSQL", &error));
        checked.map(drop)
    }

    /// Returns the password hashes of the first 10,000 rows of the table, without those of users who have no password.
    ///
    /// # Errors
    ///
    /// When the query fails.
    pub async fn sample_password_hashes(&self) -> Result<Vec<PasswordHash>, AdapterError> {
        let read = async {
            let outcome = self.run(query(&self.statements.sample)).await?;
            let hashes = outcome.rows.iter().map(|row| statements::hash(row, 0));
            hashes.collect::<Result<Vec<_>, _>>()
        };
        let mut hashes = read
            .await
            .map_err(|error| postgres_error("read password hashes from PostgreSQL", &error))?;
        hashes.retain(|hash| !hash.is_empty());
        Ok(hashes)
    }

    async fn run(&self, query: UserQuery<'_>) -> Result<Outcome, Error> {
        self.database.run(query).await
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, Error> {
        if !self.statements.can_be_id(id) {
            return Ok(None);
        }
        let outcome = self
            .run(query(&self.statements.get).bind(id.as_str()))
            .await?;
        outcome.rows.first().map(statements::user).transpose()
    }

    async fn get_by_email_address(&self, email_address: &str) -> Result<Option<User>, Error> {
        if !can_be_text(email_address) {
            return Ok(None);
        }
        let get = query(&self.statements.get_by_email_address)
            .bind(email_address)
            .bind(email_address.to_ascii_lowercase());
        let outcome = self.run(get).await?;
        let users = outcome.rows.iter().map(statements::user);
        Ok(holder(email_address, users.collect::<Result<Vec<_>, _>>()?))
    }

    /// Checks whether a change was refused because another user has the address. If several indexes refuse, PostgreSQL names
    /// only one.
    async fn is_address_used(
        &self,
        error: &Error,
        email_address: &str,
        id: Option<&UserId>,
    ) -> Result<bool, Error> {
        let Some(index) = violated_unique_constraint(error) else {
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

    /// Makes a change that increments a counter. The statement's first parameters are the ID, the counter and the next one.
    async fn change<'q>(
        &self,
        operation: &'static str,
        statement: &Arc<str>,
        (id, given, counter): (&'q UserId, Counter, fn(&User) -> Counter),
        bind: impl FnOnce(UserQuery<'q>) -> UserQuery<'q> + Send,
    ) -> Result<Result<UpdateUserOutcome, Error>, AdapterError> {
        if !self.statements.can_be_id(id) {
            return Ok(Ok(UpdateUserOutcome::UserNotFound));
        }
        let Some(next) = given.next() else {
            let user = self.get(id).await;
            let user = user.map_err(|error| postgres_error(operation, &error))?;
            return match user.map(|user| counter(&user)) {
                Some(Counter::MAX) => Err(AdapterError::new(
                    operation,
                    "the user's counter is at the maximum",
                )),
                _ => Ok(Ok(UpdateUserOutcome::UserNotFound)),
            };
        };
        let change = query(statement)
            .bind(id.as_str())
            .bind(given.get())
            .bind(next.get());
        Ok(self
            .run(bind(change))
            .await
            .map(|outcome| updated(&outcome)))
    }
}

type UserQuery<'q> = Query<'q, Postgres, PgArguments>;

/// A query of a statement that contains only quoted names.
fn query<'q>(statement: &Arc<str>) -> UserQuery<'q> {
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
}

fn updated(outcome: &Outcome) -> UpdateUserOutcome {
    match outcome.rows_affected {
        0 => UpdateUserOutcome::UserNotFound,
        _ => UpdateUserOutcome::Updated,
    }
}

#[async_trait]
impl UserStore for PostgresUserStore {
    async fn create_user(&self, new_user: NewUser) -> Result<CreateUserOutcome, AdapterError> {
        let NewUser {
            email_address,
            password_hash,
            user_fields,
            ..
        } = &new_user;
        const OPERATION: &str = "create a user in PostgreSQL";
        let columns = &self.statements.signup_columns;
        let Some(given) = columns.given(user_fields) else {
            return self.invalid_fields(email_address).await;
        };
        let create = self
            .statements
            .create_with(given.iter().map(|(column, _)| *column));
        let create = query(&create)
            .bind(email_address)
            .bind(email_address.to_ascii_lowercase());
        let mut create = self.statements.bind_hash(create, password_hash);
        if self.statements.makes_ids {
            create = create.bind(random::id());
        }
        for (_, value) in &given {
            create = create.bind(statements::sql_value(value));
        }
        let error = match self.run(create).await {
            Ok(outcome) => {
                let user = outcome.rows.first().map(statements::user).transpose();
                let user = user.map_err(|error| postgres_error(OPERATION, &error))?;
                let nothing = || AdapterError::new(OPERATION, "the table accepted no row");
                return user.map(CreateUserOutcome::Created).ok_or_else(nothing);
            }
            Err(error) => error,
        };
        match self.is_address_used(&error, email_address, None).await {
            Ok(true) => Ok(CreateUserOutcome::EmailAddressAlreadyUsed),
            Ok(false) => {
                let error = postgres_error(OPERATION, &error);
                if error.is_refusal() && !columns.is_empty() {
                    return self.invalid_fields(email_address).await;
                }
                Err(error)
            }
            Err(error) => Err(postgres_error(OPERATION, &error)),
        }
    }

    async fn get_user(&self, user_id: &UserId) -> Result<Option<User>, AdapterError> {
        let user = self.get(user_id).await;
        user.map_err(|error| postgres_error("get a user from PostgreSQL", &error))
    }

    async fn get_user_by_email_address(
        &self,
        email_address: &str,
    ) -> Result<Option<User>, AdapterError> {
        const OPERATION: &str = "get a user by email address from PostgreSQL";
        if self.statements.is_too_long(email_address) {
            let reason = "the column is too short for it";
            return Err(AdapterError::refusal(OPERATION, reason));
        }
        let user = self.get_by_email_address(email_address).await;
        user.map_err(|error| postgres_error(OPERATION, &error))
    }

    async fn update_user_email_address(
        &self,
        user_id: &UserId,
        email_address: &str,
        email_address_counter: Counter,
    ) -> Result<UpdateUserEmailAddressOutcome, AdapterError> {
        const OPERATION: &str = "update a user's email address in PostgreSQL";
        let change = self.change(
            OPERATION,
            &self.statements.update_email_address,
            (user_id, email_address_counter, |user| {
                user.email_address_counter
            }),
            |change| change.bind(email_address.to_owned()),
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
            Ok(false) => Err(postgres_error(OPERATION, &error)),
            Err(error) => Err(postgres_error(OPERATION, &error)),
        }
    }

    async fn update_user_password_hash(
        &self,
        user_id: &UserId,
        password_hash: &PasswordHash,
        password_hash_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "update a user's password hash in PostgreSQL";
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
            .map_err(|error| postgres_error(OPERATION, &error))
    }

    async fn increment_user_sessions_counter(
        &self,
        user_id: &UserId,
        sessions_counter: Counter,
    ) -> Result<UpdateUserOutcome, AdapterError> {
        const OPERATION: &str = "increment a user's sessions counter in PostgreSQL";
        let change = self.change(
            OPERATION,
            &self.statements.increment_sessions_counter,
            (user_id, sessions_counter, |user| user.sessions_counter),
            |change| change,
        );
        change
            .await?
            .map_err(|error| postgres_error(OPERATION, &error))
    }

    async fn delete_user(&self, user_id: &UserId) -> Result<UpdateUserOutcome, AdapterError> {
        if !self.statements.can_be_id(user_id) {
            return Ok(UpdateUserOutcome::UserNotFound);
        }
        let outcome = self
            .run(query(&self.statements.delete).bind(user_id.as_str()))
            .await;
        let outcome =
            outcome.map_err(|error| postgres_error("delete a user from PostgreSQL", &error))?;
        Ok(updated(&outcome))
    }
}
